#include "binding/external_buffer.h"

#include <cerrno>
#include <new>

#include "binding/environment.h"
#include "binding/failure.h"

namespace pagestore::binding {

namespace {

struct Wrapped {
  External external;
  bool is_wrapped;  // until then, the finalizer only notes that it ran
  bool is_finalized;
};

// When an environment ends, the runtime finalizes its buffers whether or not they were transferred to another thread,
// which may be reading, and nothing says which were. What can be found out is that the environment ends, for then no
// JavaScript runs.
void finalize(napi_env env, void*, void* hint) {
  auto* wrapped = static_cast<Wrapped*>(hint);
  if (!wrapped->is_wrapped) {
    wrapped->is_finalized = true;
    return;
  }
  const External& external = wrapped->external;
  (is_ending(env) ? external.leave_zeroes : external.close)(external.owner);
  delete wrapped;
}

}  // namespace

napi_value wrap(napi_env env, const External& external) {
  auto* wrapped = new (std::nothrow) Wrapped{external, false, false};
  if (wrapped == nullptr) {
    external.close(external.owner);
    fail(Status::out_of_memory("new", sizeof(Wrapped), ENOMEM));
  }

  napi_value buffer;
  const napi_status result =
      napi_create_external_arraybuffer(env, external.data, external.bytes, finalize, wrapped, &buffer);
  if (result == napi_ok) {
    wrapped->is_wrapped = true;
    return buffer;
  }

  // Some runtimes finalize what they failed to wrap, some do not: it is ours to close either way, and the note stays
  // for a finalizer that may yet come.
  external.close(external.owner);
  if (wrapped->is_finalized) delete wrapped;
  if (result != napi_no_external_buffers_allowed) {
    fail(Status::out_of_memory("wrapping memory", external.bytes, ENOMEM));
  }
  napi_value none;
  check(napi_get_null(env, &none));
  return none;
}

}  // namespace pagestore::binding
