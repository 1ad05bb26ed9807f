// The pages of a file in a tree: read into it, and written back from it.
//
// What a file has as holes is not read, so a sparse file costs what is in it. It leaves to its caller: the stores'
// lock, and a descriptor whose offset is nobody else's where it reads.
#pragma once

#include <span>

#include "memory/tracee/file_ranges.h"
#include "snapshot/owned.h"
#include "system/virtual_page.h"

namespace pagestore {

// Where in a tree the pages of a file are, and from which byte on.
struct FilePart {
  VirtualPage first;  // of byte 0
  uint64_t start;
};
inline constexpr unsigned kFilePageBits = 32;  // of how many pages there is room

struct FileToRead {
  int descriptor;
  FilePart part;
  uint64_t end;     // up to where; behind the file's own end nothing is left if it is FileRanges::kEnd
  uint64_t length;  // of the file
};
enum class FileRead : uint8_t { done, refused, too_much };

// What `from` becomes when the file's pages from `start` to `end` are as they are now. Unless it is `done` there is no
// tree.
Status read_file_pages(PageStores& stores, const FileToRead& file, const PageTree& from, OwnedTree* tree,
                       FileRead* result);

// The same of bytes that are in memory.
Status store_file_pages(PageStores& stores, const FilePart& part, std::span<const std::byte> bytes,
                        const PageTree& from, OwnedTree* tree);

// A tree without the pages of the file.
Status remove_file_pages(PageStores& stores, const FilePart& part, const PageTree& from, OwnedTree* tree);

Status compare_file_pages(PageStores& stores, const FilePart& part, const PageTree& a, const PageTree& b,
                          bool* is_same);

// Makes a file that is `now`, but for bytes that are `unknown`, what `wanted` says, `length` bytes long. What lies
// before the part's start stays. It is never shorter in between than both before and after. Where the system refuses,
// `*error_number` says why; else it is 0.
struct FileWrite {
  const PageTree& now;
  const PageTree& wanted;
  FileRanges unknown;
  uint64_t length;
};
Status write_file_pages(PageStores& stores, int descriptor, const FilePart& part, const FileWrite& write,
                        int* error_number);

}  // namespace pagestore
