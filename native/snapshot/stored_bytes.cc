#include "snapshot/stored_bytes.h"

#include <algorithm>
#include <cstring>

#include "snapshot/tree_edit.h"

namespace pagestore {

namespace {

constexpr size_t kLengthBytes = sizeof(uint64_t);

}  // namespace

Status store_bytes(PageStores& stores, std::span<const std::byte> bytes, PageTree* tree) {
  TreeEdit edit(stores, {}, 0);
  const uint64_t length = bytes.size();
  size_t at = kLengthBytes;
  for (VirtualPage place = 0;; ++place) {
    PageNumber blank;
    if (Status status = stores.pages.take_blanks(1, &blank); !status.is_ok()) return status;
    std::byte* page = stores.pages.blank(blank);
    if (place == 0) memcpy(page, &length, kLengthBytes);
    const size_t part = std::min(bytes.size(), page_size() - at);
    if (part > 0) memcpy(page + at, bytes.data(), part);
    memset(page + at + part, 0, page_size() - at - part);
    bytes = bytes.subspan(part);
    at = 0;
    Child child;
    if (Status status = keep_page(stores.pages, blank, &child); !status.is_ok()) return status;
    if (Status status = edit.set(place, child); !status.is_ok()) return status;
    if (bytes.empty()) break;
  }
  uint64_t pages;
  return edit.finish(tree, &pages);
}

uint64_t stored_length(PageStores& stores, const PageTree& tree) {
  uint64_t length = 0;
  read_memory(stores, tree, 0, std::as_writable_bytes(std::span(&length, 1)));
  return length;
}

void read_stored_bytes(PageStores& stores, const PageTree& tree, uint64_t offset, std::span<std::byte> bytes) {
  read_memory(stores, tree, kLengthBytes + offset, bytes);
}

void read_memory(PageStores& stores, const PageTree& tree, uint64_t address, std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  memset(bytes.data(), 0, bytes.size());
  const uint64_t last = address + (bytes.size() - 1);
  PageTables(stores).differences(
      {}, tree, address / page_size(), last / page_size(), [&](VirtualPage place, Child, Child page) {
        const uint64_t start = place * page_size();
        const uint64_t from = std::max(start, address), to = std::min(start + (page_size() - 1), last);
        memcpy(bytes.data() + (from - address), stores.pages.bytes(number_of(page)) + (from - start), to - from + 1);
      });
}

}  // namespace pagestore
