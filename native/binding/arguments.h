// What JavaScript passed, checked and converted. Each function returns false with an exception
// pending.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "binding/addon.h"
#include "store/page_store.h"

namespace pagestore::binding {

// The arguments of one call, as many as the function declares; the rest is undefined.
template <size_t N>
struct Arguments {
  Arguments(napi_env env, napi_callback_info info) {
    size_t count = N;
    void* data;
    napi_get_cb_info(env, info, &count, values, nullptr, &data);
    addon = static_cast<Addon*>(data);
  }
  napi_value operator[](size_t i) const { return values[i]; }

  napi_value values[N];
  Addon* addon;
};

// What a handle names; else null with an exception pending. To be asked for when all other arguments are
// converted: nothing may run in between that could close it.
Handle get_handle(napi_env env, napi_value value);
SharedStore* get_store(napi_env env, Addon* addon, napi_value handle);
HeldMemory* get_memory(napi_env env, Addon* addon, napi_value handle);
HeldSnapshot* get_snapshot(napi_env env, Addon* addon, napi_value handle);
// The same of one whose key alone may have been kept.
HeldSnapshot* get_key_holder(napi_env env, Addon* addon, napi_value handle);

// A range of addresses: a BigInt of 64 bits, and a number of bytes.
bool get_range(napi_env env, napi_value address, napi_value length, AddressRange* range);

// A positive integer that names a process.
bool get_pid(napi_env env, napi_value value, pid_t* pid);

// An unsigned 32-bit integer that is to be a page's number.
bool get_page_number(napi_env env, napi_value value, uint32_t* number);

// A whole number of pages, at least 1 and at most `most`; `otherwise` for undefined.
bool get_page_count(napi_env env, napi_value value, const char* name, size_t most, size_t otherwise, size_t* count);

// A Uint8Array: where its bytes are. Another thread may write to them at any time.
struct Bytes {
  const std::byte* data = nullptr;
  size_t length = 0;
};
bool get_bytes(napi_env env, napi_value value, Bytes* bytes);

// An address, and a Uint8Array that is filled from there or written there.
bool get_transfer(napi_env env, napi_value address, napi_value array, AddressRange* range, std::span<std::byte>* bytes);

// Whether a view is of a SharedArrayBuffer.
bool is_shared(napi_env env, napi_value view);

// A Uint32Array that page numbers are to be written to.
struct Numbers {
  PageNumber* data = nullptr;
  size_t count = 0;
};
bool get_numbers(napi_env env, napi_value value, Numbers* numbers);

// A Uint32Array of page numbers, copied: another thread may change it, through a shared buffer or by
// reading a file into it.
class PageNumbers {
 public:
  bool read(napi_env env, napi_value value);
  const PageNumber* data() const { return data_; }
  size_t count() const { return count_; }

 private:
  const PageNumber* data_ = nullptr;
  size_t count_ = 0;
  PageNumber few_[512];
  std::unique_ptr<PageNumber[]> many_;
};

}  // namespace pagestore::binding
