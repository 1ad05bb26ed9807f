#include "binding/tracee.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <optional>

#include "binding/addon.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/memory.h"
#include "binding/results.h"
#include "binding/text_list.h"
#include "linux/process_regions.h"

namespace pagestore::binding {

namespace {

Tracee* get_tracee(napi_env env, Addon* addon, napi_value handle) {
  const HeldMemory* memory = get_memory(env, addon, handle);
  if (memory == nullptr) return nullptr;
  if (memory->tracee) return memory->tracee.get();
  throw_error(env, code::argument_type, "not a tracee");
  return nullptr;
}

int64_t get_number(napi_env env, napi_value value, int64_t otherwise) {
  int64_t number = otherwise;
  napi_get_value_int64(env, value, &number);
  return number;
}

// What a number below zero stands for: none.
template <typename T>
std::optional<T> get_optional(napi_env env, napi_value value) {
  const int64_t number = get_number(env, value, -1);
  return number < 0 ? std::nullopt : std::optional<T>(static_cast<T>(number));
}

// 0 is the thread that stopped last.
std::optional<pid_t> get_thread(napi_env env, napi_value value) {
  const auto thread = static_cast<pid_t>(get_number(env, value, 0));
  return thread == 0 ? std::nullopt : std::optional(thread);
}

// −1 is the signal that the thread stopped for, 0 is none.
SignalAnswer get_signal(napi_env env, napi_value value) {
  const auto signal = static_cast<int>(get_number(env, value, -1));
  if (signal < 0) return {};
  return signal == 0 ? SignalAnswer::suppress() : SignalAnswer::replace(signal);
}

napi_value hold(napi_env env, Addon* addon, Handle store, std::unique_ptr<Tracee> tracee) {
  std::unique_ptr<HeldMemory> held(new (std::nothrow) HeldMemory{store, nullptr, nullptr});
  Handle handle = Handle::none();
  if (!held) return throw_failure(env, Status::out_of_memory("new", sizeof(HeldMemory), ENOMEM));
  held->tracee = std::move(tracee);
  const Status status = addon->hold(std::move(held), &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// Whether JavaScript may still run here: not once its Worker is being ended.
bool is_alive(void* data) {
  auto* env = static_cast<napi_env>(data);
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return false;
  napi_value global;
  bool has = false;
  const bool alive =
      napi_get_global(env, &global) == napi_ok && napi_has_named_property(env, global, "Object", &has) == napi_ok;
  napi_close_handle_scope(env, scope);
  return alive;
}

// What of a program is to be the same every time, as bits that the facade knows.
constexpr uint32_t kFixesAddresses = 1, kFixesRandom = 2, kSharesProcessor = 4, kIsDetachable = 8;

// (store, file, arguments, environment, directory or undefined, three streams, bits, tracker,
// milliseconds or -1) -> memory
napi_value spawn(napi_env env, napi_callback_info info) {
  const Arguments<9> arguments(env, info);
  GrowingArray<char> file, directory;
  TextList words, variables;
  TrackerKind kind;
  const TrackerKind* wanted;
  if (!get_text(env, arguments[1], &file) || !words.read(env, arguments[2]) || !variables.read(env, arguments[3]) ||
      !get_tracker(env, arguments[7], &kind, &wanted)) {
    return nullptr;
  }
  SpawnOptions options;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, arguments[4], &type);
  if (type != napi_undefined) {
    if (!get_text(env, arguments[4], &directory)) return nullptr;
    options.launch.cwd = directory.data();
  }
  for (uint32_t i = 0; i < 3; ++i) {
    napi_value stream;
    if (napi_get_element(env, arguments[5], i, &stream) == napi_ok) {
      options.launch.streams[i] = get_optional<int>(env, stream);
    }
  }
  const auto bits = static_cast<uint32_t>(get_number(env, arguments[6], 0));
  options.launch.file = file.data();
  options.launch.args = words.data();
  options.launch.env = variables.data();
  options.launch.has_deterministic_addresses = (bits & kFixesAddresses) != 0;
  options.launch.has_deterministic_random = (bits & kFixesRandom) != 0;
  options.launch.has_filter = (bits & kIsDetachable) == 0;
  options.shares_processor = (bits & kSharesProcessor) != 0;
  options.launch.run.timeout = get_optional<int64_t>(env, arguments[8]);
  options.launch.run.may_go_on = is_alive;
  options.launch.run.context = env;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  std::unique_ptr<Tracee> tracee;
  const Status status = Tracee::spawn(store, options, optional_of(wanted), &tracee);
  if (!status.is_ok()) return throw_failure(env, status);
  return hold(env, arguments.addon, get_handle(env, arguments[0]), std::move(tracee));
}

// (store, pid, tracker) -> memory
napi_value attach(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  TrackerKind kind;
  const TrackerKind* wanted;
  pid_t pid;
  if (!get_pid(env, arguments[1], &pid) || !get_tracker(env, arguments[2], &kind, &wanted)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  std::unique_ptr<Tracee> tracee;
  const Status status = Tracee::attach(store, pid, optional_of(wanted), &tracee);
  if (!status.is_ok()) return throw_failure(env, status);
  return hold(env, arguments.addon, get_handle(env, arguments[0]), std::move(tracee));
}

// A stop as the facade reads it: numbers, and in the last place, as bits, an address.
enum Slot : size_t { kKind, kThread, kValue, kFlags, kText, kFile, kLine, kAddress, kSlots };
constexpr double kIsEntry = 1, kHasAddress = 2, kHasEnded = 4;

void put(const Stop& stop, double* to) {
  to[kKind] = static_cast<double>(stop.kind);
  to[kThread] = stop.thread;
  to[kValue] = static_cast<double>(stop.value);
  to[kFlags] = (stop.is_entry ? kIsEntry : 0) + (stop.has_address ? kHasAddress : 0) + (stop.has_ended ? kHasEnded : 0);
  to[kText] = static_cast<double>(stop.text.value());
  to[kFile] = static_cast<double>(stop.file.value());
  to[kLine] = static_cast<double>(stop.line & UINT32_MAX);
  memcpy(&to[kAddress], &stop.address, sizeof(stop.address));
}

// (memory, choice or -1, signal or -1, calls as bits or undefined, breakpoint or undefined, thread or 0,
// milliseconds or -1, stop to be filled)
napi_value resume(napi_env env, napi_callback_info info) {
  const Arguments<8> arguments(env, info);
  RunOptions options;
  napi_valuetype type = napi_undefined;
  options.choose = get_optional<int64_t>(env, arguments[1]);
  options.signal = get_signal(env, arguments[2]);
  napi_typeof(env, arguments[3], &type);
  if (type != napi_undefined) {
    Bytes calls;
    if (!get_bytes(env, arguments[3], &calls)) return nullptr;
    options.system_calls.emplace();
    for (size_t i = 0; i < kMostSystemCalls && i / 8 < calls.length; ++i) {
      (*options.system_calls)[i] = (static_cast<unsigned>(calls.data[i / 8]) >> (i % 8) & 1) != 0;
    }
  }
  napi_typeof(env, arguments[4], &type);
  if (type != napi_undefined) {
    bool is_exact;
    uint64_t address = 0;
    napi_get_value_bigint_uint64(env, arguments[4], &address, &is_exact);
    options.breakpoint = RemoteAddress(address);
  }
  options.thread = get_thread(env, arguments[5]);
  options.timeout = get_optional<int64_t>(env, arguments[6]);
  options.may_go_on = is_alive;
  options.context = env;
  napi_typedarray_type kind;
  size_t length = 0;
  void* slots = nullptr;
  if (napi_get_typedarray_info(env, arguments[7], &kind, &length, &slots, nullptr, nullptr) != napi_ok ||
      kind != napi_float64_array || length != kSlots) {
    return throw_error(env, code::argument_type, "a Float64Array for the stop");
  }
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  if (tracee == nullptr) return nullptr;
  Stop stop;
  const Status status = tracee->resume(options, &stop);
  if (!status.is_ok()) return throw_failure(env, status);
  put(stop, static_cast<double*>(slots));
  return nullptr;
}

// (store, memory) -> snapshot
napi_value capture(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  if (get_store(env, arguments.addon, arguments[0]) == nullptr) return nullptr;
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[1]);
  if (tracee == nullptr) return nullptr;
  HeldSnapshot held{get_handle(env, arguments[0]), get_handle(env, arguments[1]), {}};
  Handle handle = Handle::none();
  Status status = tracee->capture(&held.snapshot);
  if (status.is_ok()) status = arguments.addon->hold(held, &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// (store, memory, snapshot)
napi_value restore(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[1]);
  if (tracee == nullptr) return nullptr;
  const HeldSnapshot* held = get_snapshot(env, arguments.addon, arguments[2]);
  if (held == nullptr) return nullptr;
  if (arguments.addon->store(held->store) != store) {
    return throw_error(env, code::other_store, "the snapshot is of another store");
  }
  if (held->memory.number() != get_handle(env, arguments[1]).number()) {
    return throw_error(env, code::other_memory, "the snapshot is not of this process");
  }
  return undefined_or_throw(env, tracee->restore(held->snapshot));
}

// (memory) -> regions
napi_value regions(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  if (tracee == nullptr) return nullptr;
  const RegionList* list;
  const Status status = tracee->regions(&list);
  return status.is_ok() ? regions_of(env, list->bytes()) : throw_failure(env, status);
}

// (memory, address, bytes): fills the Uint8Array, or writes what it holds
template <bool writes>
napi_value transfer(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  AddressRange range;
  std::span<std::byte> bytes;
  if (!get_transfer(env, arguments[1], arguments[2], &range, &bytes)) return nullptr;
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  if (tracee == nullptr) return nullptr;
  return undefined_or_throw(env, writes ? tracee->write(range.start, bytes) : tracee->read(range.start, bytes));
}

// (memory) -> numbers
napi_value threads(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  napi_value result;
  if (tracee == nullptr) return nullptr;
  if (const Status status = tracee->process().check(); !status.is_ok()) return throw_failure(env, status);
  if (napi_create_array(env, &result) != napi_ok) return nullptr;
  uint32_t count = 0;
  for (const TracedThread* thread : tracee->process().threads()) {
    if (thread->has_ended()) continue;
    napi_set_element(env, result, count++, number_of(env, static_cast<size_t>(thread->id())));
  }
  return result;
}

// () -> names, in the order of the words
napi_value register_names(napi_env env, napi_callback_info) {
  napi_value result;
  if (napi_create_array(env, &result) != napi_ok) return nullptr;
  uint32_t count = 0;
  for (const char* name : Registers::kNames) napi_set_element(env, result, count++, string_of(env, name));
  return result;
}

// (memory, thread or 0, BigUint64Array of a word for each register): fills it, or takes what it holds
template <bool writes>
napi_value registers(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  napi_typedarray_type kind;
  size_t length = 0;
  void* words = nullptr;
  if (napi_get_typedarray_info(env, arguments[2], &kind, &length, &words, nullptr, nullptr) != napi_ok ||
      kind != napi_biguint64_array || length != Registers::kNames.size()) {
    return throw_error(env, code::argument_type, "a BigUint64Array with a word for each register");
  }
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  if (tracee == nullptr) return nullptr;
  const std::optional<pid_t> thread = get_thread(env, arguments[1]);
  Registers values;
  if (writes) {
    memcpy(&values, words, sizeof(values));
    return undefined_or_throw(env, tracee->set_registers(thread, values));
  }
  const Status status = tracee->registers(thread, &values);
  if (!status.is_ok()) return throw_failure(env, status);
  memcpy(words, &values, sizeof(values));
  return nullptr;
}

// (memory) -> number; of one that has ended, too
napi_value pid(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  return tracee == nullptr ? nullptr : number_of(env, static_cast<size_t>(tracee->process().pid()));
}

// (memory) -> name
napi_value tracker(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  const Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  return tracee == nullptr ? nullptr : string_of(env, name_of(tracee->tracker()));
}

// (memory): runs on, untraced
napi_value detach(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  return tracee == nullptr ? nullptr : undefined_or_throw(env, tracee->detach());
}

// (memory): of one that has ended nothing is left to do
napi_value kill(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Tracee* tracee = get_tracee(env, arguments.addon, arguments[0]);
  if (tracee != nullptr) tracee->kill();
  return nullptr;
}

}  // namespace

void add_tracee(napi_env env, napi_value exports, Addon* addon) {
  const Function functions[] = {
      {"spawnTracee", spawn},
      {"attachTracee", attach},
      {"resumeTracee", resume},
      {"captureTracee", capture},
      {"restoreTracee", restore},
      {"traceeRegions", regions},
      {"readTracee", transfer<false>},
      {"writeTracee", transfer<true>},
      {"traceeThreads", threads},
      {"registerNames", register_names},
      {"readRegisters", registers<false>},
      {"writeRegisters", registers<true>},
      {"traceePid", pid},
      {"traceeTracker", tracker},
      {"detachTracee", detach},
      {"killTracee", kill},
  };
  add_functions(env, exports, addon, functions);
}

}  // namespace pagestore::binding
