// From what a process was seen to open (opened_files.h) to the list of known files: each note is a file that is new to
// the list, or one that is there, or one that takes the place of one that was.
//
// It leaves to its caller: the stores' lock, and to mark files that are not there any more as unreachable before.
#pragma once

#include "memory/tracee/known_files.h"

namespace pagestore {

// The pages of all files: as they are, and as those of them that have changed were when they became known.
struct ContentTrees {
  PageTree current, first;
};

// The file is as it was when it became known, or nothing is to be kept of how it is.
Status drop_contents(PageStores& stores, ContentTrees* trees, KnownFile* file);
// It cannot come back: its name is another file's.
Status end_file(PageStores& stores, ContentTrees* trees, KnownFile* file);
// Its inode is another file's: it can come back if it is made anew by its name, if it has one.
Status lose_inode(PageStores& stores, ContentTrees* trees, KnownFile* file);

class FileNotes {
 public:
  FileNotes(FileChanges& changes, KnownFiles* files, ContentTrees* trees)
      : changes_(changes), files_(*files), trees_(*trees) {}

  // Takes all notes, and clears them. `lost` becomes the last event if there may have been more: snapshots before it
  // do not know all that has changed since.
  Status take(PageStores& stores, const KnownFiles::Where& where, uint64_t* lost);

 private:
  Status take_note(PageStores& stores, const OpenedFile& note, const KnownFiles::Where& where);
  // What a note is about, as it is now.
  struct Noted {
    KnownFile file;
    FileFacts facts;
    bool is_there = false;
    KnownFile* known = nullptr;  // the same file, if it is known
  };
  Status find_noted(const OpenedFile& note, const KnownFiles::Where& where, Noted* noted);
  Status take_known(const OpenedFile& note, const Noted& noted);
  Status take_moved(PageStores& stores, const OpenedFile& note, const Noted& noted, KnownFile* other);
  Status take_unknown(PageStores& stores, const OpenedFile& note, const Noted& noted, const KnownFiles::Where& where);
  Status add(PageStores& stores, const KnownFile& file, const OpenedFile& note, const OpenFiles& now);

  FileChanges& changes_;
  KnownFiles& files_;
  ContentTrees& trees_;
};

}  // namespace pagestore
