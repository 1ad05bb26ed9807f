#include "ptrace/file_calls.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "linux/file_clock.h"
#include "linux/kernel_compare.h"
#include "linux/mapped_file.h"
#include "linux/memory_files.h"
#include "linux/proc_file.h"
#include "linux/process_regions.h"
#include "linux/remote_socket.h"
#include "ptrace/control_calls.h"
#include "ptrace/descriptor_calls.h"
#include "ptrace/opened_files.h"
#include "ptrace/system_call_filter.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

int32_t first_descriptor(const SystemCall& call) {
  return static_cast<int32_t>(call.arguments[0]);
}

// What a call that reads leaves where it is: with MSG_PEEK.
bool only_peeks(const SystemCall& call) {
  const size_t flags = call.number == SYS_recvmsg ? 2 : 3;
  const bool has_flags = call.number == SYS_recvmsg || call.number == SYS_recvfrom || call.number == SYS_recvmmsg;
  return has_flags && (call.arguments[flags] & MSG_PEEK) != 0;
}

Evidence evidence_of_act(const SystemCall& call) {
  switch (call.number) {
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
      return Evidence::messages;
    case SYS_vmsplice:
      return Evidence::bytes;
    case SYS_accept:
    case SYS_accept4:
      return Evidence::no_refusal;
    case SYS_connect:
      return Evidence::connection;
    case SYS_getsockopt:
      return Evidence::socket_error;
    default:
      return Evidence::success;
  }
}

Evidence evidence_of(const SystemCall& call, FileUse use, FileKind kind) {
  if (use == FileUse::acts) return evidence_of_act(call);
  if (use == FileUse::waits || kind == FileKind::pipe) return Evidence::bytes;
  return kind == FileKind::socket ? Evidence::messages : Evidence::no_refusal;
}

// Whether those bytes of a file are memory, and mapped shared by the process.
bool is_captured(pid_t task, const FileId& file, const AddressRange& bytes) {
  RegionList regions;
  MemoryFiles memory;
  if (!read_regions_of(task, &regions).is_ok() || !MemoryFiles::find(task, regions, &memory).is_ok()) return false;
  const FileIdentity identity = usual_identity(file.device, file.inode);
  RegionReader reader(regions.bytes());
  for (Region region; reader.next(&region);) {
    const bool is_it = region.permissions[3] == 's' && region.file == identity;
    const bool has_all = region.offset <= bytes.start && bytes.end - region.offset <= region.end - region.start;
    if (is_it && has_all && memory.contains(region)) return true;
  }
  return false;
}

// Whether the thread gets descriptors of its own, so that others see no more what becomes of them.
bool parts_descriptors(const SystemCall& call) {
  if (call.number == SYS_unshare) return (call.arguments[0] & CLONE_FILES) != 0;
  return call.number == SYS_close_range && (call.arguments[2] & CLOSE_RANGE_UNSHARE) != 0;
}

// By these the kernel says that it has not begun.
bool is_refusal(int64_t result) {
  constexpr int kRefusals[] = {EAGAIN,       EINTR,    EBADF,   EINVAL,   ENOTSOCK,     EOPNOTSUPP, ENOTTY,  EPERM,
                               EACCES,       ENOTCONN, EISCONN, EALREADY, EDESTADDRREQ, EMSGSIZE,   ENOBUFS, ENOMEM,
                               EAFNOSUPPORT, ENOSYS,   ENXIO,   ESPIPE,   EPIPE,        EMFILE,     ENFILE};
  return is_restart(result) || std::find(std::begin(kRefusals), std::end(kRefusals), -result) != std::end(kRefusals);
}

// By these close(2) says what became of the file; its number is closed.
bool has_closed(int64_t result) {
  return result >= 0 || result == -EINTR || result == -EIO || result == -ENOSPC || result == -EDQUOT;
}

}  // namespace

bool FileCalls::is_filtered(const SystemCall& call) const {
  const FileUse use = use_of(call.number);
  return use != FileUse::none && (files_.filtered_uses(first_descriptor(call)) & bit_of(use)) != 0;
}

void FileCalls::on_entry(TracedThread& thread, const SystemCall& call) {
  CallEffects effects;
  task_ = thread.id();
  const SystemCallKind kind = kind_of_call(call.number);
  if (kind == SystemCallKind::descriptors) on_descriptor_call(call, &effects);
  if (kind == SystemCallKind::transfer) on_transfer(call, &effects);
  if (kind == SystemCallKind::exec && files_.observer() != nullptr) files_.observer()->before_exec();
  if (call.number == SYS_io_uring_setup) files_.mark_blind();
  if (call.number == SYS_mmap) {
    note_shared_mapping(task_, call, &files_);
    on_mapping(call);
  }
  const FileUse use = use_of(call.number);
  if (use != FileUse::none) on_use(call, use, &effects);
  if (effects.needs_exit()) thread.expect_effects(effects);
}

void FileCalls::on_exit(pid_t task, const CallEffects& effects, int64_t result) {
  task_ = task;
  if (effects.names_call >= 0 && result >= 0) {
    const auto& names = effects.names;
    const SystemCall call{effects.names_call, {names[0], names[1], names[2], names[3]}};
    note_changed_name(task_, call, effects.names_began, memory_, &files_);
  }
  if (effects.opening && result >= 0) note_opened(task_, result, *effects.opening, &files_);
  if (has_closed(result)) files_.mark_closed(effects.closed_first, effects.closed_last);
  bool has_happened = result > 0;
  switch (effects.evidence) {
    case Evidence::bytes:
      break;
    case Evidence::messages:
      has_happened = result == 0 ? !is_stream_socket(task_, effects.number) : !is_refusal(result);
      break;
    case Evidence::no_refusal:
      has_happened = !is_refusal(result);
      break;
    case Evidence::connection:
      has_happened = is_restart(result) || result == -EINTR || !is_refusal(result);
      break;
    case Evidence::success:
      has_happened = result >= 0;
      break;
    case Evidence::socket_error: {
      int error_number = 0;
      const RemoteAddress there(effects.pointer);
      const bool is_read = result == 0 && memory_.read(there, &error_number, sizeof(error_number)).is_ok();
      has_happened = is_read && error_number != 0;
      break;
    }
  }
  for (uint8_t i = 0; has_happened && i < effects.count; ++i) {
    files_.add_event(effects.all[i].file, effects.all[i].low);
  }
}

void FileCalls::on_descriptor_call(const SystemCall& call, CallEffects* effects) {
  const auto& arguments = call.arguments;
  files_.mark_descriptors_changed();
  if (parts_descriptors(call)) files_.set_own_descriptors(OwnDescriptors::asked);
  if (files_.observer() != nullptr && takes_lock(call)) files_.observer()->before_lock(first_descriptor(call));
  effects->opening = note_opening(task_, call, memory_, &files_);
  if (changes_names(call.number)) {
    note_removal(task_, call, memory_, &files_);
    effects->names_call = call.number;
    effects->names_began = now_for_files();
    for (size_t i = 0; i < std::size(effects->names); ++i) effects->names[i] = arguments[i];
  }
  if (!files_.has_monitored() && files_.known().empty() && !files_.has_new_numbers()) return;
  switch (call.number) {
    case SYS_dup:
      return on_duplicate(first_descriptor(call));
#if defined(__x86_64__)
    case SYS_dup2:
#endif
    case SYS_dup3:
      if (arguments[0] == arguments[1]) return;
      on_duplicate(first_descriptor(call));
      return on_close(static_cast<uint32_t>(arguments[1]), static_cast<uint32_t>(arguments[1]), effects);
    case SYS_close:
      return on_close(static_cast<uint32_t>(arguments[0]), static_cast<uint32_t>(arguments[0]), effects);
    case SYS_close_range:
      if ((static_cast<uint32_t>(arguments[2]) & CLOSE_RANGE_CLOEXEC) != 0) return;
      return on_close(static_cast<uint32_t>(arguments[0]), static_cast<uint32_t>(arguments[1]), effects);
    case SYS_fcntl:
      if (duplicates_by_control(call)) return on_duplicate(first_descriptor(call));
      on_append_mode(call);
      return on_control(call, effects);
    case SYS_ioctl:
      return on_control(call, effects);
    default:
      if (gets_descriptors(call, memory_) || opens_stream(call)) files_.on_duplicate();
  }
}

void FileCalls::on_control(const SystemCall& call, CallEffects* effects) const {
  if (is_harmless_control(call)) return;
  const auto file = find(first_descriptor(call));
  if (!file || file->monitoring == Monitoring::none || file->monitoring == Monitoring::input) return;
  effects->evidence = Evidence::success;
  effects->add(file->file, 0);
}

// Writes to an open file that is not in append mode any more go to its offset, which is anywhere.
void FileCalls::on_append_mode(const SystemCall& call) {
  const auto command = static_cast<uint32_t>(call.arguments[1]);
  if (command != F_SETFL || (call.arguments[2] & O_APPEND) != 0) return;
  const auto file = find(first_descriptor(call));
  if (file && file->monitoring == Monitoring::positions) files_.on_seek();
}

void FileCalls::on_duplicate(int32_t number) {
  const auto file = find(number);
  if (file && file->monitoring != Monitoring::input) files_.on_duplicate();
}

// Not yet: the call may fail.
void FileCalls::on_close(uint32_t first, uint32_t last, CallEffects* effects) {
  constexpr uint32_t kMost = INT32_MAX;
  if (first > kMost) return;
  effects->closed_first = static_cast<int32_t>(first);
  effects->closed_last = static_cast<int32_t>(std::min(last, kMost));
  for (size_t i = files_.known().size(); i-- > 0;) {
    const int32_t number = files_.known()[i].number;
    if (number >= effects->closed_first && number <= effects->closed_last) find_new_number(number);
  }
}

// An open file that only its number tells from others is looked for under new numbers while it still has this one.
void FileCalls::find_new_number(int32_t number) {
  const KnownDescriptor* known = files_.find(number);
  if (known == nullptr || !known->is_there) return;
  KnownDescriptor moved = *known;
  NumberDirectory directory;
  if (moved.file.serial != 0 && files_.has_new_numbers() && directory.open(task_, "/proc/PID/fd").is_ok()) {
    while (directory.next(&moved.number)) {
      const KnownDescriptor* there = files_.find(moved.number);
      if (there != nullptr && there->is_there) continue;
      if (compare_files(task_, number, task_, moved.number) != Sameness::same) continue;
      static_cast<void>(files_.add_known(moved));
      break;
    }
  }
}

// What is written through a mapping is not seen. Memory that only looks like a file is captured where it is mapped, so
// only what is not mapped already counts.
void FileCalls::on_mapping(const SystemCall& call) {
  const uint64_t kind = call.arguments[3] & MAP_TYPE, offset = call.arguments[5];
  const bool is_shared = kind == MAP_SHARED || kind == MAP_SHARED_VALIDATE;
  if (!is_shared || (call.arguments[3] & MAP_ANONYMOUS) != 0) return;
  const auto file = find(static_cast<int32_t>(call.arguments[4]));
  const bool is_contents =
      file && (file->monitoring == Monitoring::positions || file->monitoring == Monitoring::contents);
  if (is_contents && !is_captured(task_, file->file, {offset, offset + call.arguments[1]})) {
    files_.add_event(file->file, offset);
  }
}

// What moves bytes between two descriptors, or between many that are not seen.
void FileCalls::on_transfer(const SystemCall& call, CallEffects* effects) {
  const auto& arguments = call.arguments;
  switch (call.number) {
    case SYS_splice:
    case SYS_copy_file_range:
      add_end(arguments[0], 0, false, effects);
      return add_end(arguments[2], arguments[3], true, effects);
    case SYS_sendfile:
      add_end(arguments[1], 0, false, effects);
      return add_end(arguments[0], 0, true, effects);
    case SYS_tee:
      return add_end(arguments[1], 0, true, effects);
    default:
      // What was submitted may be done at any time.
      files_.mark_blind();
      files_.assume_all();
  }
}

void FileCalls::add_end(uint64_t number, uint64_t offset, bool is_written, CallEffects* effects) const {
  const auto file = find(static_cast<int32_t>(number));
  if (!file || file->monitoring == Monitoring::none) return;
  uint64_t low = 0;
  if (file->monitoring == Monitoring::positions || file->monitoring == Monitoring::contents) {
    OpenFile now;
    if (!is_written) return;
    if (offset != 0) {
      if (!memory_.read(RemoteAddress(offset), &low, sizeof(low)).is_ok()) low = 0;
    } else if (describe_file(task_, static_cast<int32_t>(number), &now).is_ok()) {
      if ((now.settable_flags & O_APPEND) != 0) return;
      low = now.position;
    }
  }
  effects->add(file->file, low);
}

void FileCalls::on_use(const SystemCall& call, FileUse use, CallEffects* effects) {
  const auto file = find(first_descriptor(call));
  if (!file || !is_seen(file->monitoring, use)) return;
  if (is_stream(file->monitoring) || file->monitoring == Monitoring::input) {
    on_stream(call, use, *file, effects);
  } else if (use == FileUse::seeks) {
    if (lowest_byte(call)) files_.on_seek();
  } else if (use == FileUse::writes_at_offset) {
    on_write(call, *file);
  } else {
    on_write_elsewhere(call, *file);
  }
}

void FileCalls::on_stream(const SystemCall& call, FileUse use, const KnownDescriptor& stream,
                          CallEffects* effects) const {
  if (only_peeks(call)) return;
  const bool is_error = call.arguments[1] == SOL_SOCKET && call.arguments[2] == SO_ERROR;
  if (call.number == SYS_getsockopt && !is_error) return;
  effects->evidence = evidence_of(call, use, stream.kind);
  effects->number = first_descriptor(call);
  effects->pointer = call.arguments[3];
  effects->add(stream.file, 0);
}

// The kernel takes each write to a file of its own as one, wherever it is made. Where nobody can say where a write
// goes, it may be anywhere.
void FileCalls::on_write(const SystemCall& call, const KnownDescriptor& file) {
  OpenFile now;
  if (!describe_file(task_, first_descriptor(call), &now).is_ok()) return files_.add_event(file.file, 0);
  const bool appends = (now.settable_flags & O_APPEND) != 0 && file.kind != FileKind::kernel;
  // Another thread may move the offset before the kernel gets there.
  const bool is_alone = has_one_thread(task_);
  if (!appends) files_.add_event(file.file, now.position, is_alone ? end_of_change(call, now.position) : UINT64_MAX);
}

void FileCalls::on_write_elsewhere(const SystemCall& call, const KnownDescriptor& file) {
  const std::optional<uint64_t> low = lowest_byte(call);
  const WriteTarget target = target_of_write(call);
  OpenFile now;
  if (!low) return;
  if (!describe_file(task_, first_descriptor(call), &now).is_ok()) return files_.add_event(file.file, 0);
  if (target == WriteTarget::at_offset) return on_write(call, file);
  const bool is_in_append_mode = (now.settable_flags & O_APPEND) != 0;
  const bool appends =
      target == WriteTarget::at_end || (target == WriteTarget::at_end_if_appending && is_in_append_mode);
  if (!appends || file.kind == FileKind::kernel) files_.add_event(file.file, *low, end_of_change(call, *low));
}

// By its path a stream is opened anew: a pipe with a name, a terminal, what another descriptor is on.
bool FileCalls::opens_stream(const SystemCall& call) const {
  const auto known = files_.known();
  const auto is_named = [](const KnownDescriptor& each) {
    return is_stream(each.monitoring) && each.file.serial != 0 && each.kind != FileKind::other;
  };
  const auto opened = stream_to_open(task_, call, memory_, std::any_of(known.begin(), known.end(), is_named));
  if (!opened) return false;
  return std::any_of(known.begin(), known.end(), [&](const KnownDescriptor& each) {
    const bool is_same = each.file.device == opened->device && each.file.inode == opened->inode;
    return is_stream(each.monitoring) && (is_same || (opened->is_device && each.kind == FileKind::terminal));
  });
}

// While there are new numbers, one may have been given to another file by a call whose exit was not seen yet.
std::optional<KnownDescriptor> FileCalls::find(int32_t number) const {
  const KnownDescriptor* known = files_.find(number);
  const bool is_known = known != nullptr && known->is_there;
  if (is_known && !files_.has_new_numbers()) return *known;
  if (!files_.has_new_numbers()) return {};
  char path[64];
  struct stat status;
  snprintf(path, sizeof(path), "/proc/%d/fd/%d", task_, number);
  if (read_file_status(path, &status) != 0) return {};
  const FileKind kind = kind_of_file(status);
  const FileId id{status.st_dev, status.st_ino};
  if (is_known && known->file.device == id.device && known->file.inode == id.inode) return *known;
  std::optional<KnownDescriptor> found;
  if (kind == FileKind::regular && files_.is_tracked(id)) found = {number, Monitoring::contents, kind, true, id};
  for (const KnownDescriptor& each : files_.known()) {
    if (each.monitoring == Monitoring::none || each.monitoring == Monitoring::input) continue;
    const bool is_there = each.file.device == id.device && each.file.inode == id.inode;
    // Another name of the terminal leads to it, too.
    if (!is_there && !(kind == FileKind::terminal && each.kind == FileKind::terminal)) continue;
    const bool is_alone = each.kind == FileKind::other;
    if (is_alone && (!each.is_there || compare_files(task_, each.number, task_, number) == Sameness::different))
      continue;
    if (!found || each.monitoring > found->monitoring) found = each;
  }
  return found;
}

}  // namespace pagestore
