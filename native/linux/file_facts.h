// Which file it is that a path or a descriptor leads to.
//
// The kernel gives an inode's number to another file once the first is gone. What then differs is when the file was
// made; but the clock by which the kernel says so stands still for some milliseconds, and files may follow each other
// within these. So we also ask for the file's generation, by which file systems tell files with one number apart, where
// we know that a file keeps it. While anybody has a file open, its number is no other file's.
#pragma once

#include <cstdint>

namespace pagestore {

struct WhichFile {
  uint64_t device = 0, inode = 0;
  uint64_t born = 0;        // in nanoseconds; 0 where the file system does not say
  uint64_t generation = 0;  // 0 where the file system does not say, or where it may change

  // Whether it tells the file from one that has the same inode later.
  bool is_certain() const { return born != 0 || generation != 0; }
  bool operator==(const WhichFile&) const = default;
};

// Whether two can be one file, as far as both are told.
constexpr bool may_be_same(const WhichFile& a, const WhichFile& b) {
  return a.device == b.device && a.inode == b.inode && (a.born == b.born || a.born == 0 || b.born == 0) &&
         (a.generation == b.generation || a.generation == 0 || b.generation == 0);
}

struct FileFacts {
  WhichFile identity;
  uint64_t length = 0;
  uint64_t links = 0;  // names that it has
  uint32_t owner = 0, mode = 0;
};

// False, with errno, where it is not found. No server behind a file system is asked. Of flags it takes
// AT_SYMLINK_NOFOLLOW.
bool read_file_facts(int folder, const char* path, FileFacts* facts, int flags = 0);
inline bool read_file_facts(int descriptor, FileFacts* facts) {
  return read_file_facts(descriptor, "", facts);
}

}  // namespace pagestore
