#include "snapshot/region.h"

#include <cerrno>
#include <cstring>

#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

struct Header {
  uint64_t start, end, offset;
  char permissions[4];
  uint16_t path_length;  // no path is longer than 4096 bytes
  uint16_t is_captured;
  FileIdentity file;

  size_t bytes() const { return sizeof(Header) + round_up(path_length, sizeof(uint64_t)); }
};

// Walks over captured regions without their paths; stops when `visit` says false.
template <typename Visit>
void for_each_range(PageStores& stores, const PageTree& regions, Visit visit) {
  const uint64_t length = stored_length(stores, regions);
  Header header;
  for (uint64_t at = 0; at < length; at += header.bytes()) {
    read_stored_bytes(stores, regions, at, std::as_writable_bytes(std::span(&header, 1)));
    if (header.is_captured != 0 && !visit(AddressRange{header.start, header.end})) return;
  }
}

}  // namespace

Status RegionList::add(const Region& region) {
  Header header{};
  header.start = region.start;
  header.end = region.end;
  header.offset = region.offset;
  header.path_length = static_cast<uint16_t>(region.path.size());
  header.is_captured = region.is_captured ? 1 : 0;
  header.file = region.file;
  memcpy(header.permissions, region.permissions, sizeof(header.permissions));
  static constexpr std::byte padding[sizeof(uint64_t)] = {};
  if (!bytes_.reserve(bytes_.size() + header.bytes())) {
    return Status::out_of_memory("realloc", bytes_.size() + header.bytes(), ENOMEM);
  }
  const std::span<const std::byte> path = std::as_bytes(std::span(region.path));
  static_cast<void>(bytes_.append(std::as_bytes(std::span(&header, 1))));
  static_cast<void>(bytes_.append(path));
  static_cast<void>(bytes_.append(std::span(padding).first(header.bytes() - sizeof(Header) - path.size())));
  return Status::ok();
}

bool RegionReader::next(Region* region) {
  if (bytes_.size() < sizeof(Header)) return false;
  Header header;
  memcpy(&header, bytes_.data(), sizeof(header));
  region->start = header.start;
  region->end = header.end;
  region->offset = header.offset;
  memcpy(region->permissions, header.permissions, sizeof(header.permissions));
  region->is_captured = header.is_captured != 0;
  region->file = header.file;
  region->path = {reinterpret_cast<const char*>(bytes_.data() + sizeof(Header)), header.path_length};
  bytes_ = bytes_.subspan(header.bytes());
  return true;
}

Status read_regions(PageStores& stores, const PageTree& regions, GrowingArray<std::byte>* bytes) {
  const uint64_t length = stored_length(stores, regions);
  if (!bytes->resize(length)) return Status::out_of_memory("realloc", length, ENOMEM);
  read_stored_bytes(stores, regions, 0, {bytes->data(), length});
  return Status::ok();
}

Status check_covered(PageStores& stores, const PageTree& regions, const AddressRange& range) {
  uint64_t reached = range.start;
  for_each_range(stores, regions, [&](const AddressRange& region) {
    if (region.start <= reached && reached < region.end) reached = region.end;
    return reached < range.end;
  });
  if (reached >= range.end) return Status::ok();
  return Status::refused(Error::address, reached, 0);
}

uint64_t end_of_regions(PageStores& stores, const PageTree& regions) {
  uint64_t end = 0;
  for_each_range(stores, regions, [&](const AddressRange& region) {
    end = region.end;
    return true;
  });
  return end;
}

}  // namespace pagestore
