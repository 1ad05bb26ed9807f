#include "linux/related_processes.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "linux/proc_file.h"

namespace pagestore {

namespace {

constexpr const char* kChildren = "/proc/PID/task/TID/children";

enum class Answer : uint8_t { no, yes, unknown };

Answer compare(pid_t a, pid_t b, Shared what) {
  constexpr int kMemory = 1, kDescriptors = 2;  // KCMP_VM, KCMP_FILES
  const int64_t order = syscall(SYS_kcmp, a, b, what == Shared::memory ? kMemory : kDescriptors, 0, 0);
  if (order >= 0) return order == 0 ? Answer::yes : Answer::no;
  return errno == ESRCH ? Answer::no : Answer::unknown;
}

bool exchange(int file, uint64_t address, uint64_t now, uint64_t* before) {
  const auto offset = static_cast<off_t>(address);
  return pread(file, before, sizeof(*before), offset) == sizeof(*before) &&
         pwrite(file, &now, sizeof(now), offset) == sizeof(now);
}

}  // namespace

Status read_children(pid_t pid, GrowingArray<pid_t>* children) {
  NumberDirectory tasks;
  children->clear();
  if (Status status = tasks.open(pid); !status.is_ok()) return status;
  for (pid_t thread; tasks.next(&thread);) {
    GrowingArray<char> text;
    const Status status = read_proc_file({pid, thread}, kChildren, &text);
    if (status.error() == Error::process_gone &&
        access(ProcPath({pid, thread}, "/proc/PID/task/TID/stat").text(), F_OK) == 0) {
      return Status::system(Error::tracee,
                            "listing the processes that the program has started (/proc/PID/task/TID/children)", ENOENT);
    }
    if (status.error() == Error::process_gone) continue;
    if (!status.is_ok()) return status;
    if (!text.append('\0')) return Status::no_memory(text.size());
    char* end = nullptr;
    for (const char* at = text.data();; at = end) {
      const auto child = static_cast<pid_t>(strtol(at, &end, 10));
      if (end == at) break;
      if (!children->append(child)) return Status::no_memory(sizeof(child));
    }
  }
  std::sort(children->data(), children->data() + children->size());
  return Status::ok();
}

uint64_t start_of(pid_t pid) {
  char text[512];
  uint64_t start = 0;
  if (!read_proc_start(pid, "/proc/PID/stat", text).is_ok()) return 0;
  const char* rest = strrchr(text, ')');
  if (rest == nullptr) return 0;
  sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64, &start);
  return start;
}

bool may_share(pid_t a, pid_t b, Shared what) {
  return compare(a, b, what) != Answer::no;
}

bool shares_memory(pid_t pid, pid_t other, uint64_t address) {
  const Answer answer = compare(pid, other, Shared::memory);
  if (answer != Answer::unknown) return answer == Answer::yes;
  constexpr uint64_t kMark = 0x7061'6765'2073'746f;
  ScopedFd here, there;
  uint64_t before = 0, seen = 0, unchanged = 0;
  if (!open_proc_file(other, "/proc/PID/mem", O_RDONLY, &there).is_ok()) return false;
  if (!open_proc_file(pid, "/proc/PID/mem", O_RDWR, &here).is_ok()) return true;
  const auto offset = static_cast<off_t>(address);
  if (pread(there.get(), &unchanged, sizeof(unchanged), offset) != sizeof(unchanged)) return false;
  if (!exchange(here.get(), address, unchanged ^ kMark, &before)) return true;
  const bool is_read = pread(there.get(), &seen, sizeof(seen), offset) == sizeof(seen);
  static_cast<void>(exchange(here.get(), address, before, &unchanged));
  return is_read && seen == unchanged;
}

}  // namespace pagestore
