#include "binding/addon.h"

#include <cstdlib>

#include "binding/page_store.h"
#include "store/page_memory.h"

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

// Only methods of a typed array look behind its length: this one throws if there is nothing behind
// it.
bool Addon::is_out_of_bounds(napi_value view) {
  const Napi::Value at = env_.Global()
                             .Get("Uint8Array")
                             .As<Napi::Object>()
                             .Get("prototype")
                             .As<Napi::Object>()
                             .Get("at");
  if (!at.IsFunction()) return false;
  at.As<Napi::Function>().Call(view, {});
  if (!env_.IsExceptionPending()) return false;
  env_.GetAndClearPendingException();
  return true;
}

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* addon = new (std::nothrow) Addon(env);
  if (addon == nullptr) return exports;
  env.SetInstanceData(addon);
  exports.Set("pageSize", static_cast<double>(page_size()));
  exports.Set("windowPages", static_cast<double>(PageMemory::window_pages()));
  add_page_store(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, initialize)

}  // namespace pagestore::binding
