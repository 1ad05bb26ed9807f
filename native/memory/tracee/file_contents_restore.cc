#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "linux/file_removal.h"
#include "memory/tracee/file_contents.h"

namespace pagestore {

namespace {

Status refuse(const char* what, int error_number = 0) {
  return Status::files(-1, what, error_number);
}

// What keeps everybody from changing a file, whoever has it open and whatever its mode: seals, and `chattr`.
bool is_closed_to_changes(int descriptor, uint64_t from_length, uint64_t to_length) {
  constexpr int kNoWrites = F_SEAL_WRITE | 0x10;  // F_SEAL_FUTURE_WRITE
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals > 0) {
    return (seals & kNoWrites) != 0 || ((seals & F_SEAL_SHRINK) != 0 && to_length < from_length) ||
           ((seals & F_SEAL_GROW) != 0 && to_length > from_length);
  }
  int flags = 0;
  return ioctl(descriptor, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_APPEND_FL | FS_IMMUTABLE_FL)) != 0;
}

// While a descriptor is for appending, a write goes to the end wherever it says.
class WithoutAppending : NonCopyable {
 public:
  explicit WithoutAppending(int descriptor) : descriptor_(descriptor), flags_(fcntl(descriptor, F_GETFL)) {
    if (appends()) is_done_ = fcntl(descriptor_, F_SETFL, flags_ & ~O_APPEND) == 0;
  }
  ~WithoutAppending() {
    if (appends() && is_done_) fcntl(descriptor_, F_SETFL, flags_);
  }
  bool is_done() const { return is_done_; }

 private:
  bool appends() const { return flags_ >= 0 && (flags_ & O_APPEND) != 0; }

  int descriptor_, flags_;
  bool is_done_ = true;
};

}  // namespace

// What is not in the list is as it was when it became known.
FileContents::Target FileContents::target_of(size_t index, const Saved& saved) const {
  const auto* at = std::lower_bound(saved.files.data(), saved.files.data() + saved.files.size(), index,
                                    [](const SavedContents& each, size_t wanted) { return each.index < wanted; });
  if (at == saved.files.data() + saved.files.size() || at->index != index) {
    return {files_.all()[index].first_length, 0, trees_.first, true};
  }
  return {at->length, at->inside, saved.tree, false};
}

// Whether the file is what it is to be.
Status FileContents::find_there(PageStores& stores, const KnownFile& file, const Target& target, bool* is_there) const {
  *is_there = file.is_unreachable && target.is_as_first;
  if (*is_there) return Status::ok();
  if (!file.dirty.empty() || file.length != target.length || file.inside != target.inside) return Status::ok();
  *is_there = file.is_as_first && target.is_as_first;
  if (*is_there) return Status::ok();
  return compare_file_pages(stores, part_of(file, 0), tree_of(file), target.tree, is_there);
}

Status FileContents::check(PageStores& stores, const Saved& saved, const KnownFiles::Where& where) {
  close_pending();
  refused_ = nullptr;
  if (saved.event < lost_) return refuse("may have changed since the snapshot, when there was no memory to note it");
  for (size_t i = 0; i < files_.all().size(); ++i) {
    const KnownFile& file = files_.all()[i];
    const Target target = target_of(i, saved);
    bool is_there;
    Status status = find_there(stores, file, target, &is_there);
    if (status.is_ok() && is_there) continue;
    if (!status.is_ok()) {
      close_pending();
      return status;
    }
    if (!file.is_kept) {
      status = check_unkept(file, target, saved.event);
    } else if (file.inside != target.inside) {
      status = refuse("was changed inside since the snapshot");
    }
    if (status.is_ok()) status = open_pending(i, target, where);
    if (status.is_ok()) continue;
    refused_ = &file;
    close_pending();
    return status;
  }
  return Status::ok();
}

Status FileContents::check_unkept(const KnownFile& file, const Target& target, uint64_t event) const {
  if (changes_.lowest_since(event, id_of(file.identity)) < target.length) {
    return refuse("was changed inside since the snapshot, or had more then than could be kept");
  }
  if (file.length < target.length) return refuse("is shorter than it was at the snapshot");
  return Status::ok();
}

// A file without a name, that the snapshot does not have, is nobody's any more.
Status FileContents::open_pending(size_t index, const Target& target, const KnownFiles::Where& where) {
  const KnownFile& file = files_.all()[index];
  if (target.is_as_first && !file.has_first) return Status::ok();
  const ScopedFd opened = files_.open(file, where, O_WRONLY);
  const int error_number = errno;
  if (!opened.is_open() && target.is_as_first && !file.is_open && file.is_unreachable) return Status::ok();
  if (!opened.is_open()) return refuse("cannot be opened to be put back", error_number);
  if (is_closed_to_changes(opened.get(), file.length, target.length)) return refuse("may not be changed any more");
  const int kept = fcntl(opened.get(), F_DUPFD_CLOEXEC, 0);
  if (kept >= 0 && pending_.append({index, kept})) return Status::ok();
  if (kept < 0) return refuse("cannot be opened to be put back", errno);
  close(kept);
  return Status::no_memory(sizeof(Change));
}

Status FileContents::restore(PageStores& stores, const Saved& saved, const KnownFiles::Where& where) {
  listed_.is_valid = false;
  for (const Change& change : pending_) {
    KnownFile& file = files_.all()[change.index];
    refused_ = &file;
    if (Status status = write(stores, file, target_of(change.index, saved), change.descriptor); !status.is_ok()) {
      for (const Change& each : pending_) files_.all()[each.index].mark_dirty();
      close_pending();
      return status;
    }
  }
  refused_ = nullptr;
  close_pending();
  OwnedTree tree;
  if (Status status = OwnedTree::ref(stores, saved.tree, &tree); !status.is_ok()) return status;
  files_.find_descriptors(where.now);
  for (size_t i = 0; i < files_.all().size(); ++i) {
    KnownFile& file = files_.all()[i];
    const bool was_open = file.is_open;
    file.is_open = file.descriptor >= 0;
    file.is_as_first = target_of(i, saved).is_as_first;
    FileFacts facts;
    const bool is_known =
        was_open == file.is_open || !files_.find_facts(file, files_.path(file), where, &facts).is_ok();
    if (!is_known) set_reachable(file, facts.identity.inode != 0);
    if (file.is_unreachable) file.mark_dirty();  // nothing was written there
  }
  replace(stores, &trees_.current, std::move(tree));
  open_ = files_.count_open();
  seen_ = changes_.last_event();
  return Status::ok();
}

// Of what is not kept, nothing is written: it is only cut.
Status FileContents::write(PageStores& stores, KnownFile& file, const Target& target, int descriptor) {
  int error_number = 0;
  const WithoutAppending changed(descriptor);
  if (!changed.is_done()) {
    error_number = errno;
  } else if (file.is_kept) {
    FileRanges unknown = file.dirty;
    unknown.add(file.length, FileRanges::kEnd);
    const FileWrite write{tree_of(file), target.tree, unknown, target.length};
    Status status = write_file_pages(stores, descriptor, part_of(file, file.base), write, &error_number);
    if (!status.is_ok()) return status;
  } else if (ftruncate(descriptor, static_cast<off_t>(target.length)) != 0) {
    error_number = errno;
  } else {
    changes_.add_event(id_of(file.identity), target.length);
  }
  if (error_number != 0) return refuse("could not be put back", error_number);
  file.length = target.length;
  file.inside = target.inside;
  file.dirty.clear();
  file.is_unreachable = false;
  return Status::ok();
}

void FileContents::remove_made(const KnownFiles::Where& where) {
  listed_.is_valid = false;
  files_.find_descriptors(where.now);
  for (KnownFile& file : files_.all()) {
    const bool is_empty = file.is_as_first && file.length == 0 && file.first_length == 0 && file.descriptor < 0;
    if (!file.is_made || !file.is_named || file.is_unreachable || !is_empty) continue;
    if (remove_empty_file(files_.path(file), file.identity, file.owner)) set_reachable(file, false);
  }
  changes_.opened().remove_folders();
}

void FileContents::close_pending() {
  for (const Change& change : pending_) close(change.descriptor);
  pending_.clear();
}

}  // namespace pagestore
