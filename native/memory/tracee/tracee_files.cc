#include "memory/tracee/tracee_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "linux/kernel_compare.h"
#include "linux/proc_file.h"
#include "linux/remote_descriptor.h"
#include "memory/tracee/descriptors/connection.h"
#include "memory/tracee/file_undo.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

// A file as it counts: what it is called by the kernel only where another run would call it so, too.
struct FileKey {
  uint64_t device = 0, inode = 0, position, length, detail;
  int32_t number, leader, twin;  // twin: the lowest descriptor with the same inode
  uint32_t fixed_flags, settable_flags;
  FileKind kind;
  uint8_t closes_on_exec, is_outside, unused = 0;
};
static_assert(sizeof(FileKey) == 64);

constexpr std::string_view kRing = "anon_inode:[io_uring]";

// By all descriptors of the process, ever; 0 where the kernel does not say.
uint64_t bytes_written(pid_t pid) {
  char text[256];
  if (!read_proc_start(pid, "/proc/PID/io", text).is_ok()) return 0;
  const char* found = strstr(text, "wchar: ");
  return found != nullptr ? strtoull(found + strlen("wchar: "), nullptr, 10) : 0;
}

bool has_lasting_name(const OpenFiles& files, const OpenFile& file) {
  return can_be_duplicated(file.identity.kind) && !files.path(file).ends_with(" (deleted)");
}

int32_t find_twin(const OpenFiles& files, const OpenFile& file) {
  const auto all = files.all();
  const auto twin = std::find_if(all.begin(), all.end(), [&](const OpenFile& each) {
    return each.identity.inode == file.identity.inode && each.identity.device == file.identity.device;
  });
  return twin->number;
}

Status read_saved_contents(std::span<const std::byte>* bytes, GrowingArray<SavedContents>* saved) {
  uint64_t count;
  memcpy(&count, bytes->data(), sizeof(count));
  *bytes = bytes->subspan(sizeof(count));
  if (!saved->resize(count)) return Status::no_memory(count * sizeof(SavedContents));
  const auto to = std::as_writable_bytes(std::span(saved->data(), saved->size()));
  if (count > 0) memcpy(to.data(), bytes->data(), to.size());
  *bytes = bytes->subspan(to.size());
  return Status::ok();
}

FileKey key_of(const OpenFiles& files, const OpenFile& file) {
  FileKey key{};
  if (has_lasting_name(files, file)) {
    key.device = file.identity.device;
    key.inode = file.identity.inode;
  }
  key.position = file.position;
  key.length = file.length;
  key.detail = file.lasting_detail;
  key.number = file.number;
  key.leader = file.leader;
  key.twin = find_twin(files, file);
  key.fixed_flags = file.identity.fixed_flags;
  key.settable_flags = file.settable_flags;
  key.kind = file.identity.kind;
  key.closes_on_exec = file.closes_on_exec;
  key.is_outside = file.identity.is_outside;
  return key;
}

// Where the process cannot pass its descriptors either, we do without.
Status copy_all(TracedProcess& process, RemoteAddress scratch, const FileDuplicates& duplicates,
                const GrowingArray<int>& others, DescriptorCopies* copies) {
  Status status = copy_descriptors(process, scratch, copies);
  if (status.error() == Error::tracee || status.error() == Error::permission) status = Status::ok();
  if (status.is_ok()) status = duplicates.add_to(copies);
  for (const int each : others) {
    if (status.is_ok()) status = copies->add_ours(each);
  }
  return status.is_ok() ? copies->find_files() : status;
}

}  // namespace

Status TraceeFiles::begin(const FileOptions& options) {
  is_restored_ = options.is_restored;
  for (const std::optional<int>& descriptor : options.inherited) {
    struct stat status;
    if (!descriptor || read_file_status(*descriptor, &status) != 0) continue;
    const off_t position = lseek(*descriptor, 0, SEEK_CUR);
    const bool is_done = inherited_.append({*descriptor, status.st_dev, status.st_ino, position}) &&
                         contents_.exclude(status.st_dev, status.st_ino);
    if (!is_done) return Status::no_memory(sizeof(Inherited));
  }
  duplicates_.begin(process_);
  monitor_.begin();
  written_at_start_ = bytes_written(process_.pid());
  return Status::ok();
}

Status TraceeFiles::read(std::optional<RemoteAddress> scratch) {
  FileChanges& changes = process_.file_changes();
  DescriptorCopies all;
  GrowingArray<int> others;
  DescriptorCopies* copies = nullptr;
  if (scratch && !scratch->is_null()) scratch_ = scratch;
  if (changes.is_blind() && process_.has_run()) changes.assume_all();
  const bool lacks_duplicates = changes.has_changed_descriptors() || !duplicates_.has_present();
  if (lacks_duplicates && scratch_ && !(may_get_descriptors() && may_compare_files())) {
    for (const Inherited& each : inherited_) {
      if (!others.append(each.descriptor)) return Status::no_memory(sizeof(int));
    }
    if (Status status = copy_all(process_, *scratch_, duplicates_, others, &all); !status.is_ok()) return status;
    copies = &all;
  }
  if (changes.has_changed_descriptors()) {
    if (Status status = OpenFiles::read(process_.live_thread(), copies, &now_); !status.is_ok()) return status;
    mark_outside(copies);
    number_files();
    if (Status status = duplicates_.update(now_, copies); !status.is_ok()) return status;
    changes.mark_known();
    return Status::ok();
  }
  if (!duplicates_.has_present()) {
    if (Status status = duplicates_.update(now_, copies); !status.is_ok()) return status;
  }
  if (!process_.has_run()) return Status::ok();
  for (size_t i = 0; i < now_.all().size(); ++i) {
    if (Status status = read_state(i); !status.is_ok()) return status;
  }
  return Status::ok();
}

// An open file keeps its number for as long as one of its descriptors is known to be on it.
void TraceeFiles::number_files() {
  const FileChanges& changes = process_.file_changes();
  for (OpenFile& file : now_.all()) {
    OpenFile& leader = *now_.find(file.leader);
    if (!needs_serial(file.identity) || leader.identity.serial != 0) continue;
    const KnownDescriptor* known = changes.find(file.number);
    const bool is_same = known != nullptr && known->is_there && known->file.device == file.identity.device &&
                         known->file.inode == file.identity.inode && known->kind == file.identity.kind;
    if (is_same) leader.identity.serial = known->file.serial;
  }
  for (OpenFile& file : now_.all()) {
    OpenFile& leader = *now_.find(file.leader);
    if (needs_serial(file.identity) && leader.identity.serial == 0) leader.identity.serial = ++last_serial_;
    file.identity.serial = leader.identity.serial;
    if (file.identity.kind == FileKind::other && now_.path(file) == kRing) process_.file_changes().mark_blind();
  }
}

// Of a descriptor that has not changed.
Status TraceeFiles::read_state(size_t index) {
  OpenFile& file = now_.all()[index];
  if (file.identity.is_outside != 0 || file.identity.kind == FileKind::stateless ||
      file.identity.kind == FileKind::path) {
    return Status::ok();
  }
  if (file.leader != file.number) {
    const OpenFile& leader = *now_.find(file.leader);
    file.position = leader.position;
    file.length = leader.length;
    file.detail = leader.detail;
    file.lasting_detail = leader.lasting_detail;
    return Status::ok();
  }
  const int duplicate = duplicates_.present(index);
  if (duplicate >= 0) {
    // Some that look like regular files have none: memory of memfd_secret.
    const off_t position = has_position(file.identity.kind) ? lseek(duplicate, 0, SEEK_CUR) : -1;
    if (position >= 0) file.position = static_cast<uint64_t>(position);
    struct stat status;
    if (file.length > 0 || is_writable(file.identity)) {
      if (read_file_status(duplicate, &status) == 0) file.length = static_cast<uint64_t>(status.st_size);
    }
    return Status::ok();
  }
  // Of all others nothing changes that we do not see.
  if (file.identity.kind != FileKind::event_count && !has_position(file.identity.kind)) return Status::ok();
  const OpenFile before = file;
  if (Status status = describe_file(process_.live_thread(), file.number, &file); !status.is_ok()) return status;
  file.identity.is_outside = before.identity.is_outside;
  file.identity.serial = before.identity.serial;
  return Status::ok();
}

void TraceeFiles::mark_outside(const DescriptorCopies* copies) {
  const pid_t task = process_.live_thread(), ours = getpid();
  for (OpenFile& file : now_.all()) {
    for (const Inherited& each : inherited_) {
      const bool may_be = file.identity.device == each.device && file.identity.inode == each.inode;
      if (!may_be) continue;
      const Sameness sameness = copies != nullptr ? copies->compare_with_ours(file.number, each.descriptor)
                                                  : compare_files(task, file.number, ours, each.descriptor);
      if (sameness == Sameness::different) continue;
      file.identity.is_outside = 1;
      file.settable_flags = 0;
      file.position = file.length = file.detail = file.lasting_detail = 0;
      break;
    }
  }
}

Status TraceeFiles::capture() {
  if (Status status = check_threads(); !status.is_ok() || !is_restored_) return status;
  {
    const LockedStores stores(*store_);
    if (Status status = contents_.capture(*stores, where()); !status.is_ok()) return status;
  }
  warn_of_private();
  return Status::ok();
}

Status TraceeFiles::see_mappings(std::span<const std::byte> regions, uint64_t reading) {
  if (!is_restored_) return Status::ok();
  Status status = contents_.private_files().read(regions, reading);
  warn_of_private();
  return status;
}

Status TraceeFiles::save(GrowingArray<std::byte>* bytes) const {
  if (Status status = contents_.save(bytes); !status.is_ok()) return status;
  return now_.append_bytes(bytes);
}

Status TraceeFiles::keep(PageStores& stores, OwnedTree* needed, OwnedTree* contents) {
  if (Status status = contents_.ref_tree(stores, contents); !status.is_ok()) return status;
  return duplicates_.keep(stores, now_, needed);
}

Status TraceeFiles::append_key(GrowingArray<std::byte>* bytes) const {
  if (!is_restored_) return Status::ok();
  for (const OpenFile& file : now_.all()) {
    FileKey key = key_of(now_, file);
    // Bytes that moved are not put back, so a state behind them is no state before them.
    if (file.identity.kind == FileKind::kernel) {
      key.length = process_.file_changes().last_event_on(id_of(file.identity));
    } else if (is_stream(monitoring_of_file(file))) {
      key.position = process_.file_changes().last_event_on(id_of(file.identity));
    }
    if (!bytes->append(std::as_bytes(std::span(&key, 1)))) return Status::no_memory(sizeof(key));
  }
  return contents_.append_key(bytes);
}

Status TraceeFiles::restore(const Saved& saved, RemoteAddress scratch) {
  OpenFiles wanted;
  GrowingArray<SavedContents> saved_contents;
  std::span<const std::byte> bytes = saved.bytes;
  if (Status status = read_saved_contents(&bytes, &saved_contents); !status.is_ok()) return status;
  if (Status status = wanted.read_bytes(bytes); !status.is_ok()) return status;
  if (Status status = read(scratch); !status.is_ok()) return status;
  if (Status status = check_threads(); !status.is_ok()) return status;
  const bool is_untouched = process_.file_changes().last_event() == saved.event;
  if (!is_restored_) {
    if (!is_untouched || !now_.has_same_files(wanted)) warn_of_ignored(wanted);
    return Status::ok();
  }
  warn_of_outside(wanted, saved.event);
  const FileChanges& changes = process_.file_changes();
  if (changes.last_left() > saved.event) warn_of_left(changes.left_path());
  const FileContents::Saved contents{{saved_contents.data(), saved_contents.size()}, saved.contents, saved.event};
  {
    const LockedStores stores(*store_);
    if (Status status = contents_.observe(*stores, where()); !status.is_ok()) return status;
  }
  warn_of_private();
  if (is_untouched && now_.has_same_files(wanted) && contents_.is_at(contents)) return Status::ok();
  FilePlan plan(now_, wanted);
  if (Status status = plan.match(duplicates_, saved.needed); !status.is_ok()) return status;
  find_duplicates(saved.needed, &plan);
  if (Status status = put_back(plan, contents, scratch); !status.is_ok()) return name_refused(status, wanted);
  // Where descriptors were made or closed, the list is read again.
  return process_.file_changes().has_changed_descriptors() ? Status::ok() : now_.copy_from(wanted);
}

Status TraceeFiles::put_back(const FilePlan& plan, const FileContents::Saved& contents, RemoteAddress scratch) {
  Status status = plan.check();
  if (status.is_ok()) status = check_streams(plan, contents.event);
  if (status.is_ok()) status = contents_.check(*LockedStores(*store_), contents, where());
  if (status.is_ok()) status = undo_files(process_, plan, scratch);
  const KnownFiles::Where there{process_.live_thread(), plan.wanted(), duplicates_};
  if (status.is_ok()) status = contents_.restore(*LockedStores(*store_), contents, there);
  contents_.close_pending();
  if (status.is_ok()) status = monitor_.monitor(plan.wanted(), scratch);
  return status;
}

Status TraceeFiles::monitor(std::optional<RemoteAddress> scratch) {
  return monitor_.monitor(now_, scratch);
}

Status TraceeFiles::check_streams(const FilePlan& plan, uint64_t event) const {
  for (const FileSource& source : plan.sources()) {
    const OpenFile& wanted = *source.wanted;
    const OpenFileIdentity& identity = wanted.identity;
    const bool is_kernels = identity.kind == FileKind::kernel;
    if (identity.is_outside != 0 || (!is_kernels && !is_stream(monitoring_of_file(wanted)))) continue;
    if (process_.file_changes().lowest_since(event, id_of(identity)) == UINT64_MAX) continue;
    return Status::files(wanted.number,
                         is_kernels ? "was written to since the snapshot, and the kernel does not take that back"
                                    : "has taken or given bytes since the snapshot, which cannot be moved back");
  }
  return Status::ok();
}

void TraceeFiles::find_duplicates(const PageTree& needed, FilePlan* plan) {
  for (FileSource& source : plan->sources()) {
    if (source.now != nullptr) {
      source.duplicate = duplicates_.present(static_cast<size_t>(source.now - now_.all().data()));
    } else if (source.wanted->identity.is_outside != 0) {
      source.duplicate = outside_descriptor(*source.wanted);
    } else {
      source.duplicate = duplicates_.find(needed, source.wanted_index);
    }
  }
}

// Ours may have been closed since, and its number given to another file.
int TraceeFiles::outside_descriptor(const OpenFile& file) const {
  for (const Inherited& each : inherited_) {
    struct stat status;
    const bool is_it = each.device == file.identity.device && each.inode == file.identity.inode;
    if (is_it && read_file_status(each.descriptor, &status) == 0 && status.st_dev == each.device &&
        status.st_ino == each.inode) {
      return each.descriptor;
    }
  }
  return -1;
}

// Whether anything was written there is not seen; that something was written anywhere is.
void TraceeFiles::warn_of_outside(const OpenFiles& wanted, uint64_t event) {
  if (inherited_.empty()) return;
  const auto files = wanted.all();
  const auto written = std::find_if(files.begin(), files.end(), [](const OpenFile& file) {
    return file.identity.is_outside != 0 && is_writable(file.identity);
  });
  const bool has_written = !warnings_.had(WarningKind::outside) && written != files.end();
  if (has_written && bytes_written(process_.pid()) != written_at_start_) {
    warn_of(WarningKind::outside, wanted, *written, "what the program writes there stays");
  }
  if (warnings_.had(WarningKind::input)) return;
  const auto taken =
      std::find_if(files.begin(), files.end(), [&](const OpenFile& file) { return has_taken_input(file, event); });
  if (taken == files.end()) return;
  warn_of(WarningKind::input, wanted, *taken, "what the program takes from it is not given back");
}

// By a descriptor that the snapshot or the program has on it, where there is one.
Status TraceeFiles::name_refused(const Status& status, const OpenFiles& wanted) {
  if (status.error() != Error::files) return status;
  auto number = static_cast<int32_t>(status.value());
  const KnownFile* refused = number < 0 ? contents_.refused() : nullptr;
  std::string_view path = refused != nullptr ? contents_.path(*refused) : std::string_view();
  for (const OpenFiles* files : {static_cast<const OpenFiles*>(&now_), &wanted}) {
    for (const OpenFile& file : files->all()) {
      const bool is_it = refused == nullptr
                             ? file.number == number
                             : is_writable(file.identity) && file.identity.device == refused->identity.device &&
                                   file.identity.inode == refused->identity.inode;
      if (!is_it) continue;
      number = file.number;
      path = files->path(file);
    }
  }
  path_[path.copy(path_, sizeof(path_) - 1)] = '\0';
  return Status::files(number, status.what(), status.error_number());
}

}  // namespace pagestore
