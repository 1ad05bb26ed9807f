// Which tasks, threads or processes, share the tracee's memory or descriptors.
//
// The kernel says so (kcmp). Where that call is refused, as in containers, something is changed for a moment that only
// a task can see which shares it: some bytes of the tracee's stack, or a descriptor that the tracee opens and closes.
// `unknown` is left where the tracee may not do that either, or has no stack. It leaves to its caller: that the tracee
// is stopped, and not inside vfork.
#pragma once

#include <optional>
#include <span>

#include "linux/kernel_compare.h"
#include "ptrace/traced_process.h"

namespace pagestore {

struct ComparedTask {
  pid_t id = 0;
  Sameness answer = Sameness::unknown;
};

// Answers for each of `tasks`; `scratch` as find_scratch says it.
Status compare_with(TracedProcess& process, Shared what, std::optional<RemoteAddress> scratch,
                    std::span<ComparedTask> tasks);

// Whether two tasks have the same numbers, on files of the same names.
bool has_equal_descriptors(pid_t a, pid_t b);

// A thread that has descriptors of its own; 0 where there is none. Asks no more once all have the same, until a thread
// parts with the others.
Status find_own_descriptors(TracedProcess& process, pid_t* thread);

// Refuses where a process that is no thread shares the memory; or the descriptors, if `files` are restored.
Status check_sharing(TracedProcess& process, std::optional<RemoteAddress> scratch, bool files);

}  // namespace pagestore
