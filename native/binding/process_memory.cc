#include "binding/process_memory.h"

#include <cerrno>
#include <new>

#include "binding/addon.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/memory.h"
#include "binding/results.h"

namespace pagestore::binding {

namespace {

HeldMemory* get_process(napi_env env, Addon* addon, napi_value handle) {
  HeldMemory* memory = get_memory(env, addon, handle);
  if (memory == nullptr || memory->process) return memory;
  throw_error(env, code::argument_type, "not a memory of a process");
  return nullptr;
}

// (store, pid, tracker, whether it stands still while it is captured) -> memory
napi_value open_process(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  bool stands_still = false;
  napi_get_value_bool(env, arguments[3], &stands_still);
  pid_t pid;
  TrackerKind kind;
  const TrackerKind* wanted;
  if (!get_pid(env, arguments[1], &pid) || !get_tracker(env, arguments[2], &kind, &wanted)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  std::unique_ptr<HeldMemory> held(new (std::nothrow) HeldMemory{get_handle(env, arguments[0]), nullptr, nullptr});
  if (!held) return throw_failure(env, Status::out_of_memory("new", sizeof(HeldMemory), ENOMEM));
  Handle handle = Handle::none();
  Status status = ProcessMemory::open(store, pid, optional_of(wanted), stands_still, &held->process);
  if (status.is_ok()) status = arguments.addon->hold(std::move(held), &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// (memory): stands still until `resume`
napi_value stop(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const HeldMemory* memory = get_process(env, arguments.addon, arguments[0]);
  return memory == nullptr ? nullptr : undefined_or_throw(env, memory->process->stop());
}

// (memory): of one that is closed there is nothing to resume
napi_value resume(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const HeldMemory* memory = arguments.addon->memory(get_handle(env, arguments[0]));
  if (memory != nullptr && memory->process) memory->process->resume();
  return nullptr;
}

// (memory) -> all regions
napi_value regions(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  HeldMemory* memory = get_process(env, arguments.addon, arguments[0]);
  if (memory == nullptr) return nullptr;
  const RegionList* regions;
  if (Status status = memory->process->regions(&regions); !status.is_ok()) return throw_failure(env, status);
  return regions_of(env, regions->bytes());
}

// (memory) -> for each region told last, 1 if it is captured unless somebody says otherwise
napi_value private_regions(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const HeldMemory* memory = get_process(env, arguments.addon, arguments[0]);
  napi_value result;
  if (memory == nullptr || napi_create_array(env, &result) != napi_ok) return nullptr;
  RegionReader reader(memory->process->listed().bytes());
  Region region;
  for (uint32_t i = 0; reader.next(&region); ++i) {
    napi_set_element(env, result, i, boolean_of(env, memory->process->is_captured(region)));
  }
  return result;
}

// (store, memory, keep) -> snapshot, of those of the regions told last for which `keep` holds 1
napi_value capture(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  Bytes keep;
  if (!get_bytes(env, arguments[2], &keep)) return nullptr;
  if (get_store(env, arguments.addon, arguments[0]) == nullptr) return nullptr;
  HeldMemory* memory = get_process(env, arguments.addon, arguments[1]);
  if (memory == nullptr) return nullptr;
  RegionList kept;
  RegionReader reader(memory->process->listed().bytes());
  Region region;
  Status status = Status::ok();
  for (size_t i = 0; reader.next(&region) && status.is_ok(); ++i) {
    if (i < keep.length && keep.data[i] != std::byte{0}) status = kept.add(region);
  }
  HeldSnapshot held{memory->store, get_handle(env, arguments[1]), {}};
  Handle handle = Handle::none();
  if (status.is_ok()) {
    memory->process->select(std::move(kept));
    status = memory->process->capture(&held.snapshot);
  }
  if (status.is_ok()) status = arguments.addon->hold(held, &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// (memory, address, bytes): fills the Uint8Array
napi_value read(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  AddressRange range;
  std::span<std::byte> bytes;
  if (!get_transfer(env, arguments[1], arguments[2], &range, &bytes)) return nullptr;
  const HeldMemory* memory = get_process(env, arguments.addon, arguments[0]);
  if (memory == nullptr) return nullptr;
  return undefined_or_throw(env, memory->process->read(range.start, bytes));
}

// (memory) -> name
napi_value tracker(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const HeldMemory* memory = get_process(env, arguments.addon, arguments[0]);
  return memory == nullptr ? nullptr : string_of(env, name_of(memory->process->tracker()));
}

}  // namespace

void add_process_memory(napi_env env, napi_value exports, Addon* addon) {
  const Function functions[] = {
      {"openProcessMemory", open_process},
      {"stopProcess", stop},
      {"resumeProcess", resume},
      {"processRegions", regions},
      {"privateRegions", private_regions},
      {"captureProcess", capture},
      {"readProcess", read},
      {"processTracker", tracker},
  };
  add_functions(env, exports, addon, functions);
}

}  // namespace pagestore::binding
