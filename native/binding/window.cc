#include "binding/window.h"

#include <cerrno>
#include <new>

#include "binding/errors.h"

namespace pagestore::binding {

namespace {

// Who may still read a window is not always told, so this is the rule. The finalizer unmaps it;
// except when the environment ends while its buffer has been transferred away, for then another
// thread may be reading: the memory stays.
struct WrappedWindow {
  napi_env env;
  Window* window;
  napi_ref buffer;  // weak
  bool is_wrapped;  // until then, the finalizer only takes note that it ran
  bool is_finalized;
  bool is_out_of_sight;
};

// Runs before the runtime's own hook, which finalizes buffers that are still in use.
void before_environment_ends(void* data) {
  auto* wrapped = static_cast<WrappedWindow*>(data);
  napi_handle_scope scope;
  if (napi_open_handle_scope(wrapped->env, &scope) != napi_ok) return;
  napi_value buffer = nullptr;
  bool detached = true;
  napi_get_reference_value(wrapped->env, wrapped->buffer, &buffer);
  if (buffer != nullptr) napi_is_detached_arraybuffer(wrapped->env, buffer, &detached);
  wrapped->is_out_of_sight = detached;
  napi_close_handle_scope(wrapped->env, scope);
}

void finalize(napi_env env, void*, void* hint) {
  auto* wrapped = static_cast<WrappedWindow*>(hint);
  if (!wrapped->is_wrapped) {
    wrapped->is_finalized = true;
    return;
  }
  napi_remove_env_cleanup_hook(env, before_environment_ends, wrapped);
  napi_delete_reference(env, wrapped->buffer);
  if (wrapped->is_out_of_sight) {
    wrapped->window->abandon();
  } else {
    wrapped->window->close();
  }
  delete wrapped;
}

}  // namespace

napi_value wrap_window(napi_env env, SharedStore* store, size_t index) {
  Window* window;
  if (Status status = Window::open(store, index, &window); !status.is_ok()) {
    return throw_failure(env, status);
  }
  auto* wrapped = new (std::nothrow) WrappedWindow{env, window, nullptr, false, false, false};
  if (wrapped == nullptr) {
    window->close();
    return throw_failure(env, Status::out_of_memory("new", sizeof(WrappedWindow), ENOMEM));
  }

  napi_value buffer;
  const napi_status result =
      napi_create_external_arraybuffer(env, window->data(), window->bytes(), finalize, wrapped, &buffer);
  if (result == napi_ok && napi_create_reference(env, buffer, 0, &wrapped->buffer) == napi_ok) {
    wrapped->is_wrapped = true;
    napi_add_env_cleanup_hook(env, before_environment_ends, wrapped);
    return buffer;
  }

  // Some runtimes finalize what they failed to wrap, some do not: the window is ours to close
  // either way, and the note stays for a finalizer that may yet come.
  if (result == napi_ok) napi_detach_arraybuffer(env, buffer);
  window->close();
  if (wrapped->is_finalized) delete wrapped;
  if (result != napi_no_external_buffers_allowed) {
    return throw_failure(env, Status::out_of_memory("wrapping a window", 0, ENOMEM));
  }
  napi_value none;
  napi_get_null(env, &none);
  return none;
}

}  // namespace pagestore::binding
