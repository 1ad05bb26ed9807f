// What is in the files that a tracee writes, as its snapshots know it: taken into the page store, and written back.
//
// All of a snapshot's files are one tree, so that equal contents are equal numbers and what did not change is shared:
// each file has a part of it, at its slot, with a page at its place in the file. Only what follows a file's `base` is
// there: what was added since the file became known, or all of one that was short or new then. So a file of any length
// costs what was added to it. A file that is as it was when it became known has no part; its bytes are in a tree of
// their own, where they were taken, since nothing else knows them once it has changed.
//
// What follows `base` is put back exactly, whatever was done to it. What lies before is never taken: a restore is
// refused if it changed. Of a file that cannot be read, or has too much, nothing is taken: then it is cut back if it
// only grew.
//
// It leaves to its caller: the stores' lock where stores are passed, to call `observe` after the list of open files was
// read, and `release` at the end.
#pragma once

#include "memory/tracee/file_notes.h"
#include "memory/tracee/file_pages.h"
#include "memory/tracee/known_files.h"
#include "memory/tracee/private_files.h"
#include "system/non_copyable.h"

namespace pagestore {

// What a snapshot has of a file that is not as it was when it became known.
struct SavedContents {
  uint64_t index;  // in the list of known files
  uint64_t length;
  uint64_t inside;

  bool operator==(const SavedContents&) const = default;
};

class FileContents : NonCopyable {
 public:
  explicit FileContents(FileChanges& changes) : changes_(changes) {}
  ~FileContents() { PS_ASSERT(trees_.current == PageTree{} && trees_.first == PageTree{}); }

  // A file that is left alone.
  [[nodiscard]] bool exclude(uint64_t device, uint64_t inode) { return files_.exclude(device, inode); }

  // Notices what has become known and what has changed.
  Status observe(PageStores& stores, const KnownFiles::Where& where);
  // Takes what has changed, also of files that are open and were not known.
  Status capture(PageStores& stores, const KnownFiles::Where& where);

  // After a capture: what a snapshot keeps, bytes and one more reference on the tree.
  Status save(GrowingArray<std::byte>* bytes) const;
  Status ref_tree(PageStores& stores, OwnedTree* tree) const { return OwnedTree::ref(stores, trees_.current, tree); }
  // What counts beside the tree.
  Status append_key(GrowingArray<std::byte>* bytes) const;

  struct Saved {
    std::span<const SavedContents> files;
    const PageTree& tree;
    uint64_t event;
  };
  // Whether all files are as they were then, with nothing to be looked at.
  bool is_at(const Saved& saved) const;
  // Refused before anything is changed; `path` then says which file it is for.
  Status check(PageStores& stores, const Saved& saved, const KnownFiles::Where& where);
  // After a check that went well, with nothing between but that descriptors became those of the list.
  Status restore(PageStores& stores, const Saved& saved, const KnownFiles::Where& where);
  // After either of them: nothing stays open.
  void close_pending();
  // After a restore to the first snapshot: files and folders that were made since lose their names, where they still
  // have them and nothing is in them. Whatever else is there stays, and nobody is told. When it is called is not
  // checked: at another moment it takes away the empty ones alone. What another process moves to such a name, between
  // our look at it and its removal, is lost.
  void remove_made(const KnownFiles::Where& where);
  // The file that was refused; null if none was.
  const KnownFile* refused() const { return refused_; }
  std::string_view path(const KnownFile& file) const { return files_.path(file); }
  // Is told of each change that is noticed.
  PrivateFiles& private_files() { return private_files_; }

  void release(PageStores& stores);

 private:
  // What a file has to become.
  struct Target {
    uint64_t length, inside;
    const PageTree& tree;
    bool is_as_first;
  };
  // What a restore has to write to.
  struct Change {
    size_t index;
    int descriptor;
  };

  // What is told of all files, while nothing has told of anything since: so that a step costs no more the more are
  // known.
  struct Listed {
    bool is_valid = false;  // and nothing is to be looked at
    GrowingArray<SavedContents> saved;
    GrowingArray<std::byte> key;
  };

  const PageTree& tree_of(const KnownFile& file) const { return file.is_as_first ? trees_.first : trees_.current; }
  bool see_undisturbed(const KnownFiles::Where& where);
  Status list_changed();
  Status find_unreachable(PageStores& stores, const KnownFiles::Where& where);
  void set_reachable(KnownFile& file, bool is_reachable);
  Status add_open(PageStores& stores, const KnownFiles::Where& where);
  Status see(KnownFile& file, const OpenFile* open, const KnownFiles::Where& where);
  void see_length(KnownFile& file, uint64_t length, const KnownFiles::Where& where);
  Status take(PageStores& stores, KnownFile& file, const KnownFiles::Where& where);
  Status read(PageStores& stores, KnownFile& file, const KnownFiles::Where& where, PageTree* tree);
  Target target_of(size_t index, const Saved& saved) const;
  Status find_there(PageStores& stores, const KnownFile& file, const Target& target, bool* is_there) const;
  Status check_unkept(const KnownFile& file, const Target& target, uint64_t event) const;
  Status open_pending(size_t index, const Target& target, const KnownFiles::Where& where);
  Status write(PageStores& stores, KnownFile& file, const Target& target, int descriptor);

  FileChanges& changes_;
  KnownFiles files_;
  PrivateFiles private_files_;
  GrowingArray<Change> pending_;  // between check and restore
  const KnownFile* refused_ = nullptr;
  ContentTrees trees_;
  Listed listed_;
  size_t open_ = 0;    // how many are open
  uint64_t seen_ = 0;  // the last event that was looked at
  uint64_t lost_ = 0;  // what was before that event may have changed without a note
  bool has_captured_ = false;
};

}  // namespace pagestore
