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

bool fits_into_key(PageStores& stores, const PageTree& tracked) {
  return stored_length(stores, tracked) <= sizeof(KeyRecord::here);
}

}  // namespace

Status make_key(PageStores& stores, Snapshot* snapshot) {
  PS_ASSERT(snapshot->key == Child::absent && (snapshot->is_masked || snapshot->tracked.root != Child::absent));
  KeyRecord record{};
  if (snapshot->tracked.root != Child::absent) {
    if (fits_into_key(stores, snapshot->tracked)) {
      const uint64_t length = stored_length(stores, snapshot->tracked);
      record.length_here = static_cast<uint32_t>(length) + 1;
      read_stored_bytes(stores, snapshot->tracked, 0, {record.here, length});
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

void keep_key_alone(PageStores& stores, Snapshot* snapshot) {
  PS_ASSERT(snapshot->key != Child::absent);
  for (PageTree* tree : {&snapshot->memory, &snapshot->ignored, &snapshot->regions, &snapshot->threads,
                         &snapshot->waits, &snapshot->files}) {
    give_back(stores, tree);
  }
  if (snapshot->tracked.root != Child::absent) {
    give_back(stores, &snapshot->masked);
    give_back(stores, &snapshot->counted);
    give_back(stores, &snapshot->contents);
    if (fits_into_key(stores, snapshot->tracked)) give_back(stores, &snapshot->tracked);
  }
  snapshot->is_key_alone = true;
}

void release(PageStores& stores, Snapshot* snapshot) {
  if (snapshot->key != Child::absent) {
    const PageNumber number = number_of(snapshot->key);
    static_cast<void>(stores.keys.unref(Holder::snapshot, &number, 1));
  }
  for (PageTree* tree : {&snapshot->memory, &snapshot->ignored, &snapshot->tracked, &snapshot->regions,
                         &snapshot->counted, &snapshot->threads, &snapshot->waits, &snapshot->files,
                         &snapshot->contents, &snapshot->live, &snapshot->masked}) {
    give_back(stores, tree);
  }
  *snapshot = {};
}

Status read_snapshot(PageStores& stores, const Snapshot& snapshot, const AddressRange& range,
                     std::span<std::byte> bytes) {
  PS_ASSERT(bytes.size() == range.length());
  if (Status status = check_covered(stores, snapshot.regions, range); !status.is_ok()) return status;
  read_memory(stores, snapshot.memory, range.start, bytes);
  return Status::ok();
}

Status difference(PageStores& stores, const Snapshot& a, const Snapshot& b, GrowingArray<AddressRange>* ranges) {
  bool fits = true;
  PageTables(stores).differences(a.memory, b.memory, 0, UINT64_MAX, [&](VirtualPage virtual_page, Child, Child) {
    const AddressRange page{virtual_page * page_size(), (virtual_page + 1) * page_size()};
    if (!ranges->empty() && (*ranges)[ranges->size() - 1].end == page.start) {
      (*ranges)[ranges->size() - 1].end = page.end;
    } else if (fits) {
      fits = ranges->append(page);
    }
  });
  if (fits) return Status::ok();
  return Status::no_memory((ranges->size() + 1) * sizeof(AddressRange));
}

}  // namespace pagestore
