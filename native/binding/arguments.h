// The arguments of one call, checked and converted. What is not as it must be throws a Failure.
//
// Nothing is allocated, however many arguments there are. The values are read by Node-API's own functions, which for a
// number and a typed array take half the time of node-addon-api's. They refuse only a value of another type: where
// their status is not asked for, what they would have written was set before to what is refused, or to the default.
//
// It leaves to its caller: to convert numbers, arrays and ranges first, and to ask for what a handle names last.
// Converting may run JavaScript, which could close it.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "binding/addon.h"
#include "binding/failure.h"
#include "memory/tracker.h"
#include "system/non_copyable.h"

namespace pagestore::binding {

class Arguments : NonCopyable {
 public:
  static constexpr size_t kMost = 5;  // that any function takes; those that are missing are undefined

  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMost;
    void* data = nullptr;
    // It refuses only a null pointer.
    napi_get_cb_info(env, info, &count, values_, nullptr, &data);
    addon_ = static_cast<Addon*>(data);
  }

  Napi::Env env() const { return env_; }
  Addon& addon() const { return *addon_; }
  napi_value operator[](size_t i) const { return values_[i]; }
  bool has(size_t i) const;  // it is not undefined

  // What the handle at `i` names.
  Handle handle(size_t i) const;
  SharedStore& store(size_t i) const;
  MemoryEntry& memory(size_t i) const;
  SnapshotEntry& snapshot(size_t i) const;
  // The same of a snapshot of which only the key may have been kept.
  SnapshotEntry& key_holder(size_t i) const;

  // An unsigned 32-bit integer that is to be a page's number.
  uint32_t page_number(size_t i) const;
  // A whole number of pages, at least 1 and at most `most`.
  std::optional<size_t> page_count(size_t i, const char* name, size_t most) const;
  pid_t pid(size_t i) const;
  bool boolean(size_t i) const;
  // A bigint of 64 bits.
  uint64_t address(size_t i) const;
  // From the address at `i` on; as many bytes as the next argument says, or as there are in `bytes`.
  AddressRange range(size_t i) const;
  AddressRange range(size_t i, std::span<const std::byte> bytes) const;
  std::optional<TrackerKind> tracker(size_t i) const;

  // Where the bytes of a Uint8Array are. Another thread may write to them at any time.
  std::span<std::byte> bytes(size_t i) const;
  // The elements of a Uint32Array; of a Float64Array or BigUint64Array of so many.
  std::span<PageNumber> page_numbers(size_t i) const;
  std::span<double> doubles(size_t i, size_t count) const;
  std::span<uint64_t> words(size_t i, size_t count) const;
  // Whether a view is of a SharedArrayBuffer.
  bool is_shared(size_t i) const;

 private:
  static AddressRange range(uint64_t start, double length);
  template <typename T>
  std::span<T> view(size_t i, napi_typedarray_type type, const char* expected) const;
  bool is_out_of_bounds(napi_value view) const;

  napi_env env_;
  Addon* addon_;
  napi_value values_[kMost];
};

// The page numbers of a Uint32Array, copied: another thread may change it, through a shared buffer or by reading a file
// into it.
class PageNumbers {
 public:
  PageNumbers(const Arguments& arguments, size_t i);
  const PageNumber* data() const { return many_ ? many_.get() : few_; }
  size_t count() const { return count_; }

 private:
  size_t count_;
  PageNumber few_[512];
  std::unique_ptr<PageNumber[]> many_;
};

}  // namespace pagestore::binding
