#include "memory/tracee/file_duplicates.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "linux/kernel_compare.h"
#include "linux/proc_file.h"
#include "linux/remote_descriptor.h"
#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

// In all of this process, whoever has them.
std::atomic<uint32_t> duplicates_in_all{0};

bool has_room() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  return duplicates_in_all.load(std::memory_order_relaxed) < limit.rlim_cur / 2;
}

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
  return store.count_of(Holder::snapshot, number_of(tree.root));
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

void FileDuplicates::begin(const TracedProcess& traced) {
  forget_present();
  traced_ = &traced;
  task_ = 0;
}

Status FileDuplicates::update(const OpenFiles& now, DescriptorCopies* copies) {
  if (const pid_t task = traced_->live_thread(); task != task_) {
    task_ = task;
    process_ = open_process(task);
    is_refused_ = !process_.is_open();
  }
  const bool has_source = copies != nullptr || !is_refused_;
  GrowingArray<Index> present, order;
  if (!present.resize(now.all().size())) return Status::no_memory(now.all().size() * sizeof(Index));
  if (Status status = copies == nullptr ? sort_pool(&order) : Status::ok(); !status.is_ok()) return status;
  for (size_t i = 0; i < present.size(); ++i) {
    const OpenFile& file = now.all()[i];
    present[i] = kNone;
    if (!is_wanted(file) || !has_source) continue;
    present[i] = find_same(file, {order.data(), order.size()}, copies);
    if (present[i] == kNone) {
      // Where there is no room for one more, we do without.
      static_cast<void>(take(file, copies, &present[i]));
    } else {
      ++pool_[present[i]].users;
    }
  }
  forget_present();
  present_ = std::move(present);
  has_present_ = true;
  return Status::ok();
}

// By what they are open on, and then as the kernel orders open files.
Status FileDuplicates::sort_pool(GrowingArray<Index>* order) const {
  const pid_t ours = getpid();
  for (Index i = 0; i < pool_.size(); ++i) {
    const bool is_comparable = pool_[i].descriptor >= 0 && !pool_[i].is_parked;
    if (is_comparable && !order->append(i)) return Status::no_memory(sizeof(Index));
  }
  const auto is_before = [&](Index a, Index b) {
    const int result = memcmp(&pool_[a].identity, &pool_[b].identity, sizeof(OpenFileIdentity));
    return (result != 0 ? result : order_files(ours, pool_[a].descriptor, ours, pool_[b].descriptor)) < 0;
  };
  std::make_heap(order->begin(), order->end(), is_before);
  std::sort_heap(order->begin(), order->end(), is_before);
  return Status::ok();
}

FileDuplicates::Index FileDuplicates::find_same(const OpenFile& file, std::span<const Index> order,
                                                const DescriptorCopies* copies) const {
  for (Index i = 0; copies != nullptr && i < pool_.size(); ++i) {
    const Duplicate& each = pool_[i];
    if (each.descriptor < 0 || each.is_parked || !(each.identity == file.identity)) continue;
    // Mere paths are not told apart, and need not be.
    const Sameness sameness = copies->compare_with_ours(file.number, each.descriptor);
    const bool is_path = file.identity.kind == FileKind::path;
    if (sameness == Sameness::same || (is_path && sameness == Sameness::unknown)) return i;
  }
  if (copies != nullptr) return kNone;
  const pid_t ours = getpid();
  const auto at = std::lower_bound(order.begin(), order.end(), file, [&](Index i, const OpenFile& wanted) {
    const int result = memcmp(&pool_[i].identity, &wanted.identity, sizeof(OpenFileIdentity));
    return (result != 0 ? result : order_files(ours, pool_[i].descriptor, traced_->live_thread(), wanted.number)) < 0;
  });
  if (at == order.end() || !(pool_[*at].identity == file.identity)) return kNone;
  return is_on(pool_[*at], file.number) ? *at : kNone;
}

Status FileDuplicates::add_to(DescriptorCopies* copies) const {
  for (const Duplicate& each : pool_) {
    if (each.descriptor < 0 || each.is_parked) continue;
    if (Status status = copies->add_ours(each.descriptor); !status.is_ok()) return status;
  }
  return Status::ok();
}

// Where the kernel does not say, what is open on the same file in the same way is taken for it.
bool FileDuplicates::is_on(const Duplicate& duplicate, int32_t number) const {
  const Sameness sameness = compare_files(traced_->live_thread(), number, getpid(), duplicate.descriptor);
  if (sameness != Sameness::unknown) return sameness == Sameness::same;
  OpenFile file;
  return describe_file(traced_->live_thread(), number, &file).is_ok() && file.identity == duplicate.identity;
}

Status FileDuplicates::take(const OpenFile& file, DescriptorCopies* copies, Index* index) {
  if (!has_room()) return Status::ok();
  const int descriptor = copies != nullptr ? copies->take(file.number) : get_descriptor(process_, file.number);
  if (descriptor < 0) {
    is_refused_ = is_refused_ || (copies == nullptr && (errno == EPERM || errno == ENOSYS));
    return Status::ok();
  }
  const Duplicate made{descriptor, 1, file.identity, false};
  ++duplicates_in_all;
  for (Index i = 0; i < pool_.size(); ++i) {
    if (pool_[i].users > 0) continue;
    pool_[i] = made;
    *index = i;
    return Status::ok();
  }
  if (!pool_.append(made)) {
    close(descriptor);
    --duplicates_in_all;
    return Status::no_memory(sizeof(made));
  }
  *index = static_cast<Index>(pool_.size() - 1);
  return Status::ok();
}

void FileDuplicates::give_up(Index index) {
  if (index == kNone || --pool_[index].users > 0) return;
  close_one(&pool_[index]);
}

void FileDuplicates::close_one(Duplicate* duplicate) {
  if (duplicate->descriptor < 0) return;
  close(duplicate->descriptor);
  duplicate->descriptor = -1;
  --duplicates_in_all;
}

void FileDuplicates::before_lock(int32_t number) {
  for (Duplicate& each : pool_) {
    if (each.descriptor >= 0 && !each.is_parked && is_on(each, number)) close_one(&each);
  }
}

void FileDuplicates::before_exec() {
  for (Duplicate& each : pool_) {
    const bool is_written = each.identity.kind == FileKind::regular && is_writable(each.identity);
    if (each.descriptor >= 0 && !each.is_parked && is_written && !is_open_in_process(each)) park(&each);
  }
}

bool FileDuplicates::is_open_in_process(const Duplicate& duplicate) const {
  NumberDirectory directory;
  if (!directory.open(traced_->live_thread(), "/proc/PID/fd").is_ok()) return false;
  for (int32_t number; directory.next(&number);) {
    if (is_on(duplicate, number)) return true;
  }
  return false;
}

void FileDuplicates::park(Duplicate* duplicate) {
  char path[48];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", duplicate->descriptor);
  const int parked = open(path, O_PATH | O_CLOEXEC);
  if (parked < 0) return;
  close(duplicate->descriptor);
  duplicate->descriptor = parked;
  duplicate->is_parked = true;
}

// Its offset and flags are those that are set then.
void FileDuplicates::open_again(Duplicate* duplicate) {
  char path[48];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", duplicate->descriptor);
  const int opened = open(path, static_cast<int>(duplicate->identity.fixed_flags & O_ACCMODE) | O_CLOEXEC | O_NONBLOCK);
  if (opened < 0) return;
  close(duplicate->descriptor);
  duplicate->descriptor = opened;
  duplicate->is_parked = false;
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

int FileDuplicates::find(const PageTree& needed, Index wanted_index) {
  const Set* set = wanted_index == kNone ? nullptr : find_set(needed);
  return set != nullptr && wanted_index < set->entries.size() ? take_out(set->entries[wanted_index]) : -1;
}

int FileDuplicates::take_out(Index index) {
  if (index == kNone) return -1;
  Duplicate& duplicate = pool_[index];
  if (duplicate.is_parked) open_again(&duplicate);
  return duplicate.is_parked ? -1 : duplicate.descriptor;
}

int FileDuplicates::find_writable(uint64_t device, uint64_t inode) const {
  for (const Duplicate& each : pool_) {
    const bool is_it = each.identity.device == device && each.identity.inode == inode;
    if (is_it && each.descriptor >= 0 && is_writable(each.identity)) return each.descriptor;
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
  for (Duplicate& duplicate : pool_) close_one(&duplicate);
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
