#include "system/region.h"

#include <cstring>

#include "system/assert.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

constexpr size_t kMostPath = (1u << 25) - 1;

}  // namespace

size_t RegionHeader::bytes() const {
  return sizeof(RegionHeader) + round_up(path_length, sizeof(uint64_t));
}

Status RegionList::add(const Region& region) {
  PS_ASSERT(region.path.size() <= kMostPath);
  RegionHeader header{};
  header.start = region.start;
  header.end = region.end;
  header.offset = region.offset;
  header.path_length = static_cast<uint32_t>(region.path.size());
  header.is_captured = region.is_captured ? 1 : 0;
  header.grows_down = region.grows_down ? 1 : 0;
  header.is_guard = region.is_guard ? 1 : 0;
  header.is_missing = region.is_missing ? 1 : 0;
  header.is_served = region.is_served ? 1 : 0;
  header.reports_writes = region.reports_writes ? 1 : 0;
  header.is_sealed = region.is_sealed ? 1 : 0;
  header.file = region.file;
  memcpy(header.permissions, region.permissions, sizeof(header.permissions));
  static constexpr std::byte padding[sizeof(uint64_t)] = {};
  if (!bytes_.reserve(bytes_.size() + header.bytes())) return Status::no_memory(bytes_.size() + header.bytes());
  const std::span<const std::byte> path = std::as_bytes(std::span(region.path));
  static_cast<void>(bytes_.append(std::as_bytes(std::span(&header, 1))));
  static_cast<void>(bytes_.append(path));
  static_cast<void>(bytes_.append(std::span(padding).first(header.bytes() - sizeof(RegionHeader) - path.size())));
  return Status::ok();
}

bool RegionReader::next(Region* region) {
  if (bytes_.size() < sizeof(RegionHeader)) return false;
  RegionHeader header;
  memcpy(&header, bytes_.data(), sizeof(header));
  region->start = header.start;
  region->end = header.end;
  region->offset = header.offset;
  memcpy(region->permissions, header.permissions, sizeof(header.permissions));
  region->is_captured = header.is_captured != 0;
  region->grows_down = header.grows_down != 0;
  region->is_guard = header.is_guard != 0;
  region->is_missing = header.is_missing != 0;
  region->is_served = header.is_served != 0;
  region->reports_writes = header.reports_writes != 0;
  region->is_sealed = header.is_sealed != 0;
  region->file = header.file;
  region->path = {reinterpret_cast<const char*>(bytes_.data() + sizeof(RegionHeader)), header.path_length};
  bytes_ = bytes_.subspan(header.bytes());
  return true;
}

}  // namespace pagestore
