#include "memory/tracee/saved_waits.h"

#include <cstring>

namespace pagestore {

namespace {

struct SavedWait {
  int64_t left;  // −1 where it has no limit
  int32_t thread;
  int32_t was_seen;  // its entry
};

}  // namespace

Status save_waits(const TracedProcess& process, GrowingArray<std::byte>* bytes) {
  for (TracedThread* thread : process.threads()) {
    if (thread->has_ended()) continue;
    const SavedWait saved{thread->wait() ? thread->wait()->left : -1, thread->id(),
                          thread->has_seen_next_entry() ? 1 : 0};
    if (saved.left < 0 && saved.was_seen == 0) continue;
    if (!bytes->append(std::as_bytes(std::span(&saved, 1)))) return Status::no_memory(sizeof(saved));
  }
  return Status::ok();
}

Status load_waits(TracedProcess& process, std::span<const std::byte> bytes) {
  for (; bytes.size() >= sizeof(SavedWait); bytes = bytes.subspan(sizeof(SavedWait))) {
    SavedWait saved;
    memcpy(&saved, bytes.data(), sizeof(saved));
    TracedThread* thread;
    if (Status status = process.thread(saved.thread, &thread); !status.is_ok()) return status;
    if (saved.left >= 0) process.set_time_left(*thread, saved.left);
    if (saved.was_seen != 0) thread->expect_repeated_call();
  }
  return Status::ok();
}

}  // namespace pagestore
