#include "snapshot/stored_bytes.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "store/page_hash.h"

namespace pagestore {

namespace {

struct Head {
  uint64_t length = 0, hash = 0, seal = 0;

  uint64_t expected_seal() const { return xxh3(reinterpret_cast<const std::byte*>(this), offsetof(Head, seal)); }
};
static_assert(sizeof(Head) == kStoredHeadBytes);

Status damage(const PageTree& tree) {
  return Status::damaged("bytes that were not stored so, below page table", index_of(number_of(tree.root)));
}

Status read_head(PageStores& stores, const PageTree& tree, Head* head) {
  if (tree.root == Child::absent) {
    head->hash = xxh3(nullptr, 0);
    return Status::ok();
  }
  if (Status status = read_memory(stores, tree, 0, std::as_writable_bytes(std::span(head, 1))); !status.is_ok()) {
    return status;
  }
  return head->seal == head->expected_seal() ? Status::ok() : damage(tree);
}

Status read_bytes(PageStores& stores, const PageTree& tree, const Head& head, std::span<std::byte> bytes) {
  if (head.length != bytes.size()) return damage(tree);
  if (Status status = read_memory(stores, tree, sizeof(Head), bytes); !status.is_ok()) return status;
  return xxh3(bytes.data(), bytes.size()) == head.hash ? Status::ok() : damage(tree);
}

}  // namespace

BytesWriter::BytesWriter(PageStores& stores, uint64_t length, std::optional<uint64_t> hash)
    : stores_(stores), edit_(stores, {}, 0), length_(length), hash_(hash) {}

Status BytesWriter::begin_page() {
  if (Status status = OwnedBlank::borrow(stores_.pages, &blank_); !status.is_ok()) return status;
  filled_ = next_ == 0 ? sizeof(Head) : 0;
  return Status::ok();
}

// Of the first page, which is filled.
void BytesWriter::write_head() {
  Head head{length_};
  if (hash_) {
    head.hash = *hash_;
  } else if (length_ <= page_size() - sizeof(Head)) {
    head.hash = xxh3(blank_.bytes() + sizeof(Head), length_);
  }
  head.seal = head.expected_seal();
  memcpy(blank_.bytes(), &head, sizeof(head));
}

Status BytesWriter::end_page() {
  memset(blank_.bytes() + filled_, 0, page_size() - filled_);
  if (next_ == 0) write_head();
  OwnedPage page;
  if (Status status = OwnedPage::keep(std::move(blank_), &page); !status.is_ok()) return status;
  return edit_.set(next_++, std::move(page));
}

// Calls `fill(offset, where to put them)` for parts that lie within one page each.
template <typename Fill>
Status BytesWriter::append_parts(uint64_t length, Fill fill) {
  for (uint64_t done = 0; done < length;) {
    if (!blank_.is_lent()) {
      if (Status status = begin_page(); !status.is_ok()) return status;
    }
    const size_t part = std::min<uint64_t>(length - done, page_size() - filled_);
    fill(done, std::span(blank_.bytes() + filled_, part));
    filled_ += part;
    appended_ += part;
    done += part;
    if (filled_ == page_size()) {
      if (Status status = end_page(); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

Status BytesWriter::append(std::span<const std::byte> bytes) {
  return append_parts(bytes.size(), [&](uint64_t offset, std::span<std::byte> to) {
    memcpy(to.data(), bytes.data() + offset, to.size());
  });
}

Status BytesWriter::append(const PageTree& memory, uint64_t address, uint64_t length) {
  if (length == 0) return Status::ok();
  const uint64_t end = address + length;
  uint64_t next = address;
  const auto append_page = [&](VirtualPage virtual_page, Child, Child page) {
    const uint64_t start = virtual_page * page_size();
    const uint64_t from = std::max(start, address), to = std::min(start + page_size(), end);
    if (Status status = append_zeroes(from - next); !status.is_ok()) return status;
    next = to;
    // A blank may move the store's memory, so each part asks anew where the page is.
    return append_parts(to - from, [&](uint64_t offset, std::span<std::byte> part) {
      memcpy(part.data(), stores_.pages.bytes(number_of(page)) + (from - start) + offset, part.size());
    });
  };
  const VirtualPage first = address / page_size(), last = (end - 1) / page_size();
  Status status = PageTables(stores_).differences({}, memory, first, last, append_page);
  return status.is_ok() ? append_zeroes(end - next) : status;
}

// Fills the page that was begun, leaves out whole pages, and begins another for the rest.
Status BytesWriter::append_zeroes(uint64_t length) {
  const auto clear = [](uint64_t, std::span<std::byte> part) { memset(part.data(), 0, part.size()); };
  const size_t room = blank_.is_lent() ? page_size() - filled_ : next_ == 0 ? page_size() - sizeof(Head) : 0;
  const uint64_t head = std::min<uint64_t>(length, room), rest = length - head;
  if (Status status = append_parts(head, clear); !status.is_ok()) return status;
  next_ += rest / page_size();
  appended_ += rest / page_size() * page_size();
  return append_parts(rest % page_size(), clear);
}

Status BytesWriter::finish(OwnedTree* tree) {
  PS_ASSERT(appended_ == length_);
  if (!blank_.is_lent() && next_ == 0) {
    if (Status status = begin_page(); !status.is_ok()) return status;
  }
  if (blank_.is_lent()) {
    if (Status status = end_page(); !status.is_ok()) return status;
  }
  uint64_t pages;
  return edit_.finish(tree, &pages);
}

Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree) {
  BytesWriter writer(stores, bytes.size(), xxh3(bytes.data(), bytes.size()));
  if (Status status = writer.append(bytes); !status.is_ok()) return status;
  return writer.finish(tree);
}

Status stored_length(PageStores& stores, const PageTree& tree, uint64_t* length) {
  Head head;
  Status status = read_head(stores, tree, &head);
  *length = head.length;
  return status;
}

Status read_stored_bytes(PageStores& stores, const PageTree& tree, std::span<std::byte> bytes) {
  Head head;
  if (Status status = read_head(stores, tree, &head); !status.is_ok()) return status;
  return read_bytes(stores, tree, head, bytes);
}

Status read_stored_bytes(PageStores& stores, const PageTree& tree, GrowingArray<std::byte>* bytes) {
  Head head;
  if (Status status = read_head(stores, tree, &head); !status.is_ok()) return status;
  if (!bytes->resize(head.length)) return Status::no_memory(head.length);
  return read_bytes(stores, tree, head, {bytes->data(), head.length});
}

Status read_memory(PageStores& stores, const PageTree& tree, uint64_t address, std::span<std::byte> bytes) {
  if (bytes.empty()) return Status::ok();
  memset(bytes.data(), 0, bytes.size());
  const PageTables tables(stores);
  const uint64_t last = address + (bytes.size() - 1);
  const auto read_page = [&](VirtualPage virtual_page, Child, Child page) {
    const uint64_t start = virtual_page * page_size();
    const uint64_t from = std::max(start, address), to = std::min(start + (page_size() - 1), last);
    memcpy(bytes.data() + (from - address), stores.pages.bytes(number_of(page)) + (from - start), to - from + 1);
    return Status::ok();
  };
  const VirtualPage first_page = address / page_size(), last_page = last / page_size();
  if (first_page != last_page) return tables.differences({}, tree, first_page, last_page, read_page);
  // To go down one path takes a fraction of that, and words are read much.
  Child page;
  if (Status status = tables.page_at(tree, first_page, &page); !status.is_ok()) return status;
  return page == Child::absent ? Status::ok() : read_page(first_page, Child::absent, page);
}

}  // namespace pagestore
