// The threads of a traced process, by number.
//
// A thread may end while somebody up the stack still uses it: `remove` takes it off the table, and its memory is
// freed when the last `InUse` ends. Whoever keeps a TracedThread across anything that waits has an `InUse`.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>

#include "ptrace/traced_thread.h"
#include "system/non_copyable.h"

namespace pagestore {

class ThreadTable : NonCopyable {
 public:
  ~ThreadTable();

  class InUse : NonCopyable {
   public:
    explicit InUse(ThreadTable& table) : table_(table) { ++table_.uses_; }
    ~InUse() {
      if (--table_.uses_ == 0) table_.free_removed();
    }

   private:
    ThreadTable& table_;
  };

  // Makes room for one more: the next `add` cannot fail.
  Status prepare();
  // The thread is running. A number is in the table once.
  Status add(pid_t id, TracedThread** thread);
  TracedThread* find(pid_t id) const;
  void remove(pid_t id);
  void remove_all_but(const TracedThread& thread);

  std::span<TracedThread* const> all() const { return {threads_.data(), threads_.size()}; }
  // One that has not ended.
  TracedThread* first_live() const;
  bool is_only_live(const TracedThread& thread) const;

  bool is_valid() const;

 private:
  void free_removed();

  GrowingArray<TracedThread*> threads_;
  GrowingArray<TracedThread*> removed_;  // has room for all threads
  void* spare_ = nullptr;                // memory for the next one
  int uses_ = 0;
};

}  // namespace pagestore
