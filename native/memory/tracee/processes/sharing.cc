#include "memory/tracee/processes/sharing.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "linux/proc_file.h"
#include "linux/program_layout.h"

namespace pagestore {

namespace {

bool is_unknown(const ComparedTask& task) {
  return task.answer == Sameness::unknown;
}

bool has_unknown(std::span<const ComparedTask> tasks) {
  return std::any_of(tasks.begin(), tasks.end(), is_unknown);
}

// Those that have the word, of those that are not known.
void mark_different_without(uint64_t address, uint64_t word, std::span<ComparedTask> tasks) {
  for (ComparedTask& task : tasks) {
    ScopedFd memory;
    uint64_t seen = 0;
    if (!is_unknown(task)) continue;
    const bool is_read = open_proc_file(task.id, "/proc/PID/mem", O_RDONLY, &memory).is_ok() &&
                         pread(memory.get(), &seen, sizeof(seen), static_cast<off_t>(address)) == sizeof(seen);
    if (!is_read || seen != word) task.answer = Sameness::different;
  }
}

// Another program has its stack elsewhere, and need not be read.
void mark_other_programs(pid_t pid, std::span<ComparedTask> tasks) {
  ProgramLayout ours, theirs;
  if (!read_program_layout(pid, &ours).is_ok()) return;
  for (ComparedTask& task : tasks) {
    if (!is_unknown(task)) continue;
    const bool is_read = read_program_layout(task.id, &theirs).is_ok();
    const bool is_equal = theirs.stack_start == ours.stack_start && theirs.heap_start == ours.heap_start;
    if (!is_read || !is_equal) task.answer = Sameness::different;
  }
}

void mark_same(std::span<ComparedTask> tasks) {
  for (ComparedTask& task : tasks) {
    if (is_unknown(task)) task.answer = Sameness::same;
  }
}

// By bytes that are another number for a moment.
Status compare_memory(TracedProcess& process, RemoteAddress scratch, std::span<ComparedTask> tasks) {
  constexpr uint64_t kMark = 0x7061'6765'2073'746f;
  mark_other_programs(process.live_thread(), tasks);
  if (!has_unknown(tasks)) return Status::ok();
  uint64_t before = 0;
  if (Status status = process.read(scratch, &before, sizeof(before)); !status.is_ok()) return status;
  const uint64_t marked = before ^ kMark;
  mark_different_without(scratch.value(), before, tasks);
  if (Status status = process.write(scratch, &marked, sizeof(marked)); !status.is_ok()) return status;
  mark_different_without(scratch.value(), marked, tasks);
  if (Status status = process.write(scratch, &before, sizeof(before)); !status.is_ok()) return status;
  mark_different_without(scratch.value(), before, tasks);
  mark_same(tasks);
  return Status::ok();
}

bool is_event_count(pid_t task, int64_t number) {
  char name[64], path[64];
  snprintf(name, sizeof(name), "/proc/%d/fd/%d", task, static_cast<int>(number));
  const ssize_t length = readlink(name, path, sizeof(path));
  return length > 0 && std::string_view(path, static_cast<size_t>(length)) == "anon_inode:[eventfd]";
}

// By a descriptor that is there for a moment.
Status compare_descriptors(TracedProcess& process, std::span<ComparedTask> tasks) {
  int64_t number = -1, closed = -1;
  TracedThread* thread;
  if (Status status = process.thread(process.live_thread(), &thread); !status.is_ok()) return status;
  const Status made = process.call({SYS_eventfd2, {0, EFD_CLOEXEC}}, &number, thread);
  if (made.error() == Error::permission) return Status::ok();  // a filter of its own forbids it: nothing is known
  if (!made.is_ok()) return made;
  if (number < 0) return Status::ok();
  GrowingArray<bool> had;
  bool fits = true;
  for (const ComparedTask& task : tasks) fits = fits && had.append(is_event_count(task.id, number));
  const SystemCall close{SYS_close, {static_cast<uint64_t>(number)}};
  if (Status status = process.call(close, &closed, thread); !status.is_ok()) return status;
  if (!fits) return Status::no_memory(tasks.size());
  if (closed != 0) return Status::system(Error::tracee, "closing a descriptor", static_cast<int>(-closed));
  for (size_t i = 0; i < tasks.size(); ++i) {
    const bool is_same = had[i] && !is_event_count(tasks[i].id, number);
    if (is_unknown(tasks[i])) tasks[i].answer = is_same ? Sameness::same : Sameness::different;
  }
  return Status::ok();
}

// Who may share something: those that we saw start with it, and any process at all where some start was not seen.
Status find_candidates(TracedProcess& process, GrowingArray<ComparedTask>* tasks) {
  const StartedProcesses& started = process.started();
  bool fits = true;
  if (!started.has_unseen_sharers()) {
    for (const StartedProcess& each : started.all()) {
      if (each.start.shared.any()) fits = fits && tasks->append({each.id, Sameness::unknown});
    }
    return fits ? Status::ok() : Status::no_memory(sizeof(ComparedTask));
  }
  NumberDirectory processes;
  if (Status status = processes.open_processes(); !status.is_ok()) return status;
  for (pid_t id; processes.next(&id);) {
    if (id != process.pid()) fits = fits && tasks->append({id, Sameness::unknown});
  }
  return fits ? Status::ok() : Status::no_memory(sizeof(ComparedTask));
}

// The first that shares it, or 0. Of one that nothing is known of, equal descriptors count as shared.
Status find_sharer(TracedProcess& process, Shared what, std::optional<RemoteAddress> scratch,
                   std::span<const ComparedTask> candidates, pid_t* sharer) {
  GrowingArray<ComparedTask> tasks;
  *sharer = 0;
  if (!tasks.append(candidates)) return Status::no_memory(candidates.size_bytes());
  const std::span<ComparedTask> all(tasks.data(), tasks.size());
  if (Status status = compare_with(process, what, scratch, all); !status.is_ok()) return status;
  for (const ComparedTask& task : all) {
    if (task.answer == Sameness::different) continue;
    const bool may_share = what == Shared::memory || has_equal_descriptors(process.live_thread(), task.id);
    if (task.answer == Sameness::unknown && !may_share) continue;
    *sharer = task.id;
    return Status::ok();
  }
  return Status::ok();
}

}  // namespace

Status compare_with(TracedProcess& process, Shared what, std::optional<RemoteAddress> scratch,
                    std::span<ComparedTask> tasks) {
  const pid_t ours = process.live_thread();
  for (ComparedTask& task : tasks) task.answer = compare_tasks(ours, task.id, what);
  if (!has_unknown(tasks)) return Status::ok();
  if (what == Shared::descriptors) return compare_descriptors(process, tasks);
  if (!scratch) return Status::system(Error::tracee, "asking who shares the memory without a stack", ENOTSUP);
  return compare_memory(process, *scratch, tasks);
}

bool has_equal_descriptors(pid_t a, pid_t b) {
  NumberDirectory ours, theirs;
  if (!ours.open(a, "/proc/PID/fd").is_ok() || !theirs.open(b, "/proc/PID/fd").is_ok()) return false;
  for (;;) {
    int32_t number = 0, other = 0;
    const bool is_there = ours.next(&number);
    if (is_there != theirs.next(&other)) return false;
    if (!is_there) return true;
    char name[64], path[4096], path_there[4096];
    snprintf(name, sizeof(name), "/proc/%d/fd/%d", a, number);
    const ssize_t length = readlink(name, path, sizeof(path));
    snprintf(name, sizeof(name), "/proc/%d/fd/%d", b, number);
    const ssize_t length_there = readlink(name, path_there, sizeof(path_there));
    if (number != other || length < 0 || length != length_there) return false;
    const auto count = static_cast<size_t>(length);
    if (std::string_view(path, count) != std::string_view(path_there, count)) return false;
  }
}

Status find_own_descriptors(TracedProcess& process, pid_t* thread) {
  FileChanges& changes = process.file_changes();
  *thread = 0;
  if (changes.own_descriptors() == OwnDescriptors::nobody) return Status::ok();
  const pid_t first = process.live_thread();
  GrowingArray<ComparedTask> tasks;
  for (const TracedThread* each : process.threads()) {
    if (each->has_ended() || each->id() == first) continue;
    if (!tasks.append({each->id(), Sameness::unknown})) return Status::no_memory(sizeof(ComparedTask));
  }
  const std::span<ComparedTask> all(tasks.data(), tasks.size());
  if (Status status = compare_with(process, Shared::descriptors, {}, all); !status.is_ok()) return status;
  for (const ComparedTask& task : all) {
    const bool is_guess = task.answer == Sameness::unknown && changes.own_descriptors() == OwnDescriptors::perhaps &&
                          has_equal_descriptors(first, task.id);
    if (task.answer == Sameness::same || is_guess) continue;
    *thread = task.id;
    return Status::ok();
  }
  if (!has_unknown(all)) changes.set_own_descriptors(OwnDescriptors::nobody);
  return Status::ok();
}

Status check_sharing(TracedProcess& process, std::optional<RemoteAddress> scratch, bool files) {
  if (!process.started().has_sharers()) return Status::ok();
  GrowingArray<ComparedTask> candidates;
  if (Status status = find_candidates(process, &candidates); !status.is_ok()) return status;
  const std::span<const ComparedTask> all(candidates.data(), candidates.size());
  // Whatever it did until now was not seen.
  process.file_changes().mark_descriptors_changed();
  pid_t sharer = 0;
  if (Status status = find_sharer(process, Shared::memory, scratch, all, &sharer); !status.is_ok()) return status;
  if (sharer != 0) {
    return Status::child(sharer,
                         " shares the program's memory (CLONE_VM), and can write there while the program is stopped");
  }
  if (Status status = find_sharer(process, Shared::descriptors, scratch, all, &sharer); !status.is_ok()) return status;
  if (sharer == 0) process.started().on_parting();
  if (sharer == 0 || !files) return Status::ok();
  return Status::child(sharer,
                       " shares the program's descriptors (CLONE_FILES), and can open and close them while the program "
                       "is stopped");
}

}  // namespace pagestore
