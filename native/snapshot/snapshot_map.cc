#include "snapshot/snapshot_map.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

namespace pagestore {

namespace {

// Mapping a run of so many pages costs less than copying it (docs/internals/snapshot-map.md).
constexpr size_t kWorthMapping = 4;

std::atomic<size_t> runs_in_use = 0;

// A quarter of the mappings that the process may have: the rest is for everybody else.
size_t most_runs() {
  static const size_t most = [] {
    size_t limit = 65530;
    if (FILE* file = fopen("/proc/sys/vm/max_map_count", "re")) {
      if (fscanf(file, "%zu", &limit) != 1) limit = 65530;
      fclose(file);
    }
    return limit / 4;
  }();
  return most;
}

// A run splits the mapping that it replaces a part of: that makes two more.
bool take_run() {
  if (runs_in_use.fetch_add(2) + 2 <= most_runs()) return true;
  runs_in_use.fetch_sub(2);
  return false;
}

}  // namespace

Status SnapshotMap::make(SharedStore* store, const PageTree& tree, const AddressRange& range, SnapshotMap** map) {
  PS_ASSERT(range.start < range.end);
  *map = nullptr;
  const AddressRange pages{range.start / page_size(), (range.end - 1) / page_size() + 1};
  const size_t bytes = pages.length() * page_size();
  Mapping mapping = Mapping::unreserved(bytes);
  if (!mapping.is_mapped()) return Status::out_of_memory("mmap", bytes, errno);
  auto* made = new (std::nothrow) SnapshotMap(store, std::move(mapping));
  if (made == nullptr) return Status::no_memory(sizeof(SnapshotMap));
  store->need_shell();
  if (Status status = made->show_owned(tree, pages); !status.is_ok()) {
    made->close();
    return status;
  }
  *map = made;
  return Status::ok();
}

Status SnapshotMap::show_owned(const PageTree& tree, const AddressRange& pages) {
  const LockedStores stores(*store_);
  OwnedTree owned;
  if (Status status = OwnedTree::ref(*stores, tree, &owned); !status.is_ok()) return status;
  tree_ = owned.take();
  return show(*stores, tree, pages);
}

Status SnapshotMap::show(PageStores& stores, const PageTree& tree, const AddressRange& pages) {
  PageNumber first = kNoPage;
  size_t count = 0, offset = 0;
  const auto add = [&](VirtualPage virtual_page, Child, Child page) {
    const size_t at = (virtual_page - pages.start) * page_size();
    const PageNumber number = number_of(page);
    if (count > 0 && index_of(number) == index_of(first) + count && at == offset + count * page_size()) {
      ++count;
      return Status::ok();
    }
    Status status = show_run(stores, first, count, offset);
    first = number;
    count = 1;
    offset = at;
    return status;
  };
  Status status = PageTables(stores).differences({}, tree, pages.start, pages.end - 1, add);
  return status.is_ok() ? show_run(stores, first, count, offset) : status;
}

Status SnapshotMap::show_run(PageStores& stores, PageNumber first, size_t count, size_t offset) {
  std::byte* at = mapping_.data() + offset;
  if (count >= kWorthMapping && take_run()) {
    if (stores.pages.map_over(first, count, at)) {
      ++runs_;
      return Status::ok();
    }
    runs_in_use.fetch_sub(2);
    // Nothing may be mapped there now.
    if (!mapping_.renew(offset, count * page_size())) {
      return Status::out_of_memory("mmap", mapping_.bytes(), errno);
    }
  }
  if (count > 0) memcpy(at, stores.pages.bytes(first), count * page_size());
  return Status::ok();
}

void SnapshotMap::end() {
  {
    const LockedStores stores(*store_);
    if (stores) give_back(*stores, &tree_);
  }
  runs_in_use.fetch_sub(2 * runs_);
  store_->drop_shell();
  delete this;
}

void SnapshotMap::close() {
  mapping_ = Mapping();
  end();
}

void SnapshotMap::leave_zeroes() {
  mapping_.leave_zeroes();
  end();
}

}  // namespace pagestore
