#include "memory/tracee/file_notes.h"

#include "linux/file_systems.h"

namespace pagestore {

Status drop_contents(PageStores& stores, ContentTrees* trees, KnownFile* file) {
  OwnedTree without;
  const FilePart part = part_of(*file, 0);
  if (Status status = remove_file_pages(stores, part, trees->current, &without); !status.is_ok()) return status;
  replace(stores, &trees->current, std::move(without));
  file->is_as_first = true;
  return Status::ok();
}

Status end_file(PageStores& stores, ContentTrees* trees, KnownFile* file) {
  OwnedTree without;
  const FilePart part = part_of(*file, 0);
  if (Status status = drop_contents(stores, trees, file); !status.is_ok()) return status;
  if (Status status = remove_file_pages(stores, part, trees->first, &without); !status.is_ok()) return status;
  replace(stores, &trees->first, std::move(without));
  file->is_replaced = file->is_unreachable = true;
  file->is_open = false;
  return Status::ok();
}

Status lose_inode(PageStores& stores, ContentTrees* trees, KnownFile* file) {
  if (!file->is_named) return end_file(stores, trees, file);
  file->identity = {};
  file->is_unreachable = true;
  file->is_open = false;
  file->descriptor = -1;
  return Status::ok();
}

Status FileNotes::take(PageStores& stores, const KnownFiles::Where& where, uint64_t* lost) {
  OpenedFiles& opened = changes_.opened();
  for (const OpenedFile& note : opened.all()) {
    if (files_.is_excluded(note.identity.device, note.identity.inode)) continue;
    if (Status status = take_note(stores, note, where); !status.is_ok()) return status;
  }
  if (opened.is_incomplete()) *lost = changes_.last_event();
  opened.clear();
  return Status::ok();
}

Status FileNotes::take_note(PageStores& stores, const OpenedFile& note, const KnownFiles::Where& where) {
  const std::string_view path = changes_.opened().path(note);
  Noted noted;
  if (Status status = find_noted(note, where, &noted); !status.is_ok()) return status;
  KnownFile* const before = files_.find(note.identity.device, note.identity.inode);
  // Where nobody can say, a new one is another.
  const bool is_certain = noted.file.identity.is_certain() || !note.is_new;
  const bool is_same =
      before != nullptr && is_certain &&
      (may_be_same(before->identity, noted.file.identity) || may_be_same(before->identity, note.identity));
  if (is_same) noted.known = before;
  if (before != nullptr && !is_same) {
    if (Status status = lose_inode(stores, &trees_, before); !status.is_ok()) return status;
  }
  KnownFile* const other =
      note.is_moved && noted.is_there && noted.file.is_named ? files_.find_replaced(path, where.duplicates) : nullptr;
  if (other != nullptr && other != noted.known) return take_moved(stores, note, noted, other);
  if (noted.known != nullptr) return take_known(note, noted);
  // Of a file of others that was moved only the name has changed. What the tracee made and is gone no snapshot has.
  const bool is_absent = !noted.is_there && (note.is_new || note.is_moved || !noted.file.is_named);
  if (!is_absent && (!note.is_moved || note.is_made)) return take_unknown(stores, note, noted, where);
  changes_.opened().forget(note.identity);
  return Status::ok();
}

// Of one that was new or moved the note tells what it is. Any other was noted before its call, which may have made
// another file of it on a file system with layers; else a file with that inode that is not it has come after it.
Status FileNotes::find_noted(const OpenedFile& note, const KnownFiles::Where& where, Noted* noted) {
  const std::string_view path = changes_.opened().path(note);
  KnownFile& file = noted->file;
  file.identity = note.identity;
  if (!note.is_new && !note.is_moved) file.identity.born = file.identity.generation = 0;
  file.is_named = has_lasting_path(path);
  if (Status status = KnownFiles::find_facts(file, path, where, &noted->facts); !status.is_ok()) return status;
  const FileFacts& facts = noted->facts;
  noted->is_there = facts.identity.inode != 0 && (may_be_same(facts.identity, note.identity) || has_layers(path));
  file.identity = noted->is_there ? facts.identity : note.identity;
  if (noted->is_there && facts.links == 0) file.is_named = false;
  return Status::ok();
}

// A file that is known is found where the note says, if it is there still: whether or not the tracee has it open.
Status FileNotes::take_known(const OpenedFile& note, const Noted& noted) {
  if (!noted.is_there) return Status::ok();
  noted.known->identity = noted.file.identity;
  const bool is_elsewhere = noted.known->is_unreachable || note.is_moved;
  if (!is_elsewhere || !noted.file.is_named) return Status::ok();
  noted.known->is_unreachable = false;
  return files_.set_path(*noted.known, changes_.opened().path(note));
}

// A file that the tracee made was moved to where another one was: it goes on as that one. One that others made does
// not: what is in it is theirs.
Status FileNotes::take_moved(PageStores& stores, const OpenedFile& note, const Noted& noted, KnownFile* other) {
  if (!note.is_made && (noted.known == nullptr || !noted.known->is_made)) {
    if (Status status = end_file(stores, &trees_, other); !status.is_ok()) return status;
    if (noted.known != nullptr) return take_known(note, noted);
    changes_.opened().forget(note.identity);
    return Status::ok();
  }
  if (noted.known != nullptr) {
    if (Status status = end_file(stores, &trees_, noted.known); !status.is_ok()) return status;
  }
  // An earlier note, by the name that it had, may have been given up.
  if (!changes_.opened().mark_seen(noted.file.identity)) return Status::no_memory(sizeof(noted.file));
  return files_.begin_anew(*other, noted.facts, changes_.last_event());
}

// A new one by the name of one that is gone goes on as that one. One that was made by another name, and moved, is new.
Status FileNotes::take_unknown(PageStores& stores, const OpenedFile& note, const Noted& noted,
                               const KnownFiles::Where& where) {
  KnownFile file = noted.file;
  KnownFile* const ended =
      file.is_named ? files_.find_replaced(changes_.opened().path(note), where.duplicates) : nullptr;
  if (ended != nullptr && note.is_new) return files_.begin_anew(*ended, noted.facts, changes_.last_event());
  if (ended != nullptr) {
    if (Status status = end_file(stores, &trees_, ended); !status.is_ok()) return status;
  }
  file.is_made = note.is_new || note.is_made;
  file.base = file.is_made || note.has_contents ? 0 : note.length;
  file.first_length = file.is_made ? 0 : note.length;
  file.length = note.length;
  if (note.is_moved) file.mark_dirty();
  file.has_first = file.is_named || !file.is_made;
  file.is_unreachable = !noted.is_there;
  file.owner = noted.facts.owner;
  return add(stores, file, note, where.now);
}

Status FileNotes::add(PageStores& stores, const KnownFile& file, const OpenedFile& note, const OpenFiles& now) {
  int32_t number = -1;
  for (const OpenFile& each : now.all()) {
    const bool is_it = each.identity.device == file.identity.device && each.identity.inode == file.identity.inode;
    if (is_it && number < 0) number = each.number;
  }
  if (Status status = files_.add(file, changes_.opened().path(note), number); !status.is_ok()) return status;
  if (!note.has_contents) return Status::ok();
  OwnedTree tree;
  const FilePart part = part_of(files_.all().back(), 0);
  Status status = store_file_pages(stores, part, changes_.opened().contents(note), trees_.first, &tree);
  if (status.is_ok()) {
    replace(stores, &trees_.first, std::move(tree));
  } else {
    files_.drop_last();  // else the next capture takes it for known
  }
  return status;
}

}  // namespace pagestore
