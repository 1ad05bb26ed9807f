// Files below /proc/PID: how they are named, opened and read, and what each error means.
//
// A file is named as proc(5) writes it: "/proc/PID/maps", "/proc/PID/task/TID/stat". The name is a literal,
// so that a Status can carry it and a message names the file that failed. What has ended in the meantime is
// `process_gone`; what the system forbids is `permission`.
#pragma once

#include <dirent.h>
#include <sys/types.h>

#include <memory>
#include <span>

#include "system/growing_array.h"
#include "system/scoped_fd.h"
#include "system/status.h"

namespace pagestore {

// What it means that the system refused `what`, a call or a file, for process `pid`.
Status process_refused(pid_t pid, const char* what, int error_number);

// A thread of a process; without `thread`, the process itself.
struct ProcSubject {
  pid_t process;
  pid_t thread;

  ProcSubject(pid_t pid) : ProcSubject(pid, pid) {}  // NOLINT: implicit, as most files are of a process
  ProcSubject(pid_t pid, pid_t tid) : process(pid), thread(tid) {}
};

// The path that `name` stands for, with the numbers in it.
class ProcPath {
 public:
  ProcPath(ProcSubject subject, const char* name);
  const char* text() const { return text_; }

 private:
  char text_[80];
};

// `flags` as for open(2).
Status open_proc_file(ProcSubject subject, const char* name, int flags, ScopedFd* file);

// All of a file, added to `text`.
Status read_proc_file(ProcSubject subject, const char* name, GrowingArray<char>* text);

// The start of a file, as far as `text` has room, ended by a zero.
Status read_proc_start(ProcSubject subject, const char* name, std::span<char> text);

// The numbers that a folder below /proc/PID lists: of threads, of descriptors. A process that runs may start and open
// others meanwhile.
class NumberDirectory {
 public:
  Status open(pid_t pid, const char* name = "/proc/PID/task");
  // All processes.
  Status open_processes();
  // False at the end.
  bool next(int32_t* number);

 private:
  struct Close {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  std::unique_ptr<DIR, Close> directory_;
};

}  // namespace pagestore
