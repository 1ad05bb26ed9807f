// What the facade's Tracee calls, beside what all memories have in common (memory.cc).
#include "memory/tracee/tracee.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "binding/environment.h"
#include "binding/function.h"
#include "binding/strings.h"
#include "binding/tables.h"
#include "ptrace/release/late_releases.h"

namespace pagestore::binding {

namespace {

Tracee& tracee_of(const Arguments& arguments, size_t i) {
  Memory& memory = *arguments.memory(i).memory;
  if (memory.kind() != Memory::Kind::tracee) fail(code::argument_type, "not a tracee");
  return static_cast<Tracee&>(memory);
}

// Properties of an object that the facade made, all of them there and its own: nothing of the user's is called.
class Properties {
 public:
  Properties(napi_env env, napi_value object) : env_(env), object_(object) {}

  napi_value get(const char* name) const {
    napi_value value;
    check(napi_get_named_property(env_, object_, name, &value));
    return value;
  }
  std::optional<int64_t> number(const char* name) const {
    int64_t number;
    if (napi_get_value_int64(env_, get(name), &number) != napi_ok) return std::nullopt;
    return number;
  }
  bool boolean(const char* name) const {
    bool value = false;
    napi_get_value_bool(env_, get(name), &value);
    return value;
  }
  std::string string(const char* name) const { return get_string(env_, get(name)); }
  std::optional<std::string> optional_string(const char* name) const {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, get(name), &type);
    if (type == napi_undefined) return std::nullopt;
    return string(name);
  }
  StringList strings(const char* name) const { return {env_, get(name)}; }
  // The bytes of a Uint8Array; none of anything else.
  std::span<const std::byte> bytes(const char* name) const {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    const napi_status status = napi_get_typedarray_info(env_, get(name), &type, &length, &data, nullptr, nullptr);
    if (status != napi_ok || type != napi_uint8_array) return {};
    return {static_cast<const std::byte*>(data), length};
  }

 private:
  napi_env env_;
  napi_value object_;
};

// Not there for the thread that stopped last.
std::optional<pid_t> thread_at(const Arguments& arguments, size_t i) {
  return arguments.has(i) ? std::optional(arguments.pid(i)) : std::nullopt;
}

// Of bytes that have a bit for each call. A program is resumed with such a set thousands of times in a second.
SystemCallSet calls_in(std::span<const std::byte> bits) {
  constexpr size_t kBits = 64;
  SystemCallSet calls;
  for (size_t i = kMostSystemCalls / kBits; i-- > 0;) {
    uint64_t word = 0;
    if ((i + 1) * sizeof(word) <= bits.size()) memcpy(&word, &bits[i * sizeof(word)], sizeof(word));
    calls = calls << kBits | SystemCallSet(word);
  }
  return calls;
}

void ask_environment(RunOptions* run, napi_env env) {
  run->may_go_on = [](void* context) { return !is_ending(static_cast<napi_env>(context)); };
  run->context = env;
}

// Of a long path the end says most.
[[noreturn]] void fail_to_start(const std::string& file, bool is_there, const Status& status) {
  constexpr size_t kMost = 200;
  const bool is_long = file.size() > kMost;
  const char* const end = file.c_str() + (is_long ? file.size() - kMost : 0);
  // The kernel does not say which file it has not found.
  const bool lacks_other = status.error_number() == ENOENT && strcmp(status.what(), "exec") == 0 && is_there;
  fail("ERR_SPAWN", "%s%s could not be started: %s: %s%s", is_long ? "…" : "", end, status.what(),
       strerror(status.error_number()),
       lacks_other ? " (it is there; the interpreter or dynamic linker that it names is not)" : "");
}

// () -> kept start
Handle open_kept_start(const Arguments& arguments) {
  return arguments.addon().add(std::make_unique<KeptStart>());
}

// (kept start)
void close_kept_start(const Arguments& arguments) {
  arguments.addon().close_kept_start(arguments.handle(0));
}

// (store, what, tracker, kept start) -> memory. An object with properties, since there are twelve; a program takes
// milliseconds to start.
Handle spawn(const Arguments& arguments) {
  const Properties what(arguments.env(), arguments[1]);
  const auto tracker = arguments.tracker(2);
  const std::string file = what.string("file");
  const auto cwd = what.optional_string("cwd");
  StringList args = what.strings("args"), env = what.strings("env");
  SpawnOptions options;
  options.launch.file = file.c_str();
  options.launch.args = args.data();
  options.launch.env = env.data();
  if (cwd) options.launch.cwd = cwd->c_str();
  options.files.is_restored = what.boolean("restoresFiles");
  constexpr const char* kStreams[] = {"stdin", "stdout", "stderr"};
  constexpr const char* kInherited[] = {"inheritsStdin", "inheritsStdout", "inheritsStderr"};
  for (size_t i = 0; i < std::size(kStreams); ++i) {
    options.launch.streams[i] = what.number(kStreams[i]);
    if (what.boolean(kInherited[i])) options.files.inherited[i] = static_cast<int>(i);
  }
  options.launch.has_deterministic_addresses = what.boolean("hasDeterministicAddresses");
  options.launch.has_deterministic_random = what.boolean("hasDeterministicRandom");
  options.launch.has_kept_clock = what.boolean("hasKeptClock");
  options.launch.has_filter = !what.boolean("isDetachable");
  options.launch.further_calls = calls_in(what.bytes("furtherCalls"));
  // Who stops at further calls names those that delete timers.
  options.may_lose_timers = options.launch.further_calls.any();
  options.shares_processor = what.boolean("sharesProcessor");
  options.kept = arguments.has(3) ? arguments.addon().kept_start(arguments.handle(3)) : nullptr;
  options.launch.run.timeout = what.number("timeout");
  ask_environment(&options.launch.run, arguments.env());
  std::unique_ptr<Tracee> tracee;
  const Status status = Tracee::spawn(&arguments.store(0), options, tracker, &tracee);
  if (status.error() == Error::spawn) {
    const std::string path = cwd && file[0] != '/' ? *cwd + "/" + file : file;
    fail_to_start(file, access(path.c_str(), F_OK) == 0, status);
  }
  check(status);
  return arguments.addon().add(arguments.handle(0), std::move(tracee));
}

// (store, pid, tracker, restores files) -> memory
Handle attach(const Arguments& arguments) {
  const pid_t pid = arguments.pid(1);
  Tracee::AttachOptions options;
  options.tracker = arguments.tracker(2);
  options.files.is_restored = arguments.boolean(3);
  std::unique_ptr<Tracee> tracee;
  check(Tracee::attach(&arguments.store(0), pid, options, &tracee));
  return arguments.addon().add(arguments.handle(0), std::move(tracee));
}

// As ptrace has it, signal 0 is none.
SignalAnswer signal_answer(std::optional<int64_t> signal) {
  if (!signal) return {};
  return *signal == 0 ? SignalAnswer::suppress() : SignalAnswer::replace(static_cast<int>(*signal));
}

void write_stop(const Stop& stop, std::span<double> to) {
  const auto put = [&](StopSlot slot, auto value) { to[static_cast<size_t>(slot)] = static_cast<double>(value); };
  const auto bit = [](StopFlag flag, bool is_set) { return is_set ? 1u << static_cast<unsigned>(flag) : 0; };
  put(StopSlot::kind, stop.kind);
  put(StopSlot::thread, stop.thread);
  put(StopSlot::value, stop.value);
  put(StopSlot::flags, bit(StopFlag::entering, stop.is_entry) | bit(StopFlag::has_address, stop.has_address) |
                           bit(StopFlag::ended, stop.has_ended));
  put(StopSlot::text, stop.text.value());
  put(StopSlot::file, stop.file.value());
  put(StopSlot::line, stop.line & UINT32_MAX);
  memcpy(&to[static_cast<size_t>(StopSlot::address)], &stop.address, sizeof(stop.address));
}

// (memory, request, calls as bits or undefined, breakpoint or undefined, stop): fills the stop. The request is a
// Float64Array, since a program is resumed thousands of times in a second and reading an object's properties would cost
// more than the rest.
void resume(const Arguments& arguments) {
  const auto request = arguments.doubles(1, std::size(kResumeSlots));
  const auto asked = [&](ResumeSlot slot) {
    const double value = request[static_cast<size_t>(slot)];
    return std::isnan(value) ? std::nullopt : std::optional(static_cast<int64_t>(value));
  };
  RunOptions options;
  options.choose = asked(ResumeSlot::choose);
  options.signal = signal_answer(asked(ResumeSlot::signal));
  options.thread = asked(ResumeSlot::thread);
  options.timeout = asked(ResumeSlot::timeout);
  options.settle = asked(ResumeSlot::settle);
  if (arguments.has(2)) options.system_calls = calls_in(arguments.bytes(2));
  options.only_entries = asked(ResumeSlot::only_entries).has_value();
  options.goes_on = asked(ResumeSlot::goes_on).has_value();
  if (arguments.has(3)) options.breakpoint = RemoteAddress(arguments.address(3));
  ask_environment(&options, arguments.env());
  const auto to = arguments.doubles(4, std::size(kStopSlots));
  Stop stop;
  check(tracee_of(arguments, 0).resume(options, &stop));
  write_stop(stop, to);
}

// (memory, address, bytes)
void write(const Arguments& arguments) {
  const auto bytes = arguments.bytes(2);
  const AddressRange range = arguments.range(1, bytes);
  check(tracee_of(arguments, 0).write(range.start, bytes));
}

// (memory) -> [kind, text] of one warning, each once; undefined if there is none
napi_value take_warning(const Arguments& arguments) {
  const napi_env env = arguments.env();
  Tracee& tracee = tracee_of(arguments, 0);
  std::optional<Warnings::Warning> found = tracee.files().warnings().take();
  ChildProcesses& children = tracee.children();
  const bool is_of_children = !found && !children.warning().empty();
  if (is_of_children) found = {WarningKind::processes, children.warning()};
  if (!found) return Napi::Env(env).Undefined();
  List list(env);
  list.add(value_of(env, kWarnings[static_cast<size_t>(found->kind)]));
  list.add(value_of(env, found->text));
  if (is_of_children) children.clear_warning();
  return list.to_array();
}

// (memory) -> what the system refused at its start, as words
napi_value refusals(const Arguments& arguments) {
  const napi_env env = arguments.env();
  const Tracee::Refusals refused = tracee_of(arguments, 0).refusals();
  List list(env);
  if (refused.addresses) list.add(value_of(env, "addresses"));
  if (refused.starts) list.add(value_of(env, "starts"));
  if (refused.filter) list.add(value_of(env, "filter"));
  if (refused.tracker) list.add(value_of(env, "tracker"));
  return list.to_array();
}

// (memory), which was restored to its first snapshot
void remove_made(const Arguments& arguments) {
  tracee_of(arguments, 0).files().remove_made();
}

// (memory) -> numbers
napi_value threads(const Arguments& arguments) {
  const TracedProcess& process = tracee_of(arguments, 0).process();
  check(process.check());
  List list(arguments.env());
  for (const TracedThread* thread : process.threads()) {
    if (!thread->has_ended()) list.add(value_of(arguments.env(), thread->id()));
  }
  return list.to_array();
}

// (memory) -> numbers of the threads that wait at a choice
napi_value choosers(const Arguments& arguments) {
  List list(arguments.env());
  for (const TracedThread* thread : tracee_of(arguments, 0).process().threads()) {
    if (thread->asks(question::Kind::choice)) list.add(value_of(arguments.env(), thread->id()));
  }
  return list.to_array();
}

// (memory) -> the number of a thread that did not come to rest in the last run, or 0
pid_t restless(const Arguments& arguments) {
  return tracee_of(arguments, 0).process().restless();
}

// (memory, thread or undefined, words): fills the BigUint64Array with a word for each register
void read_registers(const Arguments& arguments) {
  const auto words = arguments.words(2, Registers::kNames.size());
  Registers registers;
  check(tracee_of(arguments, 0).registers(thread_at(arguments, 1), &registers));
  memcpy(words.data(), &registers, sizeof(registers));
}

// (memory, thread or undefined, words)
void write_registers(const Arguments& arguments) {
  const auto words = arguments.words(2, Registers::kNames.size());
  Registers registers;
  memcpy(&registers, words.data(), sizeof(registers));
  check(tracee_of(arguments, 0).set_registers(thread_at(arguments, 1), registers));
}

// (memory) -> number; of one that has ended, too
pid_t pid(const Arguments& arguments) {
  return tracee_of(arguments, 0).process().pid();
}

// (memory) -> ranges
napi_value declared(const Arguments& arguments) {
  const napi_env env = arguments.env();
  List list(env);
  for (const auto& [start, end] : tracee_of(arguments, 0).declared()) {
    list.add({property("start", bigint_of(env, start)), property("end", bigint_of(env, end))});
  }
  return list.to_array();
}

// (memory): it runs on, untraced
void detach(const Arguments& arguments) {
  check(tracee_of(arguments, 0).detach());
}

// (memory): to kill one that has ended is no error
void kill(const Arguments& arguments) {
  tracee_of(arguments, 0).kill();
}

// () -> whether threads of this one's tracees that were to be let go could not be yet
bool release_threads(const Arguments&) {
  return LateReleases::here().pass();
}

}  // namespace

void add_tracee(Exports& exports) {
  const Function functions[] = {
      {"spawnTracee", guarded<spawn>},
      {"attachTracee", guarded<attach>},
      {"resumeTracee", guarded<resume>},
      {"writeTracee", guarded<write>},
      {"takeWarning", guarded<take_warning>},
      {"removeMadeFiles", guarded<remove_made>},
      {"traceeRefusals", guarded<refusals>},
      {"openKeptStart", guarded<open_kept_start>},
      {"closeKeptStart", guarded<close_kept_start>},
      {"traceeThreads", guarded<threads>},
      {"traceeChoosers", guarded<choosers>},
      {"traceeRestless", guarded<restless>},
      {"readRegisters", guarded<read_registers>},
      {"writeRegisters", guarded<write_registers>},
      {"traceeDeclared", guarded<declared>},
      {"traceePid", guarded<pid>},
      {"detachTracee", guarded<detach>},
      {"killTracee", guarded<kill>},
      {"releaseThreads", guarded<release_threads>},
  };
  exports.add(functions);
  exports.add("registerNames", Registers::kNames);
  exports.add("stopKinds", kStopKinds);
  exports.add("stopSlots", kStopSlots);
  exports.add("stopFlags", kStopFlags);
  exports.add("resumeSlots", kResumeSlots);
  exports.add("warningKinds", kWarnings);
}

}  // namespace pagestore::binding
