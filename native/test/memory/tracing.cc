#include "tracing.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "system/scoped_fd.h"

namespace pagestore {

std::ostream& operator<<(std::ostream& out, StopKind kind) {
  constexpr const char* kNames[] = {"choice", "assertion", "system_call", "signal", "breakpoint",  "exec",
                                    "clone",  "fork",      "timeout",     "exit",   "thread_exit", "killed"};
  return out << kNames[static_cast<size_t>(kind)];
}

}  // namespace pagestore

namespace pagestore::test {

namespace {

std::string proc(pid_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string program(const std::string& name) {
  return std::string(PAGESTORE_PROGRAMS) + "/" + name;
}

ScopedSnapshot& ScopedSnapshot::operator=(ScopedSnapshot&& other) noexcept {
  std::swap(store_, other.store_);
  std::swap(snapshot_, other.snapshot_);
  return *this;
}

ScopedSnapshot::~ScopedSnapshot() {
  if (store_ == nullptr) return;
  EXPECT_TRUE(ok(release(*LockedStores(*store_), &snapshot_)));
}

void Program::create(size_t max_pages) {
  StoreOptions options;
  options.max_pages = max_pages;
  EXPECT_TRUE(ok(SharedStore::create(options, MemoryChoice::any, &store_)));
}

Program::Program(const std::vector<std::string>& command, const Wishes& wishes) {
  create(wishes.max_pages);
  std::vector<std::string> settings = wishes.environment;
  settings.emplace_back("GLIBC_TUNABLES=glibc.pthread.rseq=0");
  const std::vector<char*> arguments = pointers(command), environment = pointers(settings);
  SpawnOptions options;
  options.launch.file = command[0].c_str();
  options.launch.args = arguments.data();
  options.launch.env = environment.data();
  options.launch.has_filter = wishes.has_filter;
  options.launch.further_calls = wishes.further_calls;
  options.launch.streams = wishes.streams;
  options.files.is_restored = wishes.restores_files;
  status_ = Tracee::spawn(store_, options, wishes.tracker, &tracee_);
  if (!wishes.is_expected_to_start) return;
  EXPECT_TRUE(ok(status_));
  // What cannot be tested without it ends the test program, not the machine.
  if (!tracee_) abort();
}

Program::Program(pid_t pid, bool restores_files) {
  create(kMostPages);
  Tracee::AttachOptions options;
  options.files.is_restored = restores_files;
  status_ = Tracee::attach(store_, pid, options, &tracee_);
}

Program::~Program() {
  release();
  const SnapshotStats left = stats_of(*store_);
  EXPECT_EQ(left.pages, 0u);
  EXPECT_EQ(left.tables, 0u);
  EXPECT_EQ(left.references, 0u);
  store_->close();
}

void Program::release() {
  if (!tracee_) return;
  tracee_->release(*LockedStores(*store_));
  tracee_.reset();
}

Stop Program::resume(const RunOptions& options) {
  Stop stop;
  EXPECT_TRUE(ok(tracee_->resume(options, &stop)));
  return stop;
}

Stop Program::choose(int64_t alternative) {
  RunOptions options;
  options.choose = alternative;
  return resume(options);
}

Stop Program::resume_to_call(int64_t call) {
  RunOptions options;
  options.system_calls.emplace().set(static_cast<size_t>(call));
  return resume(options);
}

Stop Program::run_for(int64_t milliseconds) {
  RunOptions options;
  options.timeout = milliseconds;
  return resume(options);
}

ScopedSnapshot Program::capture() {
  Snapshot snapshot;
  EXPECT_TRUE(ok(tracee_->capture(&snapshot)));
  const LockedStores stores(*store_);
  EXPECT_TRUE(ok(tracee_->captured().mask(*stores, &snapshot)));
  EXPECT_TRUE(ok(tracee_->captured().make_key(*stores, &snapshot)));
  return {store_, snapshot};
}

Fingerprint Program::fingerprint(const ScopedSnapshot& snapshot) {
  Fingerprint result;
  EXPECT_TRUE(ok(tracee_->captured().fingerprints().of(*LockedStores(*store_), snapshot->masked, &result)));
  return result;
}

Registers Program::registers(std::optional<pid_t> thread) {
  Registers registers{};
  EXPECT_TRUE(ok(tracee_->registers(thread, &registers)));
  return registers;
}

Bytes Program::read(uint64_t address, size_t count) {
  Bytes bytes(count);
  EXPECT_TRUE(ok(tracee_->read(address, bytes)));
  return bytes;
}

uint64_t Program::word(uint64_t address) {
  uint64_t value = 0;
  EXPECT_TRUE(ok(tracee_->read(address, std::as_writable_bytes(std::span(&value, 1)))));
  return value;
}

testing::AssertionResult stopped(const Stop& stop, StopKind kind) {
  if (stop.kind == kind) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "stopped for " << stop.kind << " " << stop.value << ", not for " << kind;
}

testing::AssertionResult stopped(const Stop& stop, StopKind kind, int64_t value) {
  if (stop.kind == kind && stop.value == value) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "stopped for " << stop.kind << " " << stop.value << ", not for " << kind << " "
                                     << value;
}

Truth truth_of(Program& program) {
  Truth truth;
  std::ifstream maps(proc(program.pid(), "maps"));
  const ScopedFd memory(open(proc(program.pid(), "mem").c_str(), O_RDONLY | O_CLOEXEC));
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string addresses, permissions, device, inode, path;
    uint64_t offset = 0;
    words >> addresses >> permissions >> std::hex >> offset >> device >> inode;
    std::getline(words >> std::ws, path);
    char* rest;
    const uint64_t start = strtoull(addresses.c_str(), &rest, 16), end = strtoull(rest + 1, nullptr, 16);
    if (path.starts_with("[v")) continue;
    const bool is_file = !path.empty() && path[0] == '/';
    Mapped mapped{start, end, permissions + " " + path, is_file ? offset : 0};
    Bytes bytes(end - start);
    const bool is_all = pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(start)) ==
                        static_cast<ssize_t>(bytes.size());
    for (uint64_t at = 0; !is_all && at < bytes.size(); at += page_size()) {
      // What cannot be read lies behind the end of a file.
      static_cast<void>(!pread(memory.get(), bytes.data() + at, page_size(), static_cast<off_t>(start + at)));
    }
    Mapped* last = truth.mappings.empty() ? nullptr : &truth.mappings.back();
    const bool joins = last != nullptr && last->end == start && last->kind == mapped.kind &&
                       (!is_file || offset - last->offset == start - last->start);
    if (joins) {
      last->end = end;
      Bytes& all = truth.memory[last->start];
      all.insert(all.end(), bytes.begin(), bytes.end());
    } else {
      truth.mappings.push_back(mapped);
      truth.memory[start] = std::move(bytes);
    }
  }
  // Of registers what a snapshot puts back, which the thread may know before the kernel does.
  for (TracedThread* thread : program->process().threads()) {
    GrowingArray<std::byte> state;
    EXPECT_TRUE(ok(program->process().save_thread(*thread, &state)));
    truth.registers[thread->id()] = Bytes(state.begin(), state.end());
  }
  return truth;
}

testing::AssertionResult same(const Truth& now, const Truth& then) {
  const auto failure = [] { return testing::AssertionFailure() << std::hex; };
  for (size_t i = 0; i < std::max(now.mappings.size(), then.mappings.size()); ++i) {
    const Mapped none{};
    const Mapped& is = i < now.mappings.size() ? now.mappings[i] : none;
    const Mapped& was = i < then.mappings.size() ? then.mappings[i] : none;
    if (is == was) continue;
    return failure() << "mapping " << is.start << "-" << is.end << " " << is.kind << " was " << was.start << "-"
                     << was.end << " " << was.kind;
  }
  for (const auto& [start, bytes] : now.memory) {
    const Bytes& before = then.memory.at(start);
    if (memcmp(bytes.data(), before.data(), bytes.size()) == 0) continue;
    const size_t at =
        static_cast<size_t>(std::mismatch(bytes.begin(), bytes.end(), before.begin()).first - bytes.begin());
    return failure() << "byte " << start + at << " of the mapping at " << start << " is " << static_cast<int>(bytes[at])
                     << " and was " << static_cast<int>(before[at]);
  }
  if (now.registers != then.registers) return failure() << "registers differ";
  return testing::AssertionSuccess();
}

Child::Child(const std::function<void()>& body) {
  fflush(stdout);
  pid_ = fork();
  if (pid_ == 0) {
    body();
    _exit(0);
  }
}

Child::Child(const std::vector<std::string>& command, std::optional<int> output)
    : Child([&] {
        if (output) dup2(*output, 1);
        execv(command[0].c_str(), pointers(command).data());
        _exit(127);
      }) {}

Child::~Child() {
  if (is_taken_) return;
  kill(pid_, SIGKILL);
  wait();
}

int Child::wait() {
  int status = -1;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  is_taken_ = true;
  return status;
}

char state_of(pid_t pid) {
  std::ifstream file(proc(pid, "stat"));
  std::string text;
  std::getline(file, text);
  const size_t behind = text.rfind(')');
  return behind == std::string::npos ? '\0' : text[behind + 2];
}

void wait_until_in_call(pid_t pid, int64_t call) {
  for (;;) {
    std::ifstream file(proc(pid, "syscall"));
    int64_t number = -1;
    if (file >> number && number == call && state_of(pid) == 'S') return;
    usleep(1000);
  }
}

pid_t tracer_of(pid_t pid) {
  std::ifstream file(proc(pid, "status"));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("TracerPid:")) return atoi(line.c_str() + 10);
  }
  return -1;
}

}  // namespace pagestore::test
