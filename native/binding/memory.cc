#include "binding/memory.h"

#include <cstring>

#include "binding/addon.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/results.h"

namespace pagestore::binding {

namespace {

constexpr struct {
  TrackerKind kind;
  const char* name;
} kTrackers[] = {{TrackerKind::write_protect, "write-protect"},
                 {TrackerKind::soft_dirty, "soft-dirty"},
                 {TrackerKind::none, "none"}};

}  // namespace

const char* name_of(TrackerKind kind) {
  for (const auto& tracker : kTrackers) {
    if (tracker.kind == kind) return tracker.name;
  }
  return "";
}

bool get_tracker(napi_env env, napi_value value, TrackerKind* kind, const TrackerKind** wanted) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  *wanted = nullptr;
  if (type == napi_undefined) return true;
  char name[24] = "";
  napi_get_value_string_utf8(env, value, name, sizeof(name), nullptr);
  for (const auto& tracker : kTrackers) {
    if (strcmp(tracker.name, name) != 0) continue;
    *kind = tracker.kind;
    *wanted = kind;
    return true;
  }
  throw_error(env, code::argument_type, "tracker must be 'write-protect', 'soft-dirty' or 'none'");
  return false;
}

namespace {

// (memory, address, length)
template <Status (Masks::*declare)(const AddressRange&)>
napi_value declare_range(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  AddressRange range;
  if (!get_range(env, arguments[1], arguments[2], &range)) return nullptr;
  HeldMemory* memory = get_memory(env, arguments.addon, arguments[0]);
  return memory == nullptr ? nullptr : undefined_or_throw(env, (memory->captured().masks().*declare)(range));
}

// (memory): closing twice is no error
napi_value close_memory(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  arguments.addon->close_memory(get_handle(env, arguments[0]));
  return nullptr;
}

// (name) -> whether this kernel has it
napi_value is_supported(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  TrackerKind kind;
  const TrackerKind* wanted;
  if (!get_tracker(env, arguments[0], &kind, &wanted)) return nullptr;
  return boolean_of(env, wanted != nullptr && Tracker::is_supported(kind));
}

}  // namespace

void add_memory(napi_env env, napi_value exports, Addon* addon) {
  const Function functions[] = {
      {"ignoreRange", declare_range<&Masks::ignore>},
      {"trackRange", declare_range<&Masks::track>},
      {"closeMemory", close_memory},
      {"hasTracker", is_supported},
  };
  add_functions(env, exports, addon, functions);
}

}  // namespace pagestore::binding
