#include "memory/tracee/file_undo.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "memory/tracee/passed_files.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

constexpr const char* kRefused = "could not be put back";

// A process may have lowered its limit below descriptors that it had. Where we may not raise it, what needs room is
// refused.
class RaisedLimit : NonCopyable {
 public:
  RaisedLimit(pid_t pid, int32_t highest) : pid_(pid) {
    constexpr rlim_t kRoom = 64;
    const rlim_t needed = static_cast<rlim_t>(highest) + kRoom;
    if (prlimit(pid, RLIMIT_NOFILE, nullptr, &before_) != 0 || before_.rlim_cur >= needed) return;
    const rlimit raised{needed, std::max(before_.rlim_max, needed)};
    is_raised_ = prlimit(pid, RLIMIT_NOFILE, &raised, nullptr) == 0;
  }
  ~RaisedLimit() {
    if (is_raised_) prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr);
  }

 private:
  pid_t pid_;
  rlimit before_{};
  bool is_raised_ = false;
};

class Undo {
 public:
  Undo(TracedProcess& process, const FilePlan& plan, RemoteAddress scratch)
      : process_(process), plan_(plan), passed_(process, scratch) {}

  Status move_descriptors() {
    const RaisedLimit limit(process_.pid(), plan_.highest_number());
    process_.file_changes().mark_descriptors_changed();
    if (Status status = close_surplus(true); !status.is_ok()) return status;
    if (Status status = find_origins(); !status.is_ok()) return status;
    for (const OpenFile& file : plan_.wanted().all()) {
      if (Status status = put(file); !status.is_ok()) return status;
    }
    for (size_t i = 0; i < origins_.size(); ++i) {
      const int32_t origin = origins_[i];
      if (plan_.wanted().find(origin) != nullptr) continue;
      if (Status status = close(origin, origin); !status.is_ok()) return status;
    }
    if (Status status = passed_.close(); !status.is_ok()) return status;
    return close_surplus(false);
  }

  // Offset and flags are the open file's: set once for all that share it.
  Status set_state(const FileSource& source) {
    const OpenFile& wanted = *source.wanted;
    if (wanted.identity.is_outside != 0 || wanted.identity.kind == FileKind::path) return Status::ok();
    const bool is_new = source.now == nullptr;
    if (is_new || source.now->settable_flags != wanted.settable_flags) {
      if (Status status = set_flags(source); !status.is_ok()) return status;
    }
    const bool moves = has_position(wanted.identity.kind) && (is_new || source.now->position != wanted.position);
    return moves ? seek(source) : Status::ok();
  }

 private:
  Status call(const SystemCall& call, int32_t number, int64_t* result = nullptr) {
    int64_t ignored = 0;
    if (result == nullptr) result = &ignored;
    if (Status status = process_.call(call, result); !status.is_ok()) return status;
    return *result >= 0 ? Status::ok() : Status::files(number, kRefused, static_cast<int>(-*result));
  }
  Status close(int32_t descriptor, int32_t number) {
    return call({SYS_close, {static_cast<uint64_t>(descriptor)}}, number);
  }

  // Runs of descriptors that the snapshot does not have. At first those stay that something else is to be made of.
  Status close_surplus(bool keeps_origins) {
    const auto files = plan_.now().all();
    for (size_t i = 0; i < files.size();) {
      size_t end = i;
      while (end < files.size() && files[end].number - files[i].number == static_cast<int32_t>(end - i) &&
             is_surplus(files[end], keeps_origins)) {
        ++end;
      }
      if (end == i) {
        ++i;
        continue;
      }
      if (Status status = close_run(files[i].number, files[end - 1].number); !status.is_ok()) return status;
      i = end;
    }
    return Status::ok();
  }
  bool is_surplus(const OpenFile& file, bool keeps_origins) const {
    if (plan_.wanted().find(file.number) != nullptr) return false;
    const bool is_origin = is_only_origin(file);
    return keeps_origins ? !is_origin : is_origin;
  }
  bool is_only_origin(const OpenFile& file) const {
    const auto sources = plan_.sources();
    return std::any_of(sources.begin(), sources.end(), [&](const FileSource& each) {
      return each.now != nullptr && each.now->number == file.leader && plan_.stable_descriptor(each) == nullptr;
    });
  }
  Status close_run(int32_t first, int32_t last) {
    if (first == last) return close(first, first);
    return call({SYS_close_range, {static_cast<uint64_t>(first), static_cast<uint64_t>(last)}}, first);
  }

  // A number that neither the snapshot has nor anything that is still needed.
  int32_t take_spare() {
    const OpenFile* there;
    do {
      there = plan_.now().find(++spare_);
    } while (plan_.wanted().find(spare_) != nullptr || (there != nullptr && is_only_origin(*there)));
    return spare_;
  }

  // A descriptor for each source that nothing below overwrites: one that stays, or a spare one.
  Status find_origins() {
    if (!origins_.reserve(plan_.sources().size())) return Status::no_memory(plan_.sources().size() * sizeof(int32_t));
    for (const FileSource& source : plan_.sources()) {
      int32_t origin = -1;
      const OpenFile* stable = plan_.stable_descriptor(source);
      Status status = Status::ok();
      if (stable != nullptr) {
        origin = stable->number;
      } else if (source.now != nullptr) {
        status = duplicate(source.now->number, source.wanted->number, &origin);
      } else {
        status = pass(source, &origin);
      }
      if (!status.is_ok()) return status;
      static_cast<void>(origins_.append(origin));
    }
    return Status::ok();
  }
  Status duplicate(int32_t from, int32_t number, int32_t* to) {
    int64_t result = 0;
    const auto lowest = static_cast<uint64_t>(take_spare());
    const Status status = call({SYS_fcntl, {static_cast<uint64_t>(from), F_DUPFD_CLOEXEC, lowest}}, number, &result);
    *to = static_cast<int32_t>(result);
    return status;
  }
  Status pass(const FileSource& source, int32_t* origin) {
    const int32_t number = source.wanted->number;
    int32_t received = -1;
    if (!is_open_) {
      if (Status status = passed_.open(take_spare()); !status.is_ok()) return in_files(status, number);
      is_open_ = true;
    }
    if (Status status = passed_.pass(source.duplicate, &received); !status.is_ok()) return in_files(status, number);
    if (Status status = duplicate(received, number, origin); !status.is_ok()) return status;
    return close(received, number);
  }
  static Status in_files(const Status& status, int32_t number) {
    return status.error() == Error::tracee ? Status::files(number, kRefused, status.error_number()) : status;
  }

  Status put(const OpenFile& file) {
    if (plan_.is_right(file)) {
      const OpenFile* there = plan_.now().find(file.number);
      if (there->closes_on_exec == file.closes_on_exec) return Status::ok();
      const uint64_t flags = file.closes_on_exec != 0 ? FD_CLOEXEC : 0;
      return call({SYS_fcntl, {static_cast<uint64_t>(file.number), F_SETFD, flags}}, file.number);
    }
    const auto index = static_cast<size_t>(&plan_.source_of(file) - plan_.sources().data());
    const uint64_t flags = file.closes_on_exec != 0 ? O_CLOEXEC : 0;
    const auto origin = static_cast<uint64_t>(origins_[index]);
    return call({SYS_dup3, {origin, static_cast<uint64_t>(file.number), flags}}, file.number);
  }

  Status set_flags(const FileSource& source) {
    const OpenFile& wanted = *source.wanted;
    if (source.duplicate >= 0) {
      if (fcntl(source.duplicate, F_SETFL, wanted.settable_flags) == 0) return Status::ok();
      return Status::files(wanted.number, kRefused, errno);
    }
    return call({SYS_fcntl, {static_cast<uint64_t>(wanted.number), F_SETFL, wanted.settable_flags}}, wanted.number);
  }
  Status seek(const FileSource& source) {
    const OpenFile& wanted = *source.wanted;
    if (source.duplicate >= 0) {
      const off_t there = lseek(source.duplicate, static_cast<off_t>(wanted.position), SEEK_SET);
      return there >= 0 ? Status::ok() : Status::files(wanted.number, "has an offset that cannot be set", errno);
    }
    return call({SYS_lseek, {static_cast<uint64_t>(wanted.number), wanted.position, SEEK_SET}}, wanted.number);
  }

  TracedProcess& process_;
  const FilePlan& plan_;
  PassedFiles passed_;
  bool is_open_ = false;
  int32_t spare_ = -1;
  GrowingArray<int32_t> origins_;
};

bool moves_descriptors(const FilePlan& plan) {
  const auto now = plan.now().all(), wanted = plan.wanted().all();
  return now.size() != wanted.size() || std::any_of(wanted.begin(), wanted.end(), [&](const OpenFile& file) {
           return !plan.is_right(file) || plan.now().find(file.number)->closes_on_exec != file.closes_on_exec;
         });
}

}  // namespace

Status undo_files(TracedProcess& process, const FilePlan& plan, RemoteAddress scratch) {
  Undo undo(process, plan, scratch);
  if (moves_descriptors(plan)) {
    if (Status status = undo.move_descriptors(); !status.is_ok()) return status;
  }
  for (const FileSource& source : plan.sources()) {
    if (Status status = undo.set_state(source); !status.is_ok()) return status;
  }
  return Status::ok();
}

uint64_t length_of(const FileSource& source) {
  struct stat status;
  if (source.duplicate >= 0 && read_file_status(source.duplicate, &status) == 0)
    return static_cast<uint64_t>(status.st_size);
  return source.now != nullptr ? source.now->length : 0;
}

Status cut_file(TracedProcess& process, const FileSource& source) {
  const OpenFile& wanted = *source.wanted;
  if (source.duplicate >= 0) {
    if (ftruncate(source.duplicate, static_cast<off_t>(wanted.length)) == 0) return Status::ok();
    return Status::files(wanted.number, kRefused, errno);
  }
  int64_t result = 0;
  const SystemCall cut{SYS_ftruncate, {static_cast<uint64_t>(wanted.number), wanted.length}};
  if (Status status = process.call(cut, &result); !status.is_ok()) return status;
  return result == 0 ? Status::ok() : Status::files(wanted.number, kRefused, static_cast<int>(-result));
}

}  // namespace pagestore
