#include "memory/tracee/scratch.h"

#include "system/page_size.h"
#include "system/region.h"

namespace pagestore {

std::optional<RemoteAddress> find_scratch(std::span<const std::byte> regions) {
  RegionReader reader(regions);
  Region region;
  while (reader.next(&region)) {
    if (region.path == "[stack]") return RemoteAddress(region.end - page_size());  // it grows downwards
  }
  return {};
}

Status call_with_bytes(TracedProcess& process, const Scratch& scratch, const SystemCall& call,
                       std::span<std::byte> bytes, int64_t* result) {
  PS_ASSERT(bytes.size() <= page_size());
  GrowingArray<std::byte> before;
  if (!before.resize(bytes.size())) return Status::no_memory(bytes.size());
  if (Status status = process.read(scratch.address, before.data(), before.size()); !status.is_ok()) return status;
  Status status = process.write(scratch.address, bytes.data(), bytes.size());
  if (status.is_ok()) status = process.call(call, result, scratch.maker);
  if (status.is_ok()) status = process.read(scratch.address, bytes.data(), bytes.size());
  const Status restored = process.write(scratch.address, before.data(), before.size());
  return status.is_ok() ? restored : status;
}

}  // namespace pagestore
