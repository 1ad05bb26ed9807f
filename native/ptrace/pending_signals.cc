#include "ptrace/pending_signals.h"

#include <sys/ptrace.h>

#include "ptrace/requests.h"

namespace pagestore {

Status read_pending_signals(pid_t thread, SignalQueue queue, GrowingArray<siginfo_t>* signals) {
  constexpr int kAtOnce = 16;
  siginfo_t found[kAtOnce];
  __ptrace_peeksiginfo_args request{};
  request.flags = queue == SignalQueue::of_process ? PTRACE_PEEKSIGINFO_SHARED : 0;
  request.nr = kAtOnce;
  for (;;) {
    const long count = ptrace(PTRACE_PEEKSIGINFO, thread, &request, found);
    if (count < 0) {
      return refused_request(thread, "reading pending signals (PTRACE_PEEKSIGINFO)");
    }
    const auto number = static_cast<size_t>(count);
    if (!signals->append(std::span<const siginfo_t>(found, number))) return Status::no_memory(sizeof(found));
    if (count < kAtOnce) return Status::ok();
    request.off += number;
  }
}

}  // namespace pagestore
