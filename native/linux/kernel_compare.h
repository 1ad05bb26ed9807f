// What two tasks have in common, as kcmp(2) says it: the memory, the descriptors, an open file.
//
// Some systems refuse the call (containers without CAP_SYS_PTRACE): then nothing is known, and `unknown` is no answer.
// Each answer was true at the moment of the call; of a task that runs it may be false by the next. It leaves to its
// caller: the first task, a thread or a process, is ours to trace, and both are where files are compared.
#pragma once

#include <sys/types.h>

#include "linux/same_file.h"

namespace pagestore {

enum class Shared : uint8_t { memory, descriptors };
// Whether they share that. A task that has ended shares nothing, nor does one that is not ours to trace: it is somebody
// else's.
Sameness compare_tasks(pid_t a, pid_t b, Shared what);

// Whether descriptor `a` of `task` and descriptor `b` of `other` are one open file.
Sameness compare_files(pid_t task, int32_t a, pid_t other, int32_t b);
// The same as an order, which is the kernel's own: below 0, 0 or above 0; 0 also where the kernel does not say.
int order_files(pid_t task, int32_t a, pid_t other, int32_t b);

// Whether the system allows the call at all; tried once, on ourselves.
bool may_compare_files();

}  // namespace pagestore
