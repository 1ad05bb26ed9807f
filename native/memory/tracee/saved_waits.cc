#include "memory/tracee/saved_waits.h"

#include <cstring>

namespace pagestore {

namespace {

struct SavedWait {
  int64_t left;
  int64_t thread;
};

}  // namespace

Status save_waits(const TracedProcess& process, GrowingArray<std::byte>* bytes) {
  for (const TracedThread* thread : process.threads()) {
    if (thread->has_ended() || !thread->wait()) continue;
    const SavedWait saved{thread->wait()->left, thread->id()};
    if (!bytes->append(std::as_bytes(std::span(&saved, 1)))) return Status::no_memory(sizeof(saved));
  }
  return Status::ok();
}

Status load_waits(TracedProcess& process, std::span<const std::byte> bytes) {
  for (; bytes.size() >= sizeof(SavedWait); bytes = bytes.subspan(sizeof(SavedWait))) {
    SavedWait saved;
    memcpy(&saved, bytes.data(), sizeof(saved));
    TracedThread* thread;
    if (Status status = process.thread(static_cast<pid_t>(saved.thread), &thread); !status.is_ok()) return status;
    process.set_time_left(*thread, saved.left);
  }
  return Status::ok();
}

}  // namespace pagestore
