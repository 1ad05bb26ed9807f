// Whether an open file is the one that a mapping is of.
//
// The kernel names the file of a mapping by device and inode (/proc/PID/maps), and not on all file systems by those
// that fstat says: btrfs and overlayfs have others there. So where the two differ, the file is mapped by us for a
// moment, and both are named the same way.
#pragma once

#include "system/region.h"

namespace pagestore {

enum class MappedFile : uint8_t { same, another, unknown };

// `file` may be opened as a path alone (O_PATH). Unknown where it may not be read.
MappedFile compare_mapped_file(int file, const FileIdentity& mapped);

}  // namespace pagestore
