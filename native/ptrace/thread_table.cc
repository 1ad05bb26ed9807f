#include "ptrace/thread_table.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "system/assert.h"

namespace pagestore {

ThreadTable::~ThreadTable() {
  PS_ASSERT(uses_ == 0);
  for (TracedThread* thread : threads_) delete thread;
  free_removed();
  ::operator delete(spare_);
}

Status ThreadTable::prepare() {
  if (spare_ == nullptr) spare_ = ::operator new(sizeof(TracedThread), std::nothrow);
  // Room among the removed as well: `remove` cannot fail.
  const size_t most = threads_.size() + removed_.size() + 1;
  if (spare_ == nullptr || !removed_.reserve(most) || !threads_.reserve(threads_.size() + 1)) {
    return Status::no_memory(sizeof(TracedThread));
  }
  return Status::ok();
}

Status ThreadTable::add(pid_t id, TracedThread** thread) {
  PS_ASSERT(find(id) == nullptr);
  if (Status status = prepare(); !status.is_ok()) return status;
  *thread = new (std::exchange(spare_, nullptr)) TracedThread(id);
  static_cast<void>(threads_.append(*thread));
  return Status::ok();
}

TracedThread* ThreadTable::find(pid_t id) const {
  for (TracedThread* thread : threads_) {
    if (thread->id() == id) return thread;
  }
  return nullptr;
}

void ThreadTable::remove(pid_t id) {
  for (size_t i = 0; i < threads_.size(); ++i) {
    if (threads_[i]->id() != id) continue;
    static_cast<void>(removed_.append(threads_[i]));
    threads_.erase(i, 1);
    break;
  }
  if (uses_ == 0) free_removed();
}

void ThreadTable::remove_all_but(const TracedThread& thread) {
  for (size_t i = threads_.size(); i-- > 0;) {
    if (threads_[i] != &thread) remove(threads_[i]->id());
  }
}

TracedThread* ThreadTable::first_live() const {
  for (TracedThread* thread : threads_) {
    if (!thread->has_ended()) return thread;
  }
  return nullptr;
}

bool ThreadTable::is_only_live(const TracedThread& thread) const {
  return std::all_of(threads_.begin(), threads_.end(),
                     [&](const TracedThread* each) { return each == &thread || each->has_ended(); });
}

bool ThreadTable::is_valid() const {
  for (const TracedThread* thread : threads_) {
    if (thread == nullptr || find(thread->id()) != thread) return false;
    if (std::find(removed_.begin(), removed_.end(), thread) != removed_.end()) return false;
  }
  return uses_ >= 0 && (uses_ > 0 || removed_.empty());
}

void ThreadTable::free_removed() {
  for (TracedThread* thread : removed_) delete thread;
  removed_.clear();
}

}  // namespace pagestore
