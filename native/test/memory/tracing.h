// What tests of live programs share: a store with a program under control, snapshots that release themselves, and the
// truth about a process, read without the code that is being tested.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/tracee/tracee.h"
#include "snapshot/fingerprint.h"
#include "support.h"

namespace pagestore {

std::ostream& operator<<(std::ostream& out, StopKind kind);

}  // namespace pagestore

namespace pagestore::test {

// Where the programs are that the tests run.
std::string program(const std::string& name);

class Program;

// A snapshot that is released at the end of its scope, before its program is.
class ScopedSnapshot {
 public:
  ScopedSnapshot(SharedStore* store, const Snapshot& snapshot) : store_(store), snapshot_(snapshot) {}
  ScopedSnapshot(ScopedSnapshot&& other) noexcept
      : store_(std::exchange(other.store_, nullptr)), snapshot_(other.snapshot_) {}
  ScopedSnapshot& operator=(ScopedSnapshot&& other) noexcept;
  ~ScopedSnapshot();

  const Snapshot& operator*() const { return snapshot_; }
  const Snapshot* operator->() const { return &snapshot_; }

 private:
  SharedStore* store_;
  Snapshot snapshot_;
};

struct Wishes {
  std::optional<TrackerKind> tracker = {};
  bool has_filter = true;
  SystemCallSet further_calls = {};
  size_t max_pages = kMostPages;
  std::vector<std::string> environment = {};
  std::array<std::optional<int>, 3> streams = {std::nullopt, std::nullopt, 2};
  bool restores_files = true;
  bool is_expected_to_start = true;
};

// A store of its own and a tracee in it. At the end nothing may be left in the store.
class Program {
 public:
  explicit Program(const std::vector<std::string>& command, const Wishes& wishes = {});
  // Attached to a process that runs.
  explicit Program(pid_t pid, bool restores_files = true);
  Program(const Program&) = delete;
  ~Program();

  Tracee* operator->() { return tracee_.get(); }
  Tracee& operator*() { return *tracee_; }
  Status status() const { return status_; }  // of the start
  pid_t pid() const { return tracee_->process().pid(); }
  SharedStore* store() { return store_; }

  Stop resume(const RunOptions& options = {});
  Stop choose(int64_t alternative);
  // Until a system call on its entry or exit, or another stop.
  Stop resume_to_call(int64_t call);
  // Interrupted after that long.
  Stop run_for(int64_t milliseconds);

  ScopedSnapshot capture();
  void restore(const ScopedSnapshot& snapshot) { EXPECT_TRUE(ok(tracee_->restore(*snapshot))); }
  Fingerprint fingerprint(const ScopedSnapshot& snapshot);
  Registers registers(std::optional<pid_t> thread = {});
  Bytes read(uint64_t address, size_t count);
  Bytes read(RemoteAddress address, size_t count) { return read(address.value(), count); }
  uint64_t word(uint64_t address);
  void release();  // the tracee; the store stays

 private:
  void create(size_t max_pages);

  SharedStore* store_ = nullptr;
  Status status_ = Status::ok();
  std::unique_ptr<Tracee> tracee_;
};

testing::AssertionResult stopped(const Stop& stop, StopKind kind);
testing::AssertionResult stopped(const Stop& stop, StopKind kind, int64_t value);

// A process as it is, read from /proc alone: each mapping with all of its bytes (of those that can be read
// and are the process's own), neighbours of one kind merged.
struct Mapped {
  uint64_t start, end;
  std::string kind;  // permissions, path
  uint64_t offset;
  bool operator==(const Mapped&) const = default;
};
struct Truth {
  std::vector<Mapped> mappings;
  std::map<uint64_t, Bytes> memory;
  std::map<pid_t, Bytes> registers;  // general, vector and the mask of signals
};
Truth truth_of(Program& program);
// What is the first difference, in words.
testing::AssertionResult same(const Truth& now, const Truth& then);

// A child process of the test, which is killed at the end of the scope.
class Child {
 public:
  explicit Child(const std::function<void()>& body);
  explicit Child(const std::vector<std::string>& command, std::optional<int> output = {});
  ~Child();
  pid_t pid() const { return pid_; }
  // Its status as from waitpid.
  int wait();

 private:
  pid_t pid_;
  bool is_taken_ = false;
};

// The state letter of /proc/PID/stat.
char state_of(pid_t pid);
// Waits until it sleeps in a system call (number as in /proc/PID/syscall).
void wait_until_in_call(pid_t pid, int64_t call);
pid_t tracer_of(pid_t pid);

}  // namespace pagestore::test
