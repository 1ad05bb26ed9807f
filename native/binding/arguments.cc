#include "binding/arguments.h"

#include <cmath>
#include <cstring>
#include <iterator>

#include "binding/tables.h"

namespace pagestore::binding {

bool Arguments::has(size_t i) const {
  napi_valuetype type = napi_undefined;
  napi_typeof(env_, values_[i], &type);
  return type != napi_undefined;
}

Handle Arguments::handle(size_t i) const {
  double number = -1;
  napi_get_value_double(env_, values_[i], &number);
  return Handle(number);
}

SharedStore& Arguments::store(size_t i) const {
  SharedStore* store = addon_->store(handle(i));
  if (store == nullptr) fail(Status::closed());
  return *store;
}

MemoryEntry& Arguments::memory(size_t i) const {
  MemoryEntry* entry = addon_->memory(handle(i));
  if (entry == nullptr) fail(code::memory_closed, "the memory is closed, or its store is");
  return *entry;
}

SnapshotEntry& Arguments::snapshot(size_t i) const {
  SnapshotEntry& entry = key_holder(i);
  if (entry.snapshot.is_key_alone) fail(code::snapshot_released, "only the key of the snapshot was kept");
  return entry;
}

SnapshotEntry& Arguments::key_holder(size_t i) const {
  SnapshotEntry* entry = addon_->snapshot(handle(i));
  if (entry == nullptr) fail(code::snapshot_released, "the snapshot was released, or its store closed");
  return *entry;
}

uint32_t Arguments::page_number(size_t i) const {
  double given;
  if (napi_get_value_double(env_, values_[i], &given) != napi_ok) {
    fail(code::argument_type, "a page number must be a number");
  }
  if (given >= 0 && given <= UINT32_MAX) {
    const auto number = static_cast<uint32_t>(given);
    if (number == given) return number;
  }
  fail(code::page_number, "%.17g is no page number: an unsigned 32-bit integer", given);
}

std::optional<size_t> Arguments::page_count(size_t i, const char* name, size_t most) const {
  double given;
  if (!has(i)) return std::nullopt;
  if (napi_get_value_double(env_, values_[i], &given) != napi_ok) {
    fail(code::argument_type, "%s must be a number of pages", name);
  }
  if (given >= 1 && given <= static_cast<double>(most) && std::trunc(given) == given) return static_cast<size_t>(given);
  fail(code::capacity, "%s is %.17g: must be a whole number of pages from 1 to %zu", name, given, most);
}

pid_t Arguments::pid(size_t i) const {
  double given = 0;
  if (napi_get_value_double(env_, values_[i], &given) != napi_ok) {
    fail(code::argument_type, "the number of a process or thread must be a number");
  }
  if (given >= 1 && given <= INT32_MAX) {
    const auto pid = static_cast<pid_t>(given);
    if (pid == given) return pid;
  }
  fail(code::argument_type, "%.17g is no number of a process or thread: a positive integer", given);
}

bool Arguments::boolean(size_t i) const {
  bool value = false;
  napi_get_value_bool(env_, values_[i], &value);
  return value;
}

uint64_t Arguments::address(size_t i) const {
  uint64_t address;
  bool is_exact = false;
  if (napi_get_value_bigint_uint64(env_, values_[i], &address, &is_exact) != napi_ok) {
    fail(code::argument_type, "an address must be a bigint");
  }
  if (!is_exact) fail(code::address, "the address is negative or has more than 64 bits");
  return address;
}

AddressRange Arguments::range(size_t i) const {
  double length;
  if (napi_get_value_double(env_, values_[i + 1], &length) != napi_ok) {
    fail(code::argument_type, "the length of a range must be a number");
  }
  return range(address(i), length);
}

AddressRange Arguments::range(size_t i, std::span<const std::byte> bytes) const {
  return range(address(i), static_cast<double>(bytes.size()));
}

AddressRange Arguments::range(uint64_t start, double length) {
  constexpr double kMostExact = 9007199254740992;  // 2^53
  if (!(length >= 1 && length < kMostExact && std::trunc(length) == length)) {
    fail(code::address, "%.17g is no length: a whole number of bytes, at least 1", length);
  }
  AddressRange range;
  check(range_of(start, static_cast<uint64_t>(length), &range));
  return range;
}

std::optional<TrackerKind> Arguments::tracker(size_t i) const {
  if (!has(i)) return std::nullopt;
  char name[24] = "";
  napi_get_value_string_utf8(env_, values_[i], name, sizeof(name), nullptr);
  for (size_t kind = 0; kind < std::size(kTrackers); ++kind) {
    if (strcmp(kTrackers[kind], name) == 0) return static_cast<TrackerKind>(kind);
  }
  fail(code::argument_type, "tracker must be 'write-protect', 'soft-dirty' or 'none'");
}

template <typename T>
std::span<T> Arguments::view(size_t i, napi_typedarray_type type, const char* expected) const {
  napi_typedarray_type actual;
  size_t length;
  void* data;
  if (napi_get_typedarray_info(env_, values_[i], &actual, &length, &data, nullptr, nullptr) != napi_ok ||
      actual != type) {
    fail(code::argument_type, "%s", expected);
  }
  if (length == 0 && is_out_of_bounds(values_[i])) {
    fail(code::buffer_detached, "the array's buffer was transferred, or has shrunk beneath it");
  }
  return {static_cast<T*>(data), length};
}

std::span<std::byte> Arguments::bytes(size_t i) const {
  return view<std::byte>(i, napi_uint8_array, "bytes must be a Uint8Array");
}

std::span<PageNumber> Arguments::page_numbers(size_t i) const {
  return view<PageNumber>(i, napi_uint32_array, "page numbers must be a Uint32Array");
}

std::span<double> Arguments::doubles(size_t i, size_t count) const {
  const auto view = this->view<double>(i, napi_float64_array, "a Float64Array is expected");
  if (view.size() != count) fail(code::argument_type, "a Float64Array of %zu is expected", count);
  return view;
}

std::span<uint64_t> Arguments::words(size_t i, size_t count) const {
  const auto view = this->view<uint64_t>(i, napi_biguint64_array, "a BigUint64Array is expected");
  if (view.size() != count) fail(code::argument_type, "a BigUint64Array of %zu is expected", count);
  return view;
}

bool Arguments::is_shared(size_t i) const {
  napi_value buffer;
  bool is_plain = false;
  return napi_get_typedarray_info(env_, values_[i], nullptr, nullptr, nullptr, &buffer, nullptr) == napi_ok &&
         napi_is_arraybuffer(env_, buffer, &is_plain) == napi_ok && !is_plain;
}

// True for a view of no bytes whose buffer was detached, or has shrunk so that the view lies outside. The view alone
// does not tell: only the methods of a typed array look behind its length, and throw a TypeError if there is nothing.
// Where the call was refused because JavaScript will not run on, there is no such error, and the exception that is
// pending instead must stay.
bool Arguments::is_out_of_bounds(napi_value view) const {
  const napi_value at = addon_->typed_array_at();
  if (at == nullptr) return false;
  const napi_status status = napi_call_function(env_, view, at, 0, nullptr, nullptr);
  if (status == napi_ok) return false;
  napi_value exception;
  bool is_error = false;
  check(napi_get_and_clear_last_exception(env_, &exception));
  check(napi_is_error(env_, exception, &is_error));
  if (!is_error) throw Pending{};
  return true;
}

PageNumbers::PageNumbers(const Arguments& arguments, size_t i) {
  const auto numbers = arguments.page_numbers(i);
  count_ = numbers.size();
  if (count_ > std::size(few_)) many_.reset(new PageNumber[count_]);
  if (count_ > 0) memcpy(many_ ? many_.get() : few_, numbers.data(), numbers.size_bytes());
}

}  // namespace pagestore::binding
