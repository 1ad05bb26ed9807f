// Makes the descriptors of a tracee what they were, by injected calls: some 12 µs each.
//
// What stays open under another number is duplicated; what the tracee has no more is passed to it over a socket pair;
// what was opened since is closed. Then offsets and flags are set, through a duplicate of ours where there is one. What
// may be refused for want of room comes first, so that a refusal leaves all as it was. It leaves to its caller: a plan
// that was checked, and that the process is stopped.
#pragma once

#include "memory/tracee/file_plan.h"
#include "ptrace/traced_process.h"

namespace pagestore {

// `scratch`: where the process may write some bytes, which are put back. A failure is Error::files.
Status undo_files(TracedProcess& process, const FilePlan& plan, RemoteAddress scratch);

}  // namespace pagestore
