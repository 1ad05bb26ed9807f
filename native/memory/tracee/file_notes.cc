#include "memory/tracee/file_notes.h"

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

Status FileNotes::take(PageStores& stores, const KnownFiles::Where& where, uint64_t* lost) {
  OpenedFiles& opened = changes_.opened();
  for (const OpenedFile& note : opened.all()) {
    if (files_.is_excluded(note.device, note.inode)) continue;
    if (Status status = take_note(stores, note, where); !status.is_ok()) return status;
  }
  if (opened.is_incomplete()) *lost = changes_.last_event();
  opened.clear();
  return Status::ok();
}

Status FileNotes::take_note(PageStores& stores, const OpenedFile& note, const KnownFiles::Where& where) {
  const std::string_view path = changes_.opened().path(note);
  KnownFile file{note.device, note.inode};
  FileFacts facts;
  file.is_named = has_lasting_path(path);
  if (Status status = files_.find_facts(file, path, where, &facts); !status.is_ok()) return status;
  const bool is_there = facts.inode != 0;
  // A file system that has several layers tells only now when the file was made that is written.
  file.born = is_there ? facts.born : note.born;
  if (is_there && facts.links == 0) file.is_named = false;
  bool is_done = false;
  if (Status status = replace_known(stores, file, note, where, &is_done); !status.is_ok() || is_done) return status;
  if (!is_there && (note.is_new || !file.is_named)) {
    changes_.opened().forget(file.device, file.inode);
    return Status::ok();
  }
  file.base = note.is_new || note.has_contents ? 0 : note.length;
  file.first_length = file.length = note.length;
  file.has_first = file.is_named || !note.is_new;
  file.is_unreachable = !is_there;
  file.is_made = note.is_new;
  return add(stores, file, note, where.now);
}

// What is known by this inode, or was at this path. `is_done`: that goes on.
Status FileNotes::replace_known(PageStores& stores, const KnownFile& file, const OpenedFile& note,
                                const KnownFiles::Where& where, bool* is_done) {
  const std::string_view path = changes_.opened().path(note);
  KnownFile* before = files_.find(file.device, file.inode);
  const bool may_be = before != nullptr && (file.born != 0 || !note.is_new);
  if (note.is_moved) {
    KnownFile* moved_over = file.is_named ? files_.find_replaced(path, where.duplicates) : nullptr;
    *is_done = before == nullptr || (moved_over != nullptr && moved_over != before);
    if (*is_done) return move_over(stores, before, moved_over, file);
  }
  *is_done = may_be && (may_be_same(before->born, file.born) || may_be_same(before->born, note.born));
  if (*is_done) {
    if (!before->is_unreachable || !file.is_named) return Status::ok();
    before->is_unreachable = false;
    return files_.set_path(*before, path);
  }
  const bool is_made_again = before != nullptr && note.is_new && file.is_named && files_.path(*before) == path;
  if (before != nullptr && !is_made_again) {
    if (Status status = end_file(stores, &trees_, before); !status.is_ok()) return status;
  }
  KnownFile* replaced = is_made_again ? before : file.is_named ? files_.find_replaced(path, where.duplicates) : nullptr;
  if (replaced == nullptr) return Status::ok();
  *is_done = note.is_new;
  if (!note.is_new) return end_file(stores, &trees_, replaced);
  return files_.begin_anew(*replaced, {file.device, file.inode, file.born}, changes_.last_event());
}

// A file was moved to where another one was: it goes on as that one. Where none was, only a name has changed.
Status FileNotes::move_over(PageStores& stores, KnownFile* moved, KnownFile* other, const KnownFile& file) {
  if (other == nullptr) {
    changes_.opened().forget(file.device, file.inode);
    return Status::ok();
  }
  if (moved != nullptr) {
    if (Status status = end_file(stores, &trees_, moved); !status.is_ok()) return status;
  }
  // An earlier note, by the name that it had, may have been given up.
  if (!changes_.opened().mark_seen({file.device, file.inode, file.born})) return Status::no_memory(sizeof(file));
  return files_.begin_anew(*other, {file.device, file.inode, file.born}, changes_.last_event());
}

Status FileNotes::add(PageStores& stores, const KnownFile& file, const OpenedFile& note, const OpenFiles& now) {
  int32_t number = -1;
  for (const OpenFile& each : now.all()) {
    const bool is_it = each.identity.device == file.device && each.identity.inode == file.inode;
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
