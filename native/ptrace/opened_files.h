// Which regular files a process opens so that they can change, and what they were before: so that what is done to a
// file that no snapshot has open is not missed.
//
// A call is looked at on its entry, when the file is still what it was, and on its exit, when the descriptor says which
// file it is (process_paths.h says what cannot be looked up before). A file that is noted for the first time is noted
// with its length and, if it is short, with all that is in it. Of a longer one that is only opened nothing has changed
// yet: it is *tracked*, so that what is done to it by any number is seen until the next capture knows its descriptors.
//
// A file is new only if the kernel says so: by the call itself (O_EXCL, O_TMPFILE), or by when the file was made. That
// nothing was found on the entry is no proof: what we look up may be something else, and others may make it meanwhile.
// Of a file that was cut by the call, and is not proven new, nothing is known that could be put back. Where the file
// system does not say when a file was made, what a process of one thread did not find was empty, but is not its own.
//
// What is done to files of the kernel (file_systems.h) and to names (a file is removed, renamed, made) cannot be put
// back. It leaves to its caller: that the process is stopped.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string_view>

#include "linux/file_facts.h"
#include "linux/file_index.h"
#include "linux/remote_memory.h"
#include "ptrace/process_paths.h"
#include "ptrace/system_call.h"
#include "system/growing_array.h"

namespace pagestore {

// A regular file as it was when the process was about to change it.
struct OpenedFile {
  WhichFile identity;
  uint64_t length = 0;
  bool is_new = false;                       // there was no such file
  bool is_moved = false;                     // it was there, by another name
  bool is_made = false;                      // by the process, since files are noted
  bool has_contents = false;                 // all of it
  size_t path = 0, path_length = 0;          // where in the paths
  size_t contents = 0, contents_length = 0;  // where in the contents
};

class OpenedFiles {
 public:
  // From now on files are noted; what happens before the first snapshot is not.
  void begin() { is_noting_ = true; }
  bool is_noting() const { return is_noting_; }

  // Those that were noted and not cleared yet, in the order in which they were opened. Each is noted once, a new one
  // whenever it is made.
  std::span<const OpenedFile> all() const { return {files_.data(), files_.size()}; }
  std::string_view path(const OpenedFile& file) const { return {paths_.data() + file.path, file.path_length}; }
  std::span<const std::byte> contents(const OpenedFile& file) const {
    return {contents_.data() + file.contents, file.contents_length};
  }
  void clear();
  // Whether a note was lost for want of memory.
  bool is_incomplete() const { return is_incomplete_; }

  // A file that somebody knows already is not noted.
  bool is_seen(const WhichFile& file) const { return find_seen(file) != nullptr; }
  [[nodiscard]] bool mark_seen(const WhichFile& file);
  // Whoever knew it would not find it.
  void forget(const WhichFile& file);
  // Whether all that was in it was noted, so that it may be changed anywhere.
  bool is_whole(const WhichFile& file) const;

  // A folder that was made, and where.
  void note_folder(const FileFacts& folder, std::string_view path);
  // Those that are still there and have nothing in them, the last first.
  void remove_folders();

  // `contents` says where to read what is in it; -1 if that is not kept.
  void note(const OpenedFile& file, std::string_view path, int contents);

 private:
  struct Seen {
    WhichFile file;
    bool is_whole = false, is_made = false;
  };
  Seen* find_inode(const WhichFile& file);  // or a file that had its inode before
  Seen* find_seen(const WhichFile& file);
  const Seen* find_seen(const WhichFile& file) const { return const_cast<OpenedFiles*>(this)->find_seen(file); }
  bool read_contents(int file, OpenedFile* noted);

  bool is_noting_ = false, is_incomplete_ = false;
  GrowingArray<OpenedFile> files_;
  GrowingArray<char> paths_;
  GrowingArray<std::byte> contents_;
  GrowingArray<Seen> seen_;
  FileIndex index_;  // of them
  struct Folder {
    FileFacts facts;
    size_t path, path_length;
  };
  GrowingArray<Folder> folders_;
  GrowingArray<char> folder_paths_;
};

class FileChanges;

// What a call that opens a file asks for, as far as its exit has to know.
struct Opening {
  uint64_t flags;
  bool makes_always;  // if it succeeds, it has made the file
  bool is_missing;    // on its entry no such file was found
  uint64_t began;     // file_clock.h
};

// Notes what a call, on its entry, is about to open for writing or to cut. Says what has to be told on its exit.
std::optional<Opening> note_opening(pid_t task, const SystemCall& call, const RemoteMemory& memory,
                                    FileChanges* changes);
// Notes the file that the call has opened, if it is a regular one: descriptor `number` of the process is open on it.
void note_opened(pid_t task, int64_t number, const Opening& opening, FileChanges* changes);

// Notes that a file on a disk is about to be mapped shared, by a descriptor that may write: what is written there is
// not seen.
void note_shared_mapping(pid_t task, const SystemCall& call, FileChanges* changes);

// Notes the file whose name a call, on its entry, is about to take away: one that is made anew by that name takes its
// place, and may become what it was.
void note_removal(pid_t task, const SystemCall& call, const RemoteMemory& memory, FileChanges* changes);

// Whether a call changes which files there are, or what they are called. Its exit says whether it did.
bool changes_names(int64_t number);
// `began`: when it was entered (file_clock.h).
void note_changed_name(pid_t task, const SystemCall& call, uint64_t began, const RemoteMemory& memory,
                       FileChanges* changes);

// Which pipe, socket or device a call is about to open by a path. Only below /proc and /dev, if not `anywhere`.
struct OpenedStream {
  uint64_t device, inode;
  bool is_device;
};
std::optional<OpenedStream> stream_to_open(pid_t task, const SystemCall& call, const RemoteMemory& memory,
                                           bool anywhere);

}  // namespace pagestore
