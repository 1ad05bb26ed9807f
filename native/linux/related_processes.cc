#include "linux/related_processes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "linux/proc_file.h"

namespace pagestore {

namespace {

constexpr const char* kChildren = "/proc/PID/task/TID/children";

// The numbers of a process, that of our namespace first. A kernel without namespaces does not list them.
Status read_numbers(pid_t pid, GrowingArray<pid_t>* numbers) {
  constexpr std::string_view kLine = "\nNSpid:";
  GrowingArray<char> text;
  numbers->clear();
  if (Status status = read_proc_file(pid, "/proc/PID/status", &text); !status.is_ok()) return status;
  const std::string_view all(text.data(), text.size());
  const size_t found = all.find(kLine);
  const char* at = found == std::string_view::npos ? "" : all.data() + found + kLine.size();
  for (char* end; *at == '\t'; at = end) {
    const auto number = static_cast<pid_t>(strtol(at, &end, 10));
    if (!numbers->append(number)) return Status::no_memory(sizeof(number));
  }
  if (numbers->empty() && !numbers->append(pid)) return Status::no_memory(sizeof(pid));
  return Status::ok();
}

}  // namespace

Status add_children(pid_t pid, pid_t thread, GrowingArray<pid_t>* children) {
  GrowingArray<char> text;
  const Status status = read_proc_file({pid, thread}, kChildren, &text);
  if (status.error() == Error::process_gone &&
      access(ProcPath({pid, thread}, "/proc/PID/task/TID/stat").text(), F_OK) == 0) {
    return Status::system(Error::tracee,
                          "listing the processes that the program has started (/proc/PID/task/TID/children)", ENOENT);
  }
  if (status.error() == Error::process_gone) return Status::ok();
  if (!status.is_ok()) return status;
  if (!text.append('\0')) return Status::no_memory(text.size());
  char* end = nullptr;
  for (const char* at = text.data();; at = end) {
    const auto child = static_cast<pid_t>(strtol(at, &end, 10));
    if (end == at) return Status::ok();
    if (!children->append(child)) return Status::no_memory(sizeof(child));
  }
}

Status read_children(pid_t pid, GrowingArray<pid_t>* children) {
  NumberDirectory tasks;
  children->clear();
  if (Status status = tasks.open(pid); !status.is_ok()) return status;
  for (pid_t thread; tasks.next(&thread);) {
    if (Status status = add_children(pid, thread, children); !status.is_ok()) return status;
  }
  std::sort(children->data(), children->data() + children->size());
  return Status::ok();
}

Status read_namespace_depth(pid_t pid, int* depth) {
  GrowingArray<pid_t> numbers;
  if (Status status = read_numbers(pid, &numbers); !status.is_ok()) return status;
  *depth = static_cast<int>(numbers.size());
  return Status::ok();
}

Status read_number_at(pid_t pid, int depth, pid_t* number) {
  GrowingArray<pid_t> numbers;
  if (Status status = read_numbers(pid, &numbers); !status.is_ok()) return status;
  const auto index = static_cast<size_t>(depth - 1);
  if (index >= numbers.size()) return process_refused(pid, "/proc/PID/status", EINVAL);
  *number = numbers[index];
  return Status::ok();
}

}  // namespace pagestore
