// The file whose pages a store hands out: nameless, in memory, gone with its last descriptor and
// mapping.
//
// There are two kinds, and they behave alike:
//  - huge: a file in a tmpfs of our own that takes huge pages, mounted nowhere. Fresh memory then
//  costs a tenth,
//    because the kernel zeroes and maps 2 MiB at a time. Root makes the tmpfs directly; anybody
//    else does it in a user and mount namespace that only a short-lived child ever enters.
//  - memfd: works everywhere, in small pages. Sealed against shrinking.
#pragma once

#include <cstdint>

#include "system/scoped_fd.h"

namespace pagestore {

enum class MemoryKind : uint8_t { huge, memfd };

struct BackingFile {
  ScopedFd fd;
  MemoryKind kind = MemoryKind::memfd;
};

// A huge file of at most `bytes` (0: no bound). Not open where the system forbids it; `errno` tells
// why.
BackingFile open_huge_file(uint64_t bytes = 0);

// Not open when no descriptor or memory is left; `errno` tells why.
BackingFile open_memfd();

}  // namespace pagestore
