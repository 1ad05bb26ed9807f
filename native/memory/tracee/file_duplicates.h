// Duplicates of a tracee's open files, in this process: by them an offset is read and set without a call of the
// tracee's, and a file that the tracee has closed is given back to it.
//
// Only of files that do no harm so (`can_be_duplicated`), and only while a snapshot needs them: what a snapshot needs
// is a tree in the store, on which it has a reference. We have one more; when ours is the last, the duplicates go.
// Where the kernel does not allow us to take them (a container may forbid pidfd_getfd), the tracee passes them. There
// are none where it cannot; nor are there more than half as many, in all of this process, as it may have descriptors.
//
// A duplicate would keep a lock that the tracee takes, and keep others from executing what it wrote: so we are told
// before either happens (FileObserver). One that gets a lock is closed. One of a file that was written, and that the
// tracee has no more, is *parked* when a process of the tracee's is about to become another program: it is only a path
// from then on, and is opened again if it is asked for.
//
// It leaves to its caller: to call `release` before it ends, under the stores' lock.
#pragma once

#include <optional>

#include "linux/descriptor_copies.h"
#include "linux/open_files.h"
#include "ptrace/file_changes.h"
#include "ptrace/traced_process.h"
#include "snapshot/owned.h"
#include "system/non_copyable.h"
#include "system/scoped_fd.h"

namespace pagestore {

class FileDuplicates : public FileObserver, NonCopyable {
 public:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  ~FileDuplicates() override;

  // Whether a file of the list is one that we want a duplicate of.
  static bool is_wanted(const OpenFile& file);

  // The process whose descriptors are named; it outlives this. Forgets the present ones.
  void begin(const TracedProcess& traced);

  // After the list was read: there is one entry for each file of it that is a leader and wanted, else kNone.
  // `copies`: of all that is open, where the kernel does not give them to us; else null.
  Status update(const OpenFiles& now, DescriptorCopies* copies);
  // Adds the duplicates to what is told apart.
  Status add_to(DescriptorCopies* copies) const;
  // Whether the present ones were given up, as nothing needed them.
  bool has_present() const { return has_present_; }
  // Of the file at that place in the list.
  int present(size_t index) const { return index < present_.size() ? descriptor_of(present_[index]) : -1; }

  // Says what a snapshot of the present files needs, as a tree, and keeps it for as long as it does.
  Status keep(PageStores& stores, const OpenFiles& now, OwnedTree* needed);
  // The duplicate for a file of the list that a snapshot needs: for the one with that place among those that are wanted
  // in it, kNone for one that is not. −1 if there is none.
  int find(const PageTree& needed, Index wanted_index);
  // Any duplicate that is on this inode, of a file that may be written, or a mere path to it; -1 if there is none.
  int find_writable(uint64_t device, uint64_t inode) const;

  void before_lock(int32_t number) override;
  void before_exec() override;

  // Gives up what no snapshot needs any more.
  void sweep(PageStores& stores);
  // The duplicates serve nobody any more: the process has ended or is not ours.
  void close_all();
  void release(PageStores& stores);

 private:
  struct Duplicate {
    int descriptor;
    uint32_t users;  // the present list, and sets
    OpenFileIdentity identity;
    bool is_parked;
  };
  struct Set {
    PageTree needed;
    GrowingArray<Index> entries;
    Set* next = nullptr;
  };
  int take_out(Index index);
  int descriptor_of(Index index) const { return index == kNone ? -1 : pool_[index].descriptor; }
  Set* find_set(const PageTree& needed) const;
  Status take(const OpenFile& file, DescriptorCopies* copies, Index* index);
  Status sort_pool(GrowingArray<Index>* order) const;
  Index find_same(const OpenFile& file, std::span<const Index> order, const DescriptorCopies* copies) const;
  bool is_on(const Duplicate& duplicate, int32_t number) const;
  bool is_open_in_process(const Duplicate& duplicate) const;
  void close_one(Duplicate* duplicate);
  static void park(Duplicate* duplicate);
  static void open_again(Duplicate* duplicate);
  void give_up(Index index);
  void forget_present();
  bool drop_sets(PageStores& stores);
  Status replace_entries(Set* set, const OpenFiles& now);

  const TracedProcess* traced_ = nullptr;
  pid_t task_ = 0;  // the thread by which the process is open: a main thread that has ended has no descriptors
  ScopedFd process_;
  bool is_refused_ = false, has_present_ = false;
  GrowingArray<Duplicate> pool_;
  GrowingArray<Index> present_;
  Set* sets_ = nullptr;
};

}  // namespace pagestore
