#include "memory/tracee/file_undo.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "memory/tracee/passed_files.h"

namespace pagestore {

namespace {

constexpr const char* kRefused = "could not be put back";

// A process may have lowered its limit below descriptors that it had, and while they move they take more numbers.
class RaisedLimit : NonCopyable {
 public:
  RaisedLimit(pid_t pid, rlim_t needed) : pid_(pid) {
    if (prlimit(pid, RLIMIT_NOFILE, nullptr, &before_) != 0) return;
    has_room_ = before_.rlim_cur >= needed;
    if (has_room_) return;
    const rlimit raised{needed, std::max(before_.rlim_max, needed)};
    // Where we may not raise it that far, as far as anybody may.
    const rlimit allowed{before_.rlim_max, before_.rlim_max};
    has_room_ = prlimit(pid, RLIMIT_NOFILE, &raised, nullptr) == 0;
    is_raised_ = has_room_ || prlimit(pid, RLIMIT_NOFILE, &allowed, nullptr) == 0;
  }
  ~RaisedLimit() {
    if (is_raised_) prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr);
  }

  bool has_room() const { return has_room_; }

 private:
  pid_t pid_;
  rlimit before_{};
  bool is_raised_ = false, has_room_ = false;
};

bool is_free(const FilePlan& plan, int32_t number) {
  return plan.now().find(number) == nullptr;
}

// Whether something of the snapshot is on that open file, and on no number that it keeps.
bool is_only_origin(const FilePlan& plan, const OpenFile& file) {
  const FileSource* user = plan.user_of(file);
  return user != nullptr && user->stable == nullptr;
}

// Numbers that are needed for a while, and some for the socket pair.
size_t count_spares(const FilePlan& plan) {
  constexpr size_t kForSockets = 8;
  const auto sources = plan.sources();
  return kForSockets + static_cast<size_t>(std::count_if(sources.begin(), sources.end(), [&](const FileSource& each) {
           return each.stable == nullptr && !is_free(plan, each.wanted->number);
         }));
}

class Undo {
 public:
  Undo(TracedProcess& process, const FilePlan& plan, RemoteAddress scratch)
      : process_(process), plan_(plan), passed_(process, scratch) {}

  // First all that may be refused for want of room, in this process or in that one; what was got is given back then, as
  // it is where a call is refused later.
  // Only where the process may have no more numbers at all, those of surplus files are used, and there is no way back.
  Status move_descriptors() {
    const RaisedLimit limit(process_.pid(), static_cast<rlim_t>(plan_.highest_number()) + count_spares(plan_));
    process_.file_changes().mark_descriptors_changed();
    is_crowded_ = !limit.has_room();
    Status status = is_crowded_ ? close_surplus(true) : Status::ok();
    if (status.is_ok()) status = find_origins();
    for (const OpenFile& file : plan_.wanted().all()) {
      if (status.is_ok()) status = put(file);
    }
    close_origins(!status.is_ok());
    const Status closed = passed_.close();
    if (status.is_ok()) status = closed;
    if (!status.is_ok()) return status;
    if (!is_crowded_) status = close_surplus(true);
    return status.is_ok() ? close_surplus(false) : status;
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
    const bool is_origin = is_only_origin(plan_, file);
    return keeps_origins ? !is_origin : is_origin;
  }
  // Those that were made for that; those that are in their place already only if `all`.
  void close_origins(bool all) {
    for (size_t i = 0; i < origins_.size(); ++i) {
      const FileSource& source = plan_.sources()[i];
      const bool is_made = source.stable == nullptr && (all || origins_[i] != source.wanted->number);
      if (is_made) static_cast<void>(close(origins_[i], origins_[i]));
    }
    origins_.clear();
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
    } while (plan_.wanted().find(spare_) != nullptr ||
             (there != nullptr && (!is_crowded_ || is_only_origin(plan_, *there))));
    return spare_;
  }

  // A descriptor for each source that nothing below overwrites: one that stays, else its own number if nobody has it,
  // else a spare one.
  Status find_origins() {
    if (!origins_.reserve(plan_.sources().size())) return Status::no_memory(plan_.sources().size() * sizeof(int32_t));
    for (const FileSource& source : plan_.sources()) {
      int32_t origin = -1;
      Status status = Status::ok();
      if (source.stable != nullptr) {
        origin = source.stable->number;
      } else if (source.now != nullptr) {
        status = duplicate(source, source.now->number, &origin);
      } else {
        status = pass(source, &origin);
      }
      if (!status.is_ok()) return status;
      static_cast<void>(origins_.append(origin));
    }
    return Status::ok();
  }
  Status duplicate(const FileSource& source, int32_t from, int32_t* to) {
    const int32_t number = source.wanted->number;
    int64_t lowest = is_free(plan_, number) ? number : take_spare();
    for (int64_t result = 0;; lowest = result + 1) {
      const Status status = call(
          {SYS_fcntl, {static_cast<uint64_t>(from), F_DUPFD_CLOEXEC, static_cast<uint64_t>(lowest)}}, number, &result);
      *to = static_cast<int32_t>(result);
      if (!status.is_ok()) return status;
      // Another one of the snapshot, which will be put there, may have that number.
      if (*to == number || plan_.wanted().find(*to) == nullptr) return status;
      if (Status closed = close(*to, number); !closed.is_ok()) return closed;
    }
  }
  Status pass(const FileSource& source, int32_t* origin) {
    const int32_t number = source.wanted->number;
    int32_t received = -1;
    if (!is_open_) {
      if (Status status = passed_.open(take_spare()); !status.is_ok()) return in_files(status, number);
      is_open_ = true;
    }
    if (Status status = passed_.pass(source.duplicate, &received); !status.is_ok()) return in_files(status, number);
    if (received == number) {
      *origin = received;
      return Status::ok();
    }
    const Status status = duplicate(source, received, origin);
    const Status closed = close(received, number);
    return status.is_ok() ? closed : status;
  }
  static Status in_files(const Status& status, int32_t number) {
    return status.error() == Error::tracee ? Status::files(number, kRefused, status.error_number()) : status;
  }

  Status put(const OpenFile& file) {
    const auto index = static_cast<size_t>(&plan_.source_of(file) - plan_.sources().data());
    const auto origin = static_cast<uint64_t>(origins_[index]);
    const bool is_right = plan_.is_right(file);
    if (is_right || origins_[index] == file.number) {
      const bool closes = !is_right || plan_.now().find(file.number)->closes_on_exec != 0;
      if (closes == (file.closes_on_exec != 0)) return Status::ok();
      const uint64_t flags = file.closes_on_exec != 0 ? FD_CLOEXEC : 0;
      return call({SYS_fcntl, {static_cast<uint64_t>(file.number), F_SETFD, flags}}, file.number);
    }
    const uint64_t flags = file.closes_on_exec != 0 ? O_CLOEXEC : 0;
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
      const bool has_none = there < 0 && errno == ESPIPE && wanted.position == 0;
      return there >= 0 || has_none ? Status::ok()
                                    : Status::files(wanted.number, "has an offset that cannot be set", errno);
    }
    return call({SYS_lseek, {static_cast<uint64_t>(wanted.number), wanted.position, SEEK_SET}}, wanted.number);
  }

  TracedProcess& process_;
  const FilePlan& plan_;
  PassedFiles passed_;
  bool is_open_ = false, is_crowded_ = false;
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

}  // namespace pagestore
