// An array that reports when it cannot grow: for lists whose length comes from outside.
//
// Standard containers would end the host process when memory runs out. Elements are copied as bytes. A call that
// returns false has changed nothing. It leaves to its caller: to name elements that are there, to append no span of its
// own elements, and to keep no pointer to an element across a call that grows.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "system/assert.h"

namespace pagestore {

template <typename T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  GrowingArray() = default;
  GrowingArray(GrowingArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        room_(std::exchange(other.room_, 0)) {}
  GrowingArray& operator=(GrowingArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(room_, other.room_);
    return *this;
  }
  ~GrowingArray() { free(data_); }

  // False when there is no memory; the array is as it was.
  [[nodiscard]] bool reserve(size_t room) {
    if (room <= room_) return true;
    if (room < 2 * room_) room = 2 * room_;
    auto* data = static_cast<T*>(realloc(data_, room * sizeof(T)));
    if (data == nullptr) return false;
    data_ = data;
    room_ = room;
    return true;
  }
  [[nodiscard]] bool append(const T& element) {
    const T copy = element;  // it may lie in this array
    if (!reserve(size_ + 1)) return false;
    data_[size_++] = copy;
    return true;
  }
  [[nodiscard]] bool append(std::span<const T> elements) {
    if (!reserve(size_ + elements.size())) return false;
    if (!elements.empty()) memcpy(data_ + size_, elements.data(), elements.size_bytes());
    size_ += elements.size();
    return true;
  }
  // New elements are not initialized.
  [[nodiscard]] bool resize(size_t size) {
    if (!reserve(size)) return false;
    size_ = size;
    return true;
  }
  void erase(size_t from, size_t count) {
    PS_ASSERT(from <= size_ && count <= size_ - from);
    for (size_t i = from; i + count < size_; ++i) data_[i] = data_[i + count];
    size_ -= count;
  }
  void clear() { size_ = 0; }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) {
    PS_ASSERT(i < size_);
    return data_[i];
  }
  const T& operator[](size_t i) const {
    PS_ASSERT(i < size_);
    return data_[i];
  }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
  size_t room_ = 0;
};

}  // namespace pagestore
