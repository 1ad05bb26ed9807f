// Puts a stopped thread back as it was at the end of a scope: its registers, its blocked signals, what it waits
// to have answered.
//
// While one is there, the thread may be made to run and stop elsewhere. A thread that was killed, or that runs,
// cannot be put back; its next call says so.
#pragma once

#include "ptrace/traced_thread.h"
#include "system/non_copyable.h"

namespace pagestore {

class SavedContext : NonCopyable {
 public:
  explicit SavedContext(TracedThread& thread) : thread_(thread) {}
  ~SavedContext() { static_cast<void>(restore()); }

  Status save() {
    const Status status = thread_.get_context(&context_);
    is_saved_ = status.is_ok();
    return status;
  }
  // Once; the destructor does it otherwise.
  Status restore() {
    if (!is_saved_) return Status::ok();
    is_saved_ = false;
    return thread_.is_stopped() ? thread_.set_context(context_) : Status::ok();
  }
  // The thread's question counts as answered.
  void drop_question() { context_.question = question::None{}; }

 private:
  TracedThread& thread_;
  TracedThread::Context context_;
  bool is_saved_ = false;
};

}  // namespace pagestore
