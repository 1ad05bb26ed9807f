// The descriptors of a tracee, as its snapshots know them: read when they may have changed, put back at a restore.
//
// The list is read again only if a system call was seen that can change it; offsets are asked for at each capture,
// since reads and writes are not seen. Streams that the host passed on with `inherit` belong to the world outside:
// their offset is the host's own and is neither kept nor set, what was written there stays, and one warning says so.
// Where the kernel gives us no duplicates, the tracee passes them (descriptors/connection.h). Where it cannot either,
// offsets are read from /proc and set by injected calls, and what was closed cannot be put back.
//
// A restore is checked before anything is changed: what cannot be put back is refused with Error::files, and `path`
// then says which file it is. It leaves to its caller: to call `read` before anything else, `release` at the end, and
// that the process is stopped.
#pragma once

#include <array>
#include <optional>

#include "memory/tracee/file_contents.h"
#include "memory/tracee/file_duplicates.h"
#include "memory/tracee/file_monitor.h"
#include "memory/tracee/file_plan.h"
#include "memory/tracee/warnings.h"
#include "ptrace/traced_process.h"

namespace pagestore {

struct FileOptions {
  bool is_restored = true;
  // Which descriptors of ours the process was started with as its streams, where they were passed on with `inherit`.
  std::array<std::optional<int>, 3> inherited = {};
};

class TraceeFiles {
 public:
  TraceeFiles(TracedProcess& process, SharedStore* store)
      : process_(process), store_(store), contents_(process.file_changes()) {
    process.file_changes().set_observer(&duplicates_);
    process.file_changes().set_mapped_files(&contents_.private_files());
  }
  ~TraceeFiles() {
    process_.file_changes().set_observer(nullptr);
    process_.file_changes().set_mapped_files(nullptr);
  }

  Status begin(const FileOptions& options);
  bool is_restored() const { return is_restored_; }

  // `scratch`: where the process may write some bytes, which are put back; by default where it might last.
  Status read(std::optional<RemoteAddress> scratch = {});
  // Takes what is in files, after they were read.
  Status capture();
  // What a snapshot keeps: bytes, what it needs, and the contents of files.
  Status save(GrowingArray<std::byte>* bytes) const;
  Status keep(PageStores& stores, OwnedTree* needed, OwnedTree* contents);
  // What tells states apart: equal in another run of the program, too. Nothing if files are not restored.
  Status append_key(GrowingArray<std::byte>* bytes) const;

  // Of what was read: what cannot be undone is seen from now on. `scratch`: where the process may write some bytes,
  // which are put back.
  Status monitor(std::optional<RemoteAddress> scratch);

  // What a snapshot has: the bytes that `save` gave, what `keep` gave, and the last event before it (file_changes.h).
  struct Saved {
    std::span<const std::byte> bytes;
    const PageTree& needed;
    const PageTree& contents;
    uint64_t event;
  };
  Status restore(const Saved& saved, RemoteAddress scratch);
  // Of the file that a restore was refused for.
  const char* path() const { return path_; }
  // What a restore did not put back.
  Warnings& warnings() { return warnings_; }
  // Something was done with that file which a restore does not make undone.
  void warn_of_left(std::string_view path);

  // At the end of each capture and restore: all mappings, as a canonical list. `reading` is another number for each.
  Status see_mappings(std::span<const std::byte> regions, uint64_t reading);

  // After a restore to the first snapshot (file_contents.h).
  void remove_made() {
    if (is_restored_ && read().is_ok()) contents_.remove_made(where());
  }

  FileDuplicates& duplicates() { return duplicates_; }
  void release(PageStores& stores) {
    contents_.release(stores);
    duplicates_.release(stores);
  }

 private:
  struct Inherited {
    int descriptor;
    uint64_t device, inode;
    off_t position;  // −1 where there is none
  };
  void mark_outside(const DescriptorCopies* copies);
  void number_files();
  Status read_state(size_t index);
  KnownFiles::Where where() const { return {process_.live_thread(), now_, duplicates_}; }
  Status check_streams(const FilePlan& plan, uint64_t event) const;
  Status put_back(const FilePlan& plan, const FileContents::Saved& contents, RemoteAddress scratch);
  int outside_descriptor(const OpenFile& file) const;
  void find_duplicates(const PageTree& needed, FilePlan* plan);
  Status name_refused(const Status& status, const OpenFiles& wanted);
  void warn_of_outside(const OpenFiles& wanted, uint64_t event);
  bool has_taken_input(const OpenFile& file, uint64_t event) const;
  void warn_of(WarningKind kind, const OpenFiles& files, const OpenFile& file, const char* what);
  void warn_of_ignored(const OpenFiles& wanted);
  void warn_of_private();
  Status check_threads();

  TracedProcess& process_;
  SharedStore* const store_;
  bool is_restored_ = false;
  uint32_t program_ = 0;
  GrowingArray<Inherited> inherited_;
  OpenFiles now_;
  FileDuplicates duplicates_;
  FileMonitor monitor_{process_};
  FileContents contents_;
  uint64_t written_at_start_ = 0;  // bytes
  uint64_t last_serial_ = 0;
  std::optional<RemoteAddress> scratch_;
  char path_[200] = "";
  Warnings warnings_;
};

}  // namespace pagestore
