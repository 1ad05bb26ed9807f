#include "memory/tracee/file_duplicates.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

// What a set of files needs, as bytes.
Status describe(const OpenFiles& files, GrowingArray<std::byte>* bytes) {
  for (const OpenFile& file : files.all()) {
    if (!FileDuplicates::is_wanted(file)) continue;
    if (!bytes->append(std::as_bytes(std::span(&file.identity, 1)))) return Status::no_memory(sizeof(OpenFileIdentity));
  }
  return Status::ok();
}

// References on the root of a tree.
uint64_t references(const PageStores& stores, const PageTree& tree) {
  const PageStore& store = is_table(tree.root) ? stores.tables : stores.pages;
  PageStore::Count count = 0;
  return store.count_of(static_cast<uint64_t>(number_of(tree.root)), &count).is_ok() ? count : 0;
}

}  // namespace

bool FileDuplicates::is_wanted(const OpenFile& file) {
  return file.leader == file.number && can_be_duplicated(file.identity.kind) && file.identity.is_outside == 0 &&
         file.has_lock == 0;
}

FileDuplicates::~FileDuplicates() {
  close_all();
  PS_ASSERT(sets_ == nullptr);
}

void FileDuplicates::begin(pid_t pid) {
  forget_present();
  pid_ = pid;
  process_ = ScopedFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  is_refused_ = !process_.is_open();
}

Status FileDuplicates::update(const OpenFiles& now) {
  GrowingArray<Index> present;
  if (!present.resize(now.all().size())) return Status::no_memory(now.all().size() * sizeof(Index));
  for (size_t i = 0; i < present.size(); ++i) {
    const OpenFile& file = now.all()[i];
    present[i] = kNone;
    if (!is_wanted(file) || is_refused_) continue;
    present[i] = find_same(file);
    if (present[i] == kNone) {
      // Where there is no room for one more, we do without.
      static_cast<void>(take(file, &present[i]));
    } else {
      ++pool_[present[i]].users;
    }
  }
  forget_present();
  present_ = std::move(present);
  has_present_ = true;
  return Status::ok();
}

FileDuplicates::Index FileDuplicates::find_same(const OpenFile& file) const {
  const pid_t ours = getpid();
  for (Index i = 0; i < pool_.size(); ++i) {
    const int descriptor = pool_[i].descriptor;
    if (descriptor < 0 || !(pool_[i].identity == file.identity)) continue;
    if (compare_files(pid_, file.number, ours, descriptor) == Sameness::same) return i;
  }
  return kNone;
}

Status FileDuplicates::take(const OpenFile& file, Index* index) {
  const auto descriptor = static_cast<int>(syscall(SYS_pidfd_getfd, process_.get(), file.number, 0));
  if (descriptor < 0) {
    is_refused_ = errno == EPERM || errno == ENOSYS;
    return Status::ok();
  }
  const Duplicate made{descriptor, 1, file.identity};
  for (Index i = 0; i < pool_.size(); ++i) {
    if (pool_[i].users > 0) continue;
    pool_[i] = made;
    *index = i;
    return Status::ok();
  }
  if (!pool_.append(made)) {
    close(descriptor);
    return Status::no_memory(sizeof(made));
  }
  *index = static_cast<Index>(pool_.size() - 1);
  return Status::ok();
}

void FileDuplicates::give_up(Index index) {
  if (index == kNone || --pool_[index].users > 0) return;
  if (pool_[index].descriptor >= 0) close(pool_[index].descriptor);
  pool_[index].descriptor = -1;
}

void FileDuplicates::forget_present() {
  for (const Index index : present_) give_up(index);
  present_.clear();
  has_present_ = false;
}

Status FileDuplicates::keep(PageStores& stores, const OpenFiles& now, OwnedTree* needed) {
  GrowingArray<std::byte> bytes;
  if (Status status = describe(now, &bytes); !status.is_ok() || bytes.empty()) return status;
  if (Status status = store_bytes(stores, {bytes.data(), bytes.size()}, needed); !status.is_ok()) return status;
  Set* set = find_set(needed->get());
  if (set != nullptr) return replace_entries(set, now);
  drop_sets(stores);
  set = new (std::nothrow) Set;
  if (set == nullptr) return Status::no_memory(sizeof(Set));
  OwnedTree ours;
  Status status = OwnedTree::ref(stores, needed->get(), &ours);
  if (status.is_ok()) status = replace_entries(set, now);
  if (!status.is_ok()) {
    delete set;
    return status;
  }
  set->needed = ours.take();
  set->next = sets_;
  sets_ = set;
  return status;
}

// The latest duplicates serve as well as those before them, and may be of files that the tracee still has open.
Status FileDuplicates::replace_entries(Set* set, const OpenFiles& now) {
  GrowingArray<Index> entries;
  for (size_t i = 0; i < present_.size(); ++i) {
    if (!is_wanted(now.all()[i])) continue;
    if (!entries.append(present_[i])) return Status::no_memory(sizeof(Index));
  }
  for (const Index index : entries) {
    if (index != kNone) ++pool_[index].users;
  }
  for (const Index index : set->entries) give_up(index);
  set->entries = std::move(entries);
  return Status::ok();
}

FileDuplicates::Set* FileDuplicates::find_set(const PageTree& needed) const {
  Set* set = sets_;
  while (set != nullptr && !(set->needed == needed)) set = set->next;
  return set;
}

int FileDuplicates::find(const PageTree& needed, const OpenFiles& wanted, const OpenFile& file) const {
  const Set* set = find_set(needed);
  if (set == nullptr) return -1;
  size_t i = 0;
  for (const OpenFile& each : wanted.all()) {
    if (!is_wanted(each)) continue;
    if (each.number == file.number) return i < set->entries.size() ? descriptor_of(set->entries[i]) : -1;
    ++i;
  }
  return -1;
}

void FileDuplicates::sweep(PageStores& stores) {
  if (drop_sets(stores)) forget_present();
}

bool FileDuplicates::drop_sets(PageStores& stores) {
  bool has_dropped = false;
  for (Set** at = &sets_; *at != nullptr;) {
    Set* set = *at;
    if (references(stores, set->needed) > 1) {
      at = &set->next;
      continue;
    }
    has_dropped = true;
    *at = set->next;
    for (const Index index : set->entries) give_up(index);
    give_back(stores, &set->needed);
    delete set;
  }
  return has_dropped;
}

void FileDuplicates::close_all() {
  for (Duplicate& duplicate : pool_) {
    if (duplicate.descriptor >= 0) close(duplicate.descriptor);
    duplicate.descriptor = -1;
  }
}

void FileDuplicates::release(PageStores& stores) {
  forget_present();
  while (Set* set = sets_) {
    sets_ = set->next;
    give_back(stores, &set->needed);
    delete set;
  }
  close_all();
}

}  // namespace pagestore
