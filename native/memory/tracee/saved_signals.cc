#include "memory/tracee/saved_signals.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "memory/tracee/scratch.h"
#include "ptrace/pending_signals.h"

namespace pagestore {

namespace {

struct SavedSignal {
  int64_t thread;  // 0 for the process
  siginfo_t info;
};
static_assert(sizeof(SavedSignal) == sizeof(int64_t) + sizeof(siginfo_t));

size_t count_of(std::span<const std::byte> bytes) {
  return bytes.size() / sizeof(SavedSignal);
}

SavedSignal signal_at(std::span<const std::byte> bytes, size_t i) {
  SavedSignal signal;
  memcpy(&signal, bytes.data() + i * sizeof(signal), sizeof(signal));
  return signal;
}

// What counts of a signal.
struct SignalKey {
  int64_t thread = 0;  // counted from 1, in their order; 0 for the process
  int64_t number = 0, code = 0;
  uint64_t value = 0;
};

SignalKey key_of(const TracedProcess& process, const SavedSignal& signal) {
  const siginfo_t& info = signal.info;
  SignalKey key{0, info.si_signo, info.si_code, 0};
  const auto threads = process.threads();
  for (size_t i = 0; i < threads.size(); ++i) {
    if (threads[i]->id() == signal.thread) key.thread = static_cast<int64_t>(i) + 1;
  }
  if (info.si_code == SI_USER || info.si_code == SI_TKILL) {
    key.value = info.si_pid == process.pid() ? 1 : 0;
  } else if (info.si_code < 0) {
    key.value = reinterpret_cast<uint64_t>(info.si_value.sival_ptr);
  } else if (info.si_signo == SIGCHLD) {
    key.value = static_cast<uint64_t>(info.si_status);
  }
  return key;
}

Status save_queue(pid_t thread, SignalQueue queue, GrowingArray<std::byte>* bytes) {
  GrowingArray<siginfo_t> signals;
  if (Status status = read_pending_signals(thread, queue, &signals); !status.is_ok()) return status;
  for (const siginfo_t& info : signals) {
    const SavedSignal saved{queue == SignalQueue::of_thread ? thread : 0, info};
    if (!bytes->append(std::as_bytes(std::span(&saved, 1)))) return Status::no_memory(sizeof(saved));
  }
  return Status::ok();
}

bool is_equal(const GrowingArray<std::byte>& a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

// Whether a signal of the process is there that only its first thread can send again: one that the kernel or `kill`
// sent.
bool has_kernels_signal(std::span<const std::byte> bytes) {
  for (size_t i = 0; i < count_of(bytes); ++i) {
    const SavedSignal signal = signal_at(bytes, i);
    if (signal.thread == 0 && (signal.info.si_code >= 0 || signal.info.si_code == SI_TKILL)) return true;
  }
  return false;
}

bool is_first_thread_there(const TracedProcess& process) {
  TracedThread* first;
  return process.thread(process.pid(), &first).is_ok();
}

class SignalUndo {
 public:
  SignalUndo(TracedProcess& process, RemoteAddress scratch) : process_(process), scratch_(scratch) {}

  // All that wait for the thread, and for its process.
  Status take_all(TracedThread& thread) {
    struct {
      uint64_t all = UINT64_MAX;
      int64_t no_time[2] = {};
    } arguments;
    const SystemCall call{SYS_rt_sigtimedwait,
                          {scratch_.value(), 0, scratch_.value() + sizeof(arguments.all), sizeof(arguments.all)}};
    for (int64_t result = 0;;) {
      Status status = make(thread, call, std::as_writable_bytes(std::span(&arguments, 1)), &result);
      if (!status.is_ok() || result < 0) return status;
    }
  }

  // A process may say anything of a signal that its first thread sends to it, and that a thread sends to itself. Its
  // numbers are those of its own namespace.
  Status put(SavedSignal signal) {
    const bool is_of_process = signal.thread == 0;
    const auto number = static_cast<uint64_t>(signal.info.si_signo);
    TracedThread* thread;
    int64_t pid = 0, id = 0, result = 0;
    Status status = process_.thread(is_of_process ? process_.pid() : static_cast<pid_t>(signal.thread), &thread);
    if (!status.is_ok() && is_of_process) status = process_.thread({}, &thread);
    if (status.is_ok()) status = process_.call({SYS_getpid, {}}, &pid, thread);
    if (status.is_ok()) status = process_.call({SYS_gettid, {}}, &id, thread);
    if (!status.is_ok()) return status;
    const auto to_process = static_cast<uint64_t>(pid), to_thread = static_cast<uint64_t>(id);
    const SystemCall call = is_of_process
                                ? SystemCall{SYS_rt_sigqueueinfo, {to_process, number, scratch_.value()}}
                                : SystemCall{SYS_rt_tgsigqueueinfo, {to_process, to_thread, number, scratch_.value()}};
    status = make(*thread, call, std::as_writable_bytes(std::span(&signal.info, 1)), &result);
    if (!status.is_ok() || result == 0) return status;
    return Status::system(Error::tracee, "a pending signal that could not be put back", static_cast<int>(-result));
  }

  // The queues become those of `bytes`.
  Status exchange(std::span<const std::byte> bytes) {
    for (TracedThread* thread : process_.threads()) {
      if (thread->has_ended()) continue;
      if (Status status = take_all(*thread); !status.is_ok()) return status;
    }
    for (size_t i = 0; i < count_of(bytes); ++i) {
      if (Status status = put(signal_at(bytes, i)); !status.is_ok()) return status;
    }
    return Status::ok();
  }

 private:
  Status make(TracedThread& thread, const SystemCall& call, std::span<std::byte> bytes, int64_t* result) {
    return call_with_bytes(process_, {scratch_, &thread}, call, bytes, result);
  }

  TracedProcess& process_;
  RemoteAddress scratch_;
};

}  // namespace

Status save_signals(const TracedProcess& process, GrowingArray<std::byte>* bytes) {
  if (Status status = save_queue(process.live_thread(), SignalQueue::of_process, bytes); !status.is_ok()) return status;
  for (const TracedThread* thread : process.threads()) {
    if (thread->has_ended()) continue;
    if (Status status = save_queue(thread->id(), SignalQueue::of_thread, bytes); !status.is_ok()) return status;
  }
  return Status::ok();
}

Status append_signal_key(const TracedProcess& process, std::span<const std::byte> bytes, GrowingArray<std::byte>* key) {
  GrowingArray<SignalKey> keys;
  for (size_t i = 0; i < count_of(bytes); ++i) {
    if (!keys.append(key_of(process, signal_at(bytes, i)))) return Status::no_memory(sizeof(SignalKey));
  }
  std::stable_sort(keys.begin(), keys.end(), [](const SignalKey& a, const SignalKey& b) {
    return a.thread != b.thread ? a.thread < b.thread : a.number < b.number;
  });
  const std::span<const SignalKey> sorted(keys.data(), keys.size());
  return key->append(std::as_bytes(sorted)) ? Status::ok() : Status::no_memory(sorted.size_bytes());
}

Status check_signals(const TracedProcess& process, std::span<const std::byte> bytes, RemoteAddress scratch,
                     bool* is_same) {
  GrowingArray<std::byte> now;
  *is_same = false;
  if (Status status = save_signals(process, &now); !status.is_ok()) return status;
  *is_same = is_equal(now, bytes);
  if (*is_same) return Status::ok();
  if (scratch.is_null()) {
    return Status::system(Error::tracee, "pending signals of a process that has given up its stack", ENOTSUP);
  }
  // Those that are there now may have to be put back, too.
  if (is_first_thread_there(process) || (!has_kernels_signal(bytes) && !has_kernels_signal({now.data(), now.size()})))
    return Status::ok();
  return Status::system(Error::tracee, "pending signals of a process whose first thread has ended", ENOTSUP);
}

Status restore_signals(TracedProcess& process, std::span<const std::byte> bytes, RemoteAddress scratch) {
  GrowingArray<std::byte> before, after;
  if (Status status = save_signals(process, &before); !status.is_ok() || is_equal(before, bytes)) return status;
  SignalUndo undo(process, scratch);
  Status status = undo.exchange(bytes);
  if (status.is_ok()) status = save_signals(process, &after);
  if (status.is_ok() && is_equal(after, bytes)) return status;
  static_cast<void>(undo.exchange({before.data(), before.size()}));
  return status.is_ok() ? Status::system(Error::tracee, "pending signals that could not be put back", EAGAIN) : status;
}

}  // namespace pagestore
