#include "binding/errors.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "binding/addon.h"

namespace pagestore::binding {

namespace {

constexpr size_t kMessage = 320;

const char* code_of(Error error) {
  switch (error) {
    case Error::none:
      break;
    case Error::out_of_memory:
      return "ERR_OUT_OF_MEMORY";
    case Error::page_number:
      return code::page_number;
    case Error::reference_count:
      return "ERR_REFERENCE_COUNT";
    case Error::capacity:
      return code::capacity;
    case Error::store_closed:
      return "ERR_STORE_CLOSED";
    case Error::address:
      return code::address;
    case Error::memory_size:
      return "ERR_MEMORY_SIZE";
    case Error::process_gone:
      return "ERR_PROCESS_GONE";
    case Error::permission:
      return "ERR_PERMISSION";
    case Error::tracker:
      return "ERR_TRACKER";
    case Error::process_memory:
      return "ERR_PROCESS_MEMORY";
    case Error::tracee:
      return "ERR_TRACEE";
    case Error::wrong_thread:
      return "ERR_WRONG_THREAD";
    case Error::thread:
      return "ERR_THREAD";
    case Error::threads:
      return "ERR_THREADS";
    case Error::mapping:
      return "ERR_MAPPING";
    case Error::choice:
      return "ERR_CHOICE";
    case Error::spawn:
      return "ERR_SPAWN";
  }
  return "";
}

// `ways` are offered; UINT64_MAX for no choice at all.
void describe_choice(int64_t choice, uint64_t ways, char (&message)[kMessage]) {
  if (ways == UINT64_MAX) {
    snprintf(message, kMessage, "%" PRId64 " was chosen, but the program waits at no choice", choice);
  } else if (ways == 0) {
    snprintf(message, kMessage, "the program says that there is no way on: ps_choose(0)");
  } else if (choice < 0) {
    snprintf(message, kMessage, "the program waits for a choice among %" PRIu64 " ways: resume({ choose })", ways);
  } else {
    snprintf(message, kMessage, "%" PRId64 " was chosen among %" PRIu64 " ways, which begin at 0", choice, ways);
  }
}

void describe(const Status& status, char (&message)[kMessage]) {
  const uint64_t value = status.value(), limit = status.limit();
  switch (status.error()) {
    case Error::none:
      break;
    case Error::out_of_memory:
      if (status.error_number() == 0) {
        snprintf(message, kMessage, "the store is full: %s allows %" PRIu64 " bytes", status.what(), value);
      } else {
        snprintf(message, kMessage, "no memory: %s was refused for %" PRIu64 " bytes: %s", status.what(), value,
                 strerror(status.error_number()));
      }
      break;
    case Error::page_number:
      snprintf(message, kMessage,
               value < limit ? "page %" PRIu64 " has no reference left (numbers below %" PRIu64 " were used)"
                             : "page %" PRIu64 " was never stored (numbers below %" PRIu64 " were)",
               value, limit);
      break;
    case Error::reference_count:
      snprintf(message, kMessage, "page %" PRIu64 " has %" PRIu64 " references, and a count holds no more", value,
               limit);
      break;
    case Error::capacity:
      snprintf(message, kMessage, "%" PRIu64 " pages: must be at least 1 and at most %" PRIu64, value, limit);
      break;
    case Error::store_closed:
      snprintf(message, kMessage, "the store is closed");
      break;
    case Error::address:
      if (limit > 0) {
        snprintf(message, kMessage, "%" PRIu64 " bytes from 0x%" PRIx64 " on go beyond the last address", limit, value);
      } else {
        snprintf(message, kMessage, "the address 0x%" PRIx64 " lies in no region", value);
      }
      break;
    case Error::memory_size:
      snprintf(message, kMessage, "the memory has %" PRIu64 " bytes, the snapshot %" PRIu64, value, limit);
      break;
    case Error::process_gone:
      snprintf(message, kMessage, "process %" PRIu64 " %s", value, status.what());
      break;
    case Error::permission:
      snprintf(message, kMessage,
               "process %" PRIu64
               " is not ours to read or trace (%s: %s). That takes its user or CAP_SYS_PTRACE, no other tracer, "
               "kernel.yama.ptrace_scope 0, and in a container a seccomp profile that allows it",
               value, status.what(), strerror(status.error_number()));
      break;
    case Error::wrong_thread:
      snprintf(message, kMessage, "%s", status.what());
      break;
    case Error::thread:
      snprintf(message, kMessage, "process %" PRIu64 " has no thread %" PRIu64, limit, value);
      break;
    case Error::threads:
      snprintf(message, kMessage, "thread %" PRIu64 " %s since the snapshot, which memory cannot undo", value,
               status.what());
      break;
    case Error::mapping:
      snprintf(message, kMessage, "the mapping at 0x%" PRIx64 " cannot be made what it was: %s", value,
               status.error_number() == 0 ? "it became another" : strerror(status.error_number()));
      break;
    case Error::choice:
      describe_choice(static_cast<int64_t>(value), limit, message);
      break;
    case Error::tracker:
      snprintf(message, kMessage, "%s: %s%s", status.what(), strerror(status.error_number()),
               status.error_number() == EPERM ? " (in a container, its seccomp profile must allow that)" : "");
      break;
    case Error::process_memory:
    case Error::tracee:
    case Error::spawn:
      snprintf(message, kMessage, "%s: %s", status.what(), strerror(status.error_number()));
      break;
  }
}

}  // namespace

napi_value throw_error(napi_env env, const char* code, const char* message) {
  napi_value arguments[2], error;
  const napi_value error_class = Addon::of(env).error_class();
  if (error_class == nullptr) {
    napi_throw_error(env, code, message);
  } else if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &arguments[0]) == napi_ok &&
             napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &arguments[1]) == napi_ok &&
             napi_new_instance(env, error_class, 2, arguments, &error) == napi_ok) {
    napi_throw(env, error);
  }
  return nullptr;
}

napi_value throw_failure(napi_env env, const Status& status) {
  char message[kMessage];
  describe(status, message);
  return throw_error(env, code_of(status.error()), message);
}

}  // namespace pagestore::binding
