// What a class derives from that owns one thing: it is neither copied nor assigned.
#pragma once

namespace pagestore {

class NonCopyable {
 public:
  NonCopyable(const NonCopyable&) = delete;
  NonCopyable& operator=(const NonCopyable&) = delete;

 protected:
  NonCopyable() = default;
  ~NonCopyable() = default;
};

}  // namespace pagestore
