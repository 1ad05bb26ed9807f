#include "binding/failure.h"

#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <exception>

#include "binding/addon.h"
#include "linux/trace_obstacle.h"

namespace pagestore::binding {

void fail(const char* code, const char* format, ...) {
  Failure failure{code, ""};
  va_list values;
  va_start(values, format);
  vsnprintf(failure.message, sizeof(failure.message), format, values);
  va_end(values);
  throw failure;
}

namespace {

// `offered` alternatives wait for an answer; UINT64_MAX where the program waits for none.
[[noreturn]] void fail_at_choice(int64_t chosen, uint64_t offered) {
  if (offered == UINT64_MAX) fail(code::choice, "%" PRId64 " was chosen, but the program waits at no choice", chosen);
  if (offered == 0) fail(code::choice, "the program offers no alternative: ps_choose(0)");
  if (chosen < 0)
    fail(code::choice, "the program waits for a choice among %" PRIu64 " alternatives: pass resume({ choose })",
         offered);
  fail(code::choice, "%" PRId64 " was chosen among %" PRIu64 " alternatives, which begin at 0", chosen, offered);
}

[[noreturn]] void fail_for_page(const Status& status) {
  const uint64_t page = status.value();
  if (status.error() == Error::not_owned) {
    fail(code::page_number,
         "page %" PRIu64 " has %" PRIu32 " references of users and %" PRIu32
         " of snapshots: no more can be released than users have",
         page, status.users(), status.snapshots());
  }
  if (page >= status.limit()) {
    fail(code::page_number, "page %" PRIu64 " was never stored (%" PRIu64 " were)", page, status.limit());
  }
  fail(code::page_number, "page %" PRIu64 " has no reference left (0 of users, 0 of snapshots)", page);
}

[[noreturn]] void fail_for_memory(const Status& status) {
  const uint64_t bytes = status.value();
  if (status.error_number() == 0) {
    fail(code::out_of_memory, "the store is full: its %s allows %" PRIu64 " bytes", status.what(), bytes);
  }
  fail(code::out_of_memory, "out of memory: %" PRIu64 " bytes were refused (%s: %s)", bytes, status.what(),
       strerror(status.error_number()));
}

// Of what a program declares, or a caller in its stead.
[[noreturn]] void fail_for_declarations(const Status& status) {
  const uint64_t value = status.value(), limit = status.limit();
  if (status.error() == Error::layout) {
    fail("ERR_PROGRAM",
         "the program includes a pagestore.h of layout %" PRIu64
         ", but this version of pagestore reads layouts up to %" PRIu64,
         value, limit);
  }
  fail(code::address,
       "the range of %" PRIu64 " bytes from 0x%" PRIx64 " on makes the state, but snapshots do not take all of it",
       limit, value);
}

[[noreturn]] void fail_for_thread(const Status& status) {
  const uint64_t value = status.value();
  if (status.error() == Error::thread) {
    fail("ERR_THREAD", "process %" PRIu64 " has no thread %" PRIu64, status.limit(), value);
  }
  fail("ERR_THREADS", "thread %" PRIu64 " %s since the snapshot, which a restore cannot undo", value, status.what());
}

[[noreturn]] void fail_for_tracee(const Status& status) {
  if (status.error() == Error::child) fail("ERR_TRACEE", "process %" PRIu64 "%s", status.value(), status.what());
  const bool is_memory = status.error() == Error::process_memory;
  fail(is_memory ? "ERR_PROCESS_MEMORY" : "ERR_TRACEE", "%s: %s", status.what(), strerror(status.error_number()));
}

// What was asked of whom, why not, and what helps.
[[noreturn]] void fail_for_permission(const Status& status) {
  constexpr const char* kCode = "ERR_PERMISSION";
  if (status.is_forbidden_call()) {
    char mapping[64] = "";
    if (const auto address = status.mapping_of_call()) {
      snprintf(mapping, sizeof(mapping), "the mapping at 0x%" PRIx64 " could not be put back: ", *address);
    }
    fail(kCode, "%sprocess %" PRIu64 " can make no such system call for us: %s", mapping, status.value(),
         status.what());
  }
  constexpr const char* kAsked = "process %" PRIu64 " is not ours to read or trace: the system refused %s (%s)";
  char asked[160];
  const uint64_t pid = status.value();
  snprintf(asked, sizeof(asked), kAsked, pid, status.what(), strerror(status.error_number()));
  const TraceObstacle obstacle = find_obstacle(static_cast<pid_t>(pid));
  if (obstacle.tracer != 0) fail(kCode, "%s. Process %d traces it already", asked, obstacle.tracer);
  if (obstacle.owner) {
    fail(kCode, "%s. It is user %u's, and we are user %u: run as that user, or with CAP_SYS_PTRACE (sudo)", asked,
         *obstacle.owner, geteuid());
  }
  if (obstacle.is_unreadable) {
    fail(kCode,
         "%s. It lets nobody read it, by prctl(PR_SET_DUMPABLE, 0) or as its file may not be read: run with "
         "CAP_SYS_PTRACE (sudo)",
         asked);
  }
  if (obstacle.yama_scope > 0) {
    fail(kCode, "%s. kernel.yama.ptrace_scope is %d: sudo sysctl kernel.yama.ptrace_scope=0, or CAP_SYS_PTRACE (sudo)",
         asked, obstacle.yama_scope);
  }
  fail(kCode,
       "%s. It has more privileges, or a container's seccomp profile forbids it: run with CAP_SYS_PTRACE (sudo, "
       "docker run --cap-add=SYS_PTRACE)",
       asked);
}

[[noreturn]] void fail_for_mapping(const Status& status) {
  const char* const why = status.what();
  const char* const reason = status.error_number() == 0 ? "it became a different one" : strerror(status.error_number());
  fail("ERR_MAPPING", "the mapping at 0x%" PRIx64 " could not be put back: %s", status.value(),
       why[0] != '\0' ? why : reason);
}

[[noreturn]] void fail_for_files(const Status& status, const char* reason) {
  const uint64_t value = status.value();
  if (status.error() == Error::thread_files) {
    fail("ERR_FILES", "thread %" PRIu64 " has descriptors of its own, which do not roll back", value);
  }
  fail("ERR_FILES", "descriptor %" PRIu64 " %s: %s", value, status.what(), reason);
}

}  // namespace

void fail(const Status& status) {
  const uint64_t value = status.value(), limit = status.limit();
  const char *const what = status.what(), *const reason = strerror(status.error_number());
  switch (status.error()) {
    case Error::none:
      break;
    case Error::out_of_memory:
      fail_for_memory(status);
    case Error::page_number:
    case Error::not_owned:
      fail_for_page(status);
    case Error::damaged:
      fail("ERR_STORE_DAMAGED", "the store is damaged, close it: %s %" PRIu64, what, value);
    case Error::reference_count:
      fail("ERR_REFERENCE_COUNT", "page %" PRIu64 " has %" PRIu64 " references, the most that the store can count",
           value, limit);
    case Error::capacity:
      fail(code::capacity, "%" PRIu64 " pages are out of range: 1 to %" PRIu64, value, limit);
    case Error::store_closed:
      fail("ERR_STORE_CLOSED", "the store is closed");
    case Error::not_captured:
    case Error::layout:
      fail_for_declarations(status);
    case Error::address:
      if (limit == 0) fail(code::address, "the address 0x%" PRIx64 " lies in no region", value);
      fail(code::address, "a range of %" PRIu64 " bytes from 0x%" PRIx64 " on goes beyond the last address", limit,
           value);
    case Error::memory_size:
      fail("ERR_MEMORY_SIZE", "the memory has %" PRIu64 " bytes, the snapshot %" PRIu64, value, limit);
    case Error::process_gone:
      fail("ERR_PROCESS_GONE", "process %" PRIu64 "%s%s", value, what[0] == 'a' ? ", " : " ", what);
    case Error::permission:
      fail_for_permission(status);
    case Error::wrong_thread:
      fail("ERR_WRONG_THREAD", "%s", what);
    case Error::thread:
    case Error::threads:
      fail_for_thread(status);
    case Error::mapping:
      fail_for_mapping(status);
    case Error::files:
    case Error::thread_files:
      fail_for_files(status, reason);
    case Error::choice:
      fail_at_choice(static_cast<int64_t>(value), limit);
    case Error::tracker:
      fail("ERR_TRACKER", "%s: %s%s", what, reason,
           status.error_number() == EPERM || status.error_number() == ENOSYS
               ? " (in a container, its seccomp profile must allow that)"
               : "");
    case Error::process_memory:
    case Error::child:
    case Error::tracee:
      fail_for_tracee(status);
    case Error::spawn:
      fail("ERR_SPAWN", "the program could not be started: %s: %s", what, reason);
  }
  fail("", "no failure");
}

void throw_in_javascript(napi_env env, const Failure& failure) {
  napi_value arguments[2], error;
  const napi_value error_class = Addon::of(env).error_class();
  if (error_class == nullptr) {
    napi_throw_error(env, failure.code, failure.message);
  } else if (napi_create_string_utf8(env, failure.code, NAPI_AUTO_LENGTH, &arguments[0]) == napi_ok &&
             napi_create_string_utf8(env, failure.message, NAPI_AUTO_LENGTH, &arguments[1]) == napi_ok &&
             napi_new_instance(env, error_class, 2, arguments, &error) == napi_ok) {
    napi_throw(env, error);
  }
}

void throw_current_in_javascript(napi_env env) {
  try {
    throw;
  } catch (const Failure& failure) {
    throw_in_javascript(env, failure);
  } catch (const Pending&) {
  } catch (const Napi::Error&) {
    // Of the calls that we leave to node-addon-api, which make values and run no JavaScript.
    throw_in_javascript(env, {code::out_of_memory, "out of memory: no room for a JavaScript value"});
  } catch (const std::exception&) {
    // new and the containers of the binding, which throw nothing else.
    throw_in_javascript(env, {code::out_of_memory, "out of memory: new failed"});
  }
}

}  // namespace pagestore::binding
