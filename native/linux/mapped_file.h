// Which file a mapping is of.
//
// The kernel names the file of a mapping by device and inode (/proc/PID/maps), and not on all file systems by those
// that stat(2) says: btrfs and overlayfs have others there. So where the two differ, the file is mapped by us for a
// moment, and both are named the same way; what came of that is kept (mapped_identities.h).
#pragma once

#include <optional>

#include "system/region.h"

namespace pagestore {

enum class MappedFile : uint8_t { same, another, unknown };

class MappedIdentities;

// `file` may be opened as a path alone (O_PATH). Unknown where it may not be read.
MappedFile compare_mapped_file(int file, const FileIdentity& mapped, MappedIdentities& identities);

// How a mapping names a file with that device and inode of stat(2), on most file systems.
FileIdentity usual_identity(uint64_t device, uint64_t inode);
// How mappings name the file that a path leads to; none where it may not be mapped by us.
std::optional<FileIdentity> mapped_identity(const char* path);

}  // namespace pagestore
