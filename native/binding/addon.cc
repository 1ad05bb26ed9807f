#include "binding/addon.h"

#include <cstdlib>
#include <new>

#include "binding/page_store.h"

namespace pagestore::binding {

Addon::~Addon() {
  for (uint32_t handle = 0; handle < count_; ++handle) close(handle);
  free(stores_);
}

Addon& Addon::of(napi_env env) {
  void* addon = nullptr;
  napi_get_instance_data(env, &addon);
  return *static_cast<Addon*>(addon);
}

bool Addon::hold(SharedStore* store, uint32_t* handle) {
  uint32_t unused = 0;
  while (unused < count_ && stores_[unused] != nullptr) ++unused;
  if (unused == count_) {
    const uint32_t count = count_ == 0 ? 4 : count_ * 2;
    auto** stores = static_cast<SharedStore**>(realloc(stores_, count * sizeof(*stores_)));
    if (stores == nullptr) return false;
    for (uint32_t i = count_; i < count; ++i) stores[i] = nullptr;
    stores_ = stores;
    count_ = count;
  }
  stores_[unused] = store;
  *handle = unused;
  return true;
}

void Addon::close(uint32_t handle) {
  if (handle >= count_ || stores_[handle] == nullptr) return;
  stores_[handle]->close();
  stores_[handle] = nullptr;
}

napi_value Addon::referred(napi_ref reference) const {
  napi_value value = nullptr;
  if (reference != nullptr) napi_get_reference_value(env_, reference, &value);
  return value;
}

bool Addon::look_up_builtins() {
  napi_value global, type, prototype, at;
  return napi_get_global(env_, &global) == napi_ok &&
         napi_get_named_property(env_, global, "Uint8Array", &type) == napi_ok &&
         napi_get_named_property(env_, type, "prototype", &prototype) == napi_ok &&
         napi_get_named_property(env_, prototype, "at", &at) == napi_ok &&
         napi_create_reference(env_, at, 1, &typed_array_at_) == napi_ok;
}

void Addon::set_error_class(napi_value error_class) {
  if (error_class_ == nullptr) napi_create_reference(env_, error_class, 1, &error_class_);
}

namespace {

void end(napi_env, void* addon, void*) {
  delete static_cast<Addon*>(addon);
}

}  // namespace

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  auto* addon = new (std::nothrow) Addon(env);
  if (addon == nullptr || napi_set_instance_data(env, addon, end, nullptr) != napi_ok) {
    delete addon;
    return nullptr;
  }
  if (!addon->look_up_builtins()) return nullptr;
  add_page_store(env, exports, addon);
  return exports;
}

}  // namespace pagestore::binding
