#include "linux/proc_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "system/assert.h"

namespace pagestore {

Status process_refused(pid_t pid, const char* what, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ESRCH:
      return Status::process_gone(pid, "is not there");
    case EACCES:
    case EPERM:
      return Status::permission(pid, what, error_number);
    default:
      return Status::system(Error::process_memory, what, error_number);
  }
}

ProcPath::ProcPath(ProcSubject subject, const char* name) {
  constexpr std::string_view kProcess = "/proc/PID", kThread = "/task/TID";
  PS_ASSERT(std::string_view(name).starts_with(kProcess));
  const std::string_view rest = std::string_view(name).substr(kProcess.size());
  if (rest.starts_with(kThread)) {
    snprintf(text_, sizeof(text_), "/proc/%d/task/%d%s", subject.process, subject.thread, rest.data() + kThread.size());
  } else {
    snprintf(text_, sizeof(text_), "/proc/%d%s", subject.process, rest.data());
  }
}

Status open_proc_file(ProcSubject subject, const char* name, int flags, ScopedFd* file) {
  *file = ScopedFd(open(ProcPath(subject, name).text(), flags | O_CLOEXEC));
  return file->is_open() ? Status::ok() : process_refused(subject.process, name, errno);
}

Status read_proc_file(ProcSubject subject, const char* name, GrowingArray<char>* text) {
  constexpr size_t kPart = 16 << 10;
  ScopedFd file;
  if (Status status = open_proc_file(subject, name, O_RDONLY, &file); !status.is_ok()) return status;
  for (;;) {
    const size_t before = text->size();
    if (!text->resize(before + kPart)) return Status::no_memory(before + kPart);
    const ssize_t got = read(file.get(), text->data() + before, kPart);
    if (got < 0 && errno != EINTR) return process_refused(subject.process, name, errno);
    static_cast<void>(text->resize(before + static_cast<size_t>(got < 0 ? 0 : got)));
    if (got == 0) return Status::ok();
  }
}

Status read_proc_start(ProcSubject subject, const char* name, std::span<char> text) {
  ScopedFd file;
  text[0] = '\0';
  if (Status status = open_proc_file(subject, name, O_RDONLY, &file); !status.is_ok()) return status;
  const ssize_t got = read(file.get(), text.data(), text.size() - 1);
  if (got < 0) return process_refused(subject.process, name, errno);
  text[static_cast<size_t>(got)] = '\0';
  return Status::ok();
}

Status NumberDirectory::open(pid_t pid, const char* name) {
  directory_.reset(opendir(ProcPath(pid, name).text()));
  return directory_ ? Status::ok() : process_refused(pid, name, errno);
}

Status NumberDirectory::open_processes() {
  directory_.reset(opendir("/proc"));
  return directory_ ? Status::ok() : Status::system(Error::tracee, "/proc", errno);
}

bool NumberDirectory::next(int32_t* number) {
  while (const dirent* entry = directory_ ? readdir(directory_.get()) : nullptr) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    *number = atoi(entry->d_name);
    return true;
  }
  return false;
}

}  // namespace pagestore
