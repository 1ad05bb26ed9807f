#include "snapshot/stored_bytes.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "system/assert.h"

namespace pagestore {

namespace {

constexpr size_t kLengthBytes = sizeof(uint64_t);

}  // namespace

BytesWriter::BytesWriter(PageStores& stores, uint64_t length)
    : stores_(stores), edit_(stores, {}, 0), length_(length) {}

BytesWriter::~BytesWriter() {
  if (blank_ != kNoPage) stores_.pages.give_back(&blank_, 1);
}

Status BytesWriter::begin_page() {
  if (Status status = stores_.pages.take_blanks(1, &blank_); !status.is_ok()) return status;
  if (next_ == 0) memcpy(stores_.pages.blank(blank_), &length_, kLengthBytes);
  filled_ = next_ == 0 ? kLengthBytes : 0;
  return Status::ok();
}

Status BytesWriter::end_page() {
  memset(stores_.pages.blank(blank_) + filled_, 0, page_size() - filled_);
  OwnedPage page;
  const PageNumber blank = std::exchange(blank_, kNoPage);
  if (Status status = OwnedPage::keep(stores_.pages, blank, &page); !status.is_ok()) return status;
  return edit_.set(next_++, std::move(page));
}

// Calls `fill(offset, where to put them)` for parts that lie within one page each.
template <typename Fill>
Status BytesWriter::append_parts(uint64_t length, Fill fill) {
  for (uint64_t done = 0; done < length;) {
    if (blank_ == kNoPage) {
      if (Status status = begin_page(); !status.is_ok()) return status;
    }
    const size_t part = std::min<uint64_t>(length - done, page_size() - filled_);
    fill(done, std::span(stores_.pages.blank(blank_) + filled_, part));
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

// Costs what the memory has there, however long the range is.
Status BytesWriter::append(const PageTree& memory, uint64_t address, uint64_t length) {
  if (length == 0) return Status::ok();
  const uint64_t last = address + (length - 1);
  uint64_t done = 0;
  Status status = Status::ok();
  PageTables(stores_).differences(
      {}, memory, address / page_size(), last / page_size(), [&](VirtualPage virtual_page, Child, Child page) {
        if (!status.is_ok()) return;
        const uint64_t start = virtual_page * page_size();
        const uint64_t from = std::max(start, address), to = std::min(start + (page_size() - 1), last);
        status = append_zeroes(from - address - done);
        if (status.is_ok()) status = append_page(number_of(page), from - start, to - from + 1);
        done = to - address + 1;
      });
  return status.is_ok() ? append_zeroes(length - done) : status;
}

// Where the page is, is asked for each part anew: the store may move when it grows.
Status BytesWriter::append_page(PageNumber page, uint64_t from, uint64_t length) {
  return append_parts(length, [&](uint64_t offset, std::span<std::byte> to) {
    memcpy(to.data(), stores_.pages.bytes(page) + from + offset, to.size());
  });
}

Status BytesWriter::append_zeroes(uint64_t length) {
  const auto fill = [](uint64_t, std::span<std::byte> to) { memset(to.data(), 0, to.size()); };
  const uint64_t begun = blank_ != kNoPage ? std::min<uint64_t>(length, page_size() - filled_) : 0;
  if (Status status = append_parts(begun, fill); !status.is_ok()) return status;
  length -= begun;
  // The first page has the length as well, and comes before any range.
  PS_ASSERT(length == 0 || next_ > 0);
  const uint64_t pages = length / page_size();
  next_ += pages;
  appended_ += pages * page_size();
  return append_parts(length % page_size(), fill);
}

Status BytesWriter::finish(OwnedTree* tree) {
  PS_ASSERT(appended_ == length_);
  if (blank_ == kNoPage && next_ == 0) {
    if (Status status = begin_page(); !status.is_ok()) return status;
  }
  if (blank_ != kNoPage) {
    if (Status status = end_page(); !status.is_ok()) return status;
  }
  uint64_t pages;
  return edit_.finish(tree, &pages);
}

Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, OwnedTree* tree) {
  BytesWriter writer(stores, bytes.size());
  const Status status = writer.append(bytes);
  return status.is_ok() ? writer.finish(tree) : status;
}

uint64_t stored_length(PageStores& stores, const PageTree& tree) {
  uint64_t length = 0;
  read_memory(stores, tree, 0, std::as_writable_bytes(std::span(&length, 1)));
  return length;
}

void read_stored_bytes(PageStores& stores, const PageTree& tree, uint64_t offset, std::span<std::byte> bytes) {
  PS_ASSERT(offset + bytes.size() <= stored_length(stores, tree));
  read_memory(stores, tree, kLengthBytes + offset, bytes);
}

void read_memory(PageStores& stores, const PageTree& tree, uint64_t address, std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  memset(bytes.data(), 0, bytes.size());
  const uint64_t last = address + (bytes.size() - 1);
  PageTables(stores).differences(
      {}, tree, address / page_size(), last / page_size(), [&](VirtualPage virtual_page, Child, Child page) {
        const uint64_t start = virtual_page * page_size();
        const uint64_t from = std::max(start, address), to = std::min(start + (page_size() - 1), last);
        memcpy(bytes.data() + (from - address), stores.pages.bytes(number_of(page)) + (from - start), to - from + 1);
      });
}

}  // namespace pagestore
