#include "ptrace/filters/allowed_calls.h"

#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "linux/proc_file.h"
#include "ptrace/filters/tried_calls.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

struct FilterStatus {
  int mode = 0;  // SECCOMP_MODE_…
  uint64_t count = 0;
  bool has_no_new_privileges = false;
};

uint64_t number_behind(const char* text, const char* name) {
  const char* line = strstr(text, name);
  return line != nullptr ? strtoull(line + strlen(name), nullptr, 10) : 0;
}

Status read_status(pid_t thread, FilterStatus* status) {
  GrowingArray<char> text;
  if (Status read = read_proc_file(thread, "/proc/PID/status", &text); !read.is_ok()) return read;
  if (!text.append('\0')) return Status::no_memory(1);
  status->mode = static_cast<int>(number_behind(text.data(), "\nSeccomp:"));
  status->count = number_behind(text.data(), "\nSeccomp_filters:");
  // A kernel that does not count them: there is at least one.
  if (status->mode == SECCOMP_MODE_FILTER) status->count = std::max<uint64_t>(status->count, 1);
  status->has_no_new_privileges = number_behind(text.data(), "\nNoNewPrivs:") != 0;
  return Status::ok();
}

// Whether those of a thread may all be ours, as far as can be told: what is in no container of ours has others, and so
// has one that gave up privileges, as it takes to add a filter, where we did not.
bool may_be_ours(pid_t thread, const FilterStatus& theirs, const FilterStatus& ours) {
  char name[64];
  struct stat here {
  }, there{};
  snprintf(name, sizeof(name), "/proc/%d/ns/mnt", thread);
  const bool is_elsewhere = read_file_status("/proc/self/ns/mnt", &here) != 0 || read_file_status(name, &there) != 0 ||
                            here.st_ino != there.st_ino || here.st_dev != there.st_dev;
  return theirs.count <= ours.count && !is_elsewhere && (ours.has_no_new_privileges || !theirs.has_no_new_privileges);
}

}  // namespace

Status AllowedCalls::check(const ThreadTable& threads, const TracedThread& maker, const SystemCall& call,
                           CallNeed need) {
  if (!is_known_) {
    if (Status status = find(threads); !status.is_ok()) return status;
  }
  if (!has_filters_) return Status::ok();
  if (thread_ != maker.id()) {
    if (Status status = find(maker); !status.is_ok()) return status;
  }
  if (is_allowed(call, need)) return Status::ok();
  return forbidden(maker.id());
}

// A thread that is started later has the filters of the one that starts it.
Status AllowedCalls::find(const ThreadTable& threads) {
  has_filters_ = false;
  thread_ = 0;
  for (const TracedThread* each : threads.all()) {
    FilterStatus status;
    if (each->has_ended()) continue;
    if (Status read = read_status(each->id(), &status); !read.is_ok()) return read;
    has_filters_ = has_filters_ || status.mode != SECCOMP_MODE_DISABLED;
  }
  is_known_ = true;
  return Status::ok();
}

Status AllowedCalls::find(const TracedThread& thread) {
  FilterStatus theirs, ours;
  thread_ = 0;
  if (Status read = read_status(thread.id(), &theirs); !read.is_ok()) return read;
  if (theirs.mode == SECCOMP_MODE_DISABLED) {
    known_ = Known::nothing_filtered;
  } else if (theirs.mode == SECCOMP_MODE_STRICT) {
    known_ = Known::nothing_allowed;
  } else {
    bool can_read = false;
    if (Status status = read_programs(thread, theirs.count, &can_read); !status.is_ok()) return status;
    if (Status status = read_status(getpid(), &ours); !status.is_ok()) return status;
    known_ = can_read                                 ? Known::by_program
             : may_be_ours(thread.id(), theirs, ours) ? Known::by_trial
                                                      : Known::nothing_allowed;
  }
  thread_ = thread.id();
  return Status::ok();
}

Status AllowedCalls::read_programs(const TracedThread& thread, uint64_t count, bool* can_read) {
  constexpr auto kGetFilter = static_cast<__ptrace_request>(0x420c);
  programs_.clear();
  *can_read = false;
  for (uint64_t i = 0; i < count; ++i) {
    const long length = ptrace(kGetFilter, thread.id(), i, nullptr);
    if (length <= 0) return Status::ok();
    GrowingArray<sock_filter> steps;
    if (!steps.resize(static_cast<size_t>(length))) return Status::no_memory(sizeof(sock_filter));
    if (ptrace(kGetFilter, thread.id(), i, steps.data()) != length) return Status::ok();
    if (Status status = programs_.add({steps.data(), steps.size()}); !status.is_ok()) return status;
  }
  *can_read = true;
  return Status::ok();
}

bool AllowedCalls::is_allowed(const SystemCall& call, CallNeed need) const {
  switch (known_) {
    case Known::nothing_filtered:
      return true;
    case Known::nothing_allowed:
      return false;
    case Known::by_trial:
      return survives_call(call.number);
    case Known::by_program:
      break;
  }
  return programs_.allow(call, need);
}

}  // namespace pagestore
