// What a process has open: one record for each descriptor, sorted by number.
//
// A descriptor is a number in a process; an open file is what lies behind it, with an offset and flags, and several
// descriptors may share one. The list is canonical: equal tables give equal records, so a list can be compared as
// bytes. It promises to name no file twice: descriptors that share an open file have the same `leader`.
//
// It leaves to its caller: that the process is stopped while the list is read.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

enum class FileKind : uint8_t {
  regular,
  directory,
  stateless,  // a device that has no state: null, zero, full, random, urandom
  path,       // O_PATH: a place, which nothing can be read from
  pipe,
  socket,
  terminal,  // and other devices that take and give characters
  kernel,  // open for writing, and regular by its mode; but the kernel does not keep what is written there: /proc, /sys
  event_count,
  other,
};

// What tells open files apart. Two descriptors with equal identities can stand for each other if they are of a kind
// that can be held (`can_be_duplicated`), once offset and flags are equal.
struct OpenFileIdentity {
  uint64_t device = 0, inode = 0;
  // Where neither tells one open file from all others: a number that whoever keeps lists gives it (0 by itself).
  uint64_t serial = 0;
  uint32_t fixed_flags = 0;  // those of open(2) that fcntl cannot change
  FileKind kind = FileKind::other;
  uint8_t is_outside = 0;  // the host passed it on, and it belongs to the world outside
  uint8_t unused[2] = {};

  bool operator==(const OpenFileIdentity&) const = default;
};

struct OpenFile {
  OpenFileIdentity identity;
  uint64_t position = 0;        // where there is one, else 0
  uint64_t length = 0;          // of a regular file that is open for writing, else 0
  uint64_t detail = 0;          // a hash of what else the kernel tells: counts, sets, locks
  uint64_t lasting_detail = 0;  // the same, without what another run of the program would have otherwise
  int32_t number = 0;
  int32_t leader = 0;           // the lowest number on the same open file
  uint32_t settable_flags = 0;  // those that fcntl can change
  uint8_t closes_on_exec = 0;
  uint8_t has_lock = 0;   // which is lost when the file is closed, and would live on in a duplicate of ours
  uint8_t has_edges = 0;  // a set with members that are reported once alone
  uint8_t unused = 0;
};
static_assert(sizeof(OpenFile) == sizeof(OpenFileIdentity) + 48);

// Whether a duplicate of it, in another process, does no harm: nobody waits for its end, and nothing depends on it.
constexpr bool can_be_duplicated(FileKind kind) {
  return kind == FileKind::regular || kind == FileKind::directory || kind == FileKind::stateless ||
         kind == FileKind::path || kind == FileKind::kernel;
}
constexpr bool has_position(FileKind kind) {
  return kind == FileKind::regular || kind == FileKind::directory || kind == FileKind::kernel;
}
bool is_writable(const OpenFileIdentity& identity);
// Whether an open file without a descriptor cannot be told from another one, or has lost what was in it.
bool needs_serial(const OpenFileIdentity& identity);

class DescriptorCopies;

class OpenFiles {
 public:
  // `task` is a thread of the process that has not ended. Without `copies` the kernel tells open files apart.
  static Status read(pid_t task, const DescriptorCopies* copies, OpenFiles* files);

  std::span<OpenFile> all() { return {files_.data(), files_.size()}; }
  std::span<const OpenFile> all() const { return {files_.data(), files_.size()}; }
  const OpenFile* find(int32_t number) const;
  OpenFile* find(int32_t number) { return const_cast<OpenFile*>(std::as_const(*this).find(number)); }
  // As the kernel writes it: a path, or "pipe:[123]".
  std::string_view path(const OpenFile& file) const;

  // As bytes, and what bytes say; `read_bytes` wants what `append_bytes` gave.
  Status append_bytes(GrowingArray<std::byte>* bytes) const;
  Status read_bytes(std::span<const std::byte> bytes);
  Status copy_from(const OpenFiles& other);
  // The names of files may change although the files are the same.
  bool has_same_files(const OpenFiles& other) const;

 private:
  struct PathSpan {
    uint32_t start, length;
  };
  Status add(pid_t task, int32_t number);
  Status find_leaders(pid_t task, const DescriptorCopies* copies);

  GrowingArray<OpenFile> files_;
  GrowingArray<PathSpan> spans_;  // of each file's path in `paths_`
  GrowingArray<char> paths_;
};

// Of a file that was opened neither as a directory is searched (O_PATH) nor made without an inode.
FileKind kind_of_file(const struct stat& status);

// Fills identity, and what else the file says of itself, without the number.
Status describe_file(pid_t task, int32_t number, OpenFile* file);

}  // namespace pagestore
