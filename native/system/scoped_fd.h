// A file descriptor that closes itself. It is moved, never copied.
//
// It is made of what open(2) and its like return, so a failed call makes one that is not open, and `errno` says why. It
// leaves to its caller: not to close the number that `get` gives.
#pragma once

#include <unistd.h>

#include <utility>

namespace pagestore {

class ScopedFd {
 public:
  ScopedFd() = default;
  explicit ScopedFd(int fd) : fd_(fd) {}
  ScopedFd(ScopedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ScopedFd& operator=(ScopedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~ScopedFd() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace pagestore
