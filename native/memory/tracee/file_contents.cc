#include "memory/tracee/file_contents.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pagestore {

namespace {

// All of a file that is no longer is taken where nothing else would be known of it.
constexpr uint64_t kMostOfAll = uint64_t{1} << 20;

// A file that nobody has open and whose path does not lead to it does not count.
bool is_listed(const KnownFile& file) {
  if (file.is_unreachable) return false;
  return !file.is_as_first || file.inside != 0 || file.length != file.first_length;
}

// Older snapshots are refused from now on, so for all others it begins here, unless it is too much.
void see_inside(KnownFile& file, uint64_t event) {
  file.inside = event;
  const uint64_t low = std::min(file.touched.lowest(), file.length), before = file.base;
  if (file.length - low <= kMostOfAll) file.base = low;
  file.base = std::min(file.base, file.length);
  file.dirty.add(file.base, before);
}

struct ContentsKey {
  uint64_t slot, length, inside;
};

}  // namespace

Status FileContents::observe(PageStores& stores, const KnownFiles::Where& where) {
  if (see_undisturbed(where)) return Status::ok();
  listed_.is_valid = false;
  if (Status status = find_unreachable(stores, where); !status.is_ok()) return status;
  if (Status status = FileNotes(changes_, &files_, &trees_).take(stores, where, &lost_); !status.is_ok()) return status;
  files_.note_events(changes_, seen_);
  files_.find_descriptors(where.now);
  for (KnownFile& file : files_.all()) {
    const OpenFile* open = file.descriptor >= 0 ? where.now.find(file.descriptor) : nullptr;
    if (open == nullptr && !file.is_open && file.touched.empty()) continue;
    if (Status status = see(file, open, where); !status.is_ok()) return status;
  }
  open_ = files_.count_open();
  seen_ = changes_.last_event();
  return Status::ok();
}

// Whether no event came since files were looked at, and the same are open: then these may only be longer or shorter, as
// the list of open files has it.
bool FileContents::see_undisturbed(const KnownFiles::Where& where) {
  const OpenedFiles& opened = changes_.opened();
  if (changes_.last_event() != seen_ || !opened.all().empty() || opened.is_incomplete()) return false;
  size_t open = 0;
  for (const OpenFile& each : where.now.all()) {
    const KnownFile* file = is_written(each) ? files_.find(each.identity.device, each.identity.inode) : nullptr;
    if (file == nullptr) continue;
    if (!file->is_open || file->descriptor != each.number) return false;
    ++open;
  }
  if (open != open_) return false;
  for (const OpenFile& each : where.now.all()) {
    KnownFile* file = is_written(each) ? files_.find(each.identity.device, each.identity.inode) : nullptr;
    if (file == nullptr || file->length == each.length) continue;
    listed_.is_valid = false;
    file->touched.clear();
    see_length(*file, each.length, where);
  }
  return true;
}

// Before anything is added: what is not there any more leaves its slot to others.
Status FileContents::find_unreachable(PageStores& stores, const KnownFiles::Where& where) {
  const bool has_notes = !changes_.opened().all().empty();
  files_.find_descriptors(where.now);
  for (KnownFile& file : files_.all()) {
    const bool is_open = file.descriptor >= 0;
    if (is_open == file.is_open && (is_open || !has_notes)) continue;
    FileFacts facts;
    if (Status status = files_.find_facts(file, files_.path(file), where, &facts); !status.is_ok()) return status;
    set_reachable(file, facts.identity.inode != 0);
    if (!is_open || !file.is_unreachable) continue;
    if (Status status = lose_inode(stores, &trees_, &file); !status.is_ok()) return status;
  }
  return Status::ok();
}

// By another name, or for another file, it is noted anew.
void FileContents::set_reachable(KnownFile& file, bool is_reachable) {
  file.is_unreachable = !is_reachable;
  if (!is_reachable) changes_.opened().forget(file.identity);
}

// Files that are open for writing, which nothing has told of: those of the start, and what came over a socket. Of the
// former nothing was done yet that a snapshot has to undo. What has no name cannot be found again: it always counts,
// and with all that is in it, as a file that is made in its place.
Status FileContents::add_open(PageStores& stores, const KnownFiles::Where& where) {
  for (const OpenFile& open : where.now.all()) {
    const OpenFileIdentity& identity = open.identity;
    if (!is_written(open) || identity.is_outside != 0 || files_.is_excluded(identity.device, identity.inode)) continue;
    if (files_.find(identity.device, identity.inode) != nullptr) continue;
    const std::string_view path = where.now.path(open);
    KnownFile file{{identity.device, identity.inode}};
    file.is_named = has_lasting_path(path);
    const bool takes_all = (has_captured_ || !file.is_named) && open.length <= kMostOfAll;
    file.base = takes_all ? 0 : open.length;
    file.first_length = file.length = open.length;
    file.is_open = true;
    file.is_as_first = file.has_first = !takes_all || file.is_named;
    FileFacts facts;
    if (Status status = files_.find_facts(file, path, where, &facts); !status.is_ok()) return status;
    if (facts.identity.inode != 0) file.identity = facts.identity;
    if (!changes_.opened().mark_seen(file.identity)) return Status::no_memory(sizeof(facts));
    listed_.is_valid = false;
    Status status = files_.add(file, path, open.number);
    if (status.is_ok() && takes_all) {
      status = read(stores, files_.all().back(), where, file.is_named ? &trees_.first : &trees_.current);
      if (!status.is_ok()) files_.drop_last();
    }
    if (status.is_ok()) {
      ++open_;
      continue;
    }
    changes_.opened().forget(file.identity);
    return status;
  }
  return Status::ok();
}

Status FileContents::see(KnownFile& file, const OpenFile* open, const KnownFiles::Where& where) {
  file.is_open = open != nullptr;
  if (file.is_written) private_files_.on_change(files_, file, where);
  if (file.touched.lowest() < file.base) see_inside(file, changes_.last_event());
  if (!file.touched.empty() && !file.is_kept) file.inside = changes_.last_event();
  file.dirty.add_from(file.base, file.touched);
  if (open != nullptr) {
    file.is_unreachable = false;
    see_length(file, open->length, where);
    return Status::ok();
  }
  FileFacts facts;
  if (Status status = files_.find_facts(file, files_.path(file), where, &facts); !status.is_ok()) return status;
  set_reachable(file, facts.identity.inode != 0);
  if (!file.is_unreachable) see_length(file, facts.length, where);
  return Status::ok();
}

void FileContents::see_length(KnownFile& file, uint64_t length, const KnownFiles::Where& where) {
  if (length == file.length) return;
  private_files_.on_change(files_, file, where);
  const uint64_t low = std::min(length, file.length);
  file.length = length;
  if (length < file.base) {  // by somebody else, or by the call that the event told of
    file.touched.add(length, FileRanges::kEnd);
    see_inside(file, changes_.last_event());
  }
  file.dirty.add(std::max(low, file.base), FileRanges::kEnd);
  // Where nothing is kept, a state that has more of it is another one.
  if (!file.is_kept) {
    changes_.add_event(id_of(file.identity), low);
    file.inside = changes_.last_event();
  }
}

Status FileContents::capture(PageStores& stores, const KnownFiles::Where& where) {
  changes_.opened().begin();
  if (Status status = observe(stores, where); !status.is_ok()) return status;
  // Where nothing has changed, nothing is to be taken.
  for (KnownFile& file : listed_.is_valid ? std::span<KnownFile>() : files_.all()) {
    Status status = Status::ok();
    if (file.is_unreachable) {
      status = file.is_as_first ? Status::ok() : drop_contents(stores, &trees_, &file);
      file.mark_dirty();
    } else if (file.is_kept && !file.dirty.empty()) {
      status = take(stores, file, where);
    }
    if (!status.is_ok()) return status;
  }
  if (Status status = add_open(stores, where); !status.is_ok()) return status;
  has_captured_ = true;
  return listed_.is_valid ? Status::ok() : list_changed();
}

// What is in it from `base` on, if it was as it was when it became known: that is in another tree. Of a file of which
// nothing is kept but what was added, that is nothing, whatever lies before it in the same page.
Status FileContents::take(PageStores& stores, KnownFile& file, const KnownFiles::Where& where) {
  if (file.is_as_first) file.mark_dirty();
  file.is_as_first = false;
  if (Status status = read(stores, file, where, &trees_.current); !status.is_ok()) return status;
  const bool may_be_as_first = file.is_named && file.inside == 0 && file.length == file.first_length;
  if (!may_be_as_first) return Status::ok();
  const bool has_added = file.first_length > file.base;
  bool is_as_first = true;
  if (has_added) {
    Status status = compare_file_pages(stores, part_of(file, 0), trees_.current, trees_.first, &is_as_first);
    if (!status.is_ok()) return status;
  }
  if (!is_as_first) return Status::ok();
  return drop_contents(stores, &trees_, &file);
}

Status FileContents::read(PageStores& stores, KnownFile& file, const KnownFiles::Where& where, PageTree* tree) {
  const ScopedFd opened = files_.open(file, where, O_RDONLY);
  FileRead result = opened.is_open() ? FileRead::done : FileRead::refused;
  if (file.dirty.empty()) file.mark_dirty();
  for (const AddressRange& range : file.dirty.all()) {
    if (result != FileRead::done) break;
    OwnedTree next;
    const FileToRead part{opened.get(), part_of(file, range.start), range.end, file.length};
    if (Status status = read_file_pages(stores, part, *tree, &next, &result); !status.is_ok()) return status;
    if (result == FileRead::done) replace(stores, tree, std::move(next));
  }
  if (result == FileRead::done) {
    file.dirty.clear();
    return Status::ok();
  }
  file.is_kept = false;
  changes_.add_event(id_of(file.identity), file.base);
  file.inside = seen_ = changes_.last_event();
  return drop_contents(stores, &trees_, &file);
}

// After all was taken.
Status FileContents::list_changed() {
  GrowingArray<ContentsKey> keys;
  listed_.saved.clear();
  listed_.key.clear();
  for (size_t i = 0; i < files_.all().size(); ++i) {
    const KnownFile& file = files_.all()[i];
    if (!is_listed(file)) continue;
    const bool is_done =
        listed_.saved.append({i, file.length, file.inside}) && keys.append({file.slot, file.length, file.inside});
    if (!is_done) return Status::no_memory(sizeof(SavedContents));
  }
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.slot < b.slot; });
  listed_.is_valid = listed_.key.append(std::as_bytes(std::span(keys.data(), keys.size())));
  return listed_.is_valid ? Status::ok() : Status::no_memory(keys.size() * sizeof(ContentsKey));
}

Status FileContents::save(GrowingArray<std::byte>* bytes) const {
  const uint64_t count = listed_.saved.size();
  const bool is_done = bytes->append(std::as_bytes(std::span(&count, 1))) &&
                       bytes->append(std::as_bytes(std::span(listed_.saved.data(), count)));
  return is_done ? Status::ok() : Status::no_memory(count * sizeof(SavedContents));
}

Status FileContents::append_key(GrowingArray<std::byte>* bytes) const {
  const bool is_done = bytes->append(std::span<const std::byte>(listed_.key.data(), listed_.key.size()));
  return is_done ? Status::ok() : Status::no_memory(listed_.key.size());
}

bool FileContents::is_at(const Saved& saved) const {
  if (saved.event < lost_ || !listed_.is_valid || listed_.saved.size() != saved.files.size()) return false;
  const bool is_same = std::equal(saved.files.begin(), saved.files.end(), listed_.saved.begin());
  return is_same && trees_.current == saved.tree;
}

void FileContents::release(PageStores& stores) {
  close_pending();
  give_back(stores, &trees_.current);
  give_back(stores, &trees_.first);
}

}  // namespace pagestore
