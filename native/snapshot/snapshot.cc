#include "snapshot/snapshot.h"

#include "snapshot/stored_bytes.h"
#include "snapshot/stored_regions.h"

namespace pagestore {

namespace {

// What a key is made of. Roots, not trees: two trees with one root are one tree. It has no references of its own; every
// snapshot with this key has references on these trees.
struct KeyRecord {
  Child masked, tracked, regions, live, contents;
  // Few tracked bytes are in `here` themselves, instead of their tree: then this is one more than how many, else 0.
  uint32_t length_here;
  std::byte here[40];
};
static_assert(sizeof(KeyRecord) == kKeyBytes);

// UINT64_MAX: they do not fit.
Status length_in_key(PageStores& stores, const PageTree& tracked, uint64_t* length) {
  Status status = stored_length(stores, tracked, length);
  if (*length > sizeof(KeyRecord::here)) *length = UINT64_MAX;
  return status;
}

}  // namespace

Status make_key(PageStores& stores, Snapshot* snapshot) {
  PS_ASSERT(snapshot->key == Child::absent && (snapshot->is_masked || snapshot->tracked.root != Child::absent));
  KeyRecord record{};
  if (snapshot->tracked.root != Child::absent) {
    uint64_t length;
    if (Status status = length_in_key(stores, snapshot->tracked, &length); !status.is_ok()) return status;
    if (length != UINT64_MAX) {
      record.length_here = static_cast<uint32_t>(length) + 1;
      Status status = read_stored_bytes(stores, snapshot->tracked, {record.here, length});
      if (!status.is_ok()) return status;
    } else {
      record.tracked = snapshot->tracked.root;
    }
  } else {
    record.masked = snapshot->masked.root;
    record.regions = snapshot->counted.root;
    record.contents = snapshot->contents.root;
  }
  record.live = snapshot->live.root;
  PageNumber number;
  const auto* bytes = reinterpret_cast<const std::byte*>(&record);
  if (Status status = stores.keys.store(Holder::snapshot, bytes, 1, &number); !status.is_ok()) return status;
  snapshot->key = page_child(number);
  return Status::ok();
}

Status keep_key_alone(PageStores& stores, Snapshot* snapshot) {
  PS_ASSERT(snapshot->key != Child::absent);
  uint64_t length = UINT64_MAX;
  if (snapshot->tracked.root != Child::absent) {
    if (Status status = length_in_key(stores, snapshot->tracked, &length); !status.is_ok()) return status;
  }
  for (PageTree* tree : {&snapshot->memory, &snapshot->ignored, &snapshot->regions, &snapshot->threads,
                         &snapshot->waits, &snapshot->files}) {
    give_back(stores, tree);
  }
  if (snapshot->tracked.root != Child::absent) {
    give_back(stores, &snapshot->masked);
    give_back(stores, &snapshot->counted);
    give_back(stores, &snapshot->contents);
    if (length != UINT64_MAX) give_back(stores, &snapshot->tracked);
  }
  snapshot->is_key_alone = true;
  return Status::ok();
}

Status release(PageStores& stores, Snapshot* snapshot) {
  Status result = Status::ok();
  if (snapshot->key != Child::absent) {
    const PageNumber number = number_of(snapshot->key);
    result = stores.keys.unref(Holder::snapshot, &number, 1);
    if (!result.is_ok()) result = Status::damaged("a key that is not stored", index_of(number));
  }
  for (PageTree* tree : {&snapshot->memory, &snapshot->ignored, &snapshot->tracked, &snapshot->regions,
                         &snapshot->counted, &snapshot->threads, &snapshot->waits, &snapshot->files,
                         &snapshot->contents, &snapshot->live, &snapshot->masked}) {
    Status status = OwnedTree(stores, *tree).give_back();
    if (result.is_ok()) result = status;
  }
  *snapshot = {};
  return result;
}

Status read_snapshot(PageStores& stores, const Snapshot& snapshot, const AddressRange& range,
                     std::span<std::byte> bytes) {
  PS_ASSERT(bytes.size() == range.length());
  if (Status status = check_covered(stores, snapshot.regions, range); !status.is_ok()) return status;
  return read_memory(stores, snapshot.memory, range.start, bytes);
}

Status difference(PageStores& stores, const Snapshot& a, const Snapshot& b, GrowingArray<AddressRange>* ranges) {
  const auto add = [&](VirtualPage virtual_page, Child, Child) {
    const AddressRange page{virtual_page * page_size(), (virtual_page + 1) * page_size()};
    if (!ranges->empty() && (*ranges)[ranges->size() - 1].end == page.start) {
      (*ranges)[ranges->size() - 1].end = page.end;
    } else if (!ranges->append(page)) {
      return Status::no_memory((ranges->size() + 1) * sizeof(AddressRange));
    }
    return Status::ok();
  };
  return PageTables(stores).differences(a.memory, b.memory, 0, UINT64_MAX, add);
}

}  // namespace pagestore
