// The file that a store keeps its pages in: it has no name, lies in memory, and is freed with its last descriptor and
// mapping.
//
// There are two kinds, and they behave alike:
//  - huge: a file in a tmpfs of our own that allows huge pages and is mounted nowhere. Fresh memory costs a tenth,
//    because the kernel zeroes and maps 2 MiB at a time. Root makes the tmpfs directly; any other user makes it in a
//    user and mount namespace that only a short-lived child enters.
//  - memfd: works everywhere, in small pages. Sealed against shrinking.
//
// It leaves to its caller: never to shrink a file, since only one of the two kinds refuses that.
#pragma once

#include <cstdint>
#include <optional>

#include "system/scoped_fd.h"

namespace pagestore {

enum class MemoryKind : uint8_t { huge, memfd };

struct BackingFile {
  ScopedFd fd;
  MemoryKind kind = MemoryKind::memfd;
};

// A huge file, of at most `bytes` if that is given. Not open where the system forbids it; `errno` says why.
BackingFile open_huge_file(std::optional<uint64_t> bytes = std::nullopt);

// Not open when no descriptor or memory is left; `errno` says why.
BackingFile open_memfd();

}  // namespace pagestore
