// Why an operation failed, as a value.
//
// The core is compiled without exceptions: whatever can fail returns a Status, and the compiler warns a caller who
// ignores it. A failure carries what a message needs (the number at fault and its limit, the call that failed, its
// errno); the binding makes the sentence. It is passed on as
//
//   if (Status status = f(); !status.is_ok()) return status;
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>

namespace pagestore {

enum class Error : uint8_t {
  none,
  out_of_memory,    // the system, a limit of the process, or the store's own budget refused
  page_number,      // not a page that is stored: never was, or was recycled
  not_owned,        // a reference that who gives it back does not have
  reference_count,  // one more reference than a count can hold
  damaged,          // what snapshots keep in a store is not what was stored
  capacity,         // a capacity or budget that no store can have
  store_closed,
  not_captured,    // a range that makes the state, and is not all in memory that snapshots take
  layout,          // a version of the declarations in a program that is newer than ours
  address,         // a range that is empty, wraps, or lies outside of the memory
  memory_size,     // a memory smaller than the snapshot to be restored
  process_gone,    // the process ended, or became another program, or never was
  permission,      // the system forbids it
  tracker,         // a tracker that this system or this memory does not support
  process_memory,  // reading a process failed half-way
  tracee,          // the system refused something that controlling a process takes
  wrong_thread,    // a thread of ours that is not the tracer
  thread,          // a process without that thread
  threads,         // a thread was started or has ended since a snapshot
  child,           // a process that the tracee started, and that does not roll back
  mapping,         // a mapping that cannot be put back
  files,           // an open file that cannot be put back
  thread_files,    // descriptors that one thread alone has
  choice,          // an answer to a choice that is not offered, or none to one that is
  spawn,           // a program could not be started
};

class [[nodiscard]] Status {
 public:
  static Status ok() { return Status(Error::none, "", 0, 0, 0); }

  // `what` failed with `error_number` (0 when the store's own budget refused) for `bytes`.
  static Status out_of_memory(const char* what, uint64_t bytes, int error_number) {
    return Status(Error::out_of_memory, what, bytes, 0, error_number);
  }

  // The heap has no `bytes`.
  static Status no_memory(uint64_t bytes) { return out_of_memory("malloc", bytes, ENOMEM); }

  // `value` was given, and must be below (or, for counts and capacities, at most) `limit`.
  static Status refused(Error error, uint64_t value, uint64_t limit) { return Status(error, "", value, limit, 0); }

  // Of a stored page, one reference more was to be given back than who gives it back has.
  static Status not_owned(uint64_t page, uint32_t users, uint32_t snapshots) {
    return Status(Error::not_owned, "", page, uint64_t{users} << 32 | snapshots, 0);
  }
  // How many there are.
  uint32_t users() const { return static_cast<uint32_t>(limit_ >> 32); }
  uint32_t snapshots() const { return static_cast<uint32_t>(limit_); }

  // `what` was found, and is followed by `number` in the message.
  static Status damaged(const char* what, uint64_t number) { return Status(Error::damaged, what, number, 0, 0); }

  // The system refused `what`.
  static Status system(Error error, const char* what, int error_number) {
    return Status(error, what, 0, 0, error_number);
  }

  // Of so many bytes from `address` on, some are not captured.
  static Status not_captured(uint64_t address, uint64_t bytes) {
    return Status(Error::not_captured, "", address, bytes, 0);
  }

  // `what` says what has become of the process.
  static Status process_gone(int pid, const char* what) {
    return Status(Error::process_gone, what, static_cast<uint64_t>(pid), 0, 0);
  }
  // The system refused `what` to us.
  static Status permission(int pid, const char* what, int error_number) {
    return Status(Error::permission, what, static_cast<uint64_t>(pid), 0, error_number);
  }

  // It may make no system call for us: `what` says why.
  static Status call_forbidden(int pid, const char* what) {
    return Status(Error::permission, what, static_cast<uint64_t>(pid), kNoMapping, 0);
  }
  bool is_forbidden_call() const { return error_ == Error::permission && limit_ != 0; }
  // The same, for which what is or was mapped at `address` cannot be put back.
  Status at_mapping(uint64_t address) const { return Status(error_, what_, value_, address, error_number_); }
  std::optional<uint64_t> mapping_of_call() const {
    return limit_ == kNoMapping ? std::nullopt : std::optional(limit_);
  }

  // What is or was mapped at `address` cannot be put back.
  // `why` says more than the error, if anything.
  static Status mapping(uint64_t address, int error_number, const char* why = "") {
    return Status(Error::mapping, why, address, 0, error_number);
  }
  // `what` happened to a thread since the snapshot.
  static Status threads(int thread, const char* what) {
    return Status(Error::threads, what, static_cast<uint64_t>(thread), 0, 0);
  }

  // `what` follows the words "process `pid`".
  static Status child(int pid, const char* what) {
    return Status(Error::child, what, static_cast<uint64_t>(pid), 0, 0);
  }

  // `what` goes on the sentence "descriptor `number` (its path) ", or "the file (its path) " where that is -1; 0 where
  // no system call failed.
  static Status files(int number, const char* what, int error_number = 0) {
    return Status(Error::files, what, static_cast<uint64_t>(number), 0, error_number);
  }

  static Status thread_files(int thread) {
    return Status(Error::thread_files, "", static_cast<uint64_t>(thread), 0, 0);
  }

  static Status closed() { return Status(Error::store_closed, "", 0, 0, 0); }

  bool is_ok() const { return error_ == Error::none; }
  Error error() const { return error_; }
  const char* what() const { return what_; }
  uint64_t value() const { return value_; }
  uint64_t limit() const { return limit_; }
  int error_number() const { return error_number_; }

 private:
  Status(Error error, const char* what, uint64_t value, uint64_t limit, int error_number)
      : what_(what), value_(value), limit_(limit), error_number_(error_number), error_(error) {}

  static constexpr uint64_t kNoMapping = 1;  // no mapping begins there

  const char* what_;  // always a literal
  uint64_t value_;
  uint64_t limit_;
  int error_number_;
  Error error_;
};

}  // namespace pagestore
