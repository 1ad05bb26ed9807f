// What TraceeFiles says of what a restore does not put back.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "memory/tracee/processes/sharing.h"
#include "memory/tracee/tracee_files.h"

namespace pagestore {

bool TraceeFiles::has_taken_input(const OpenFile& file, uint64_t event) const {
  if (file.identity.is_outside == 0 || (file.identity.fixed_flags & O_ACCMODE) == O_WRONLY) return false;
  if (monitoring_of_file(file) == Monitoring::input) {
    return process_.file_changes().lowest_since(event, id_of(file.identity)) != UINT64_MAX;
  }
  if (file.identity.kind != FileKind::regular) return false;
  return std::any_of(inherited_.begin(), inherited_.end(), [&](const Inherited& each) {
    return each.device == file.identity.device && each.inode == file.identity.inode && each.position >= 0 &&
           lseek(each.descriptor, 0, SEEK_CUR) != each.position;
  });
}

void TraceeFiles::warn_of(WarningKind kind, const OpenFiles& files, const OpenFile& file, const char* what) {
  const std::string_view path = files.path(file);
  warnings_.add(kind, "Descriptor %d (%.*s) was inherited and belongs to the world outside: %s when it is rolled back.",
                file.number, static_cast<int>(std::min<size_t>(path.size(), 200)), path.data(), what);
}

void TraceeFiles::warn_of_ignored(const OpenFiles& wanted) {
  if (warnings_.had(WarningKind::ignored)) return;
  const auto files = wanted.all();
  const auto changed = std::find_if(files.begin(), files.end(), [&](const OpenFile& file) {
    const OpenFile* there = now_.find(file.number);
    return there == nullptr || memcmp(there, &file, sizeof(file)) != 0;
  });
  const std::string_view path = changed == files.end() ? std::string_view() : wanted.path(*changed);
  const char* const rest = "as it was: files are ignored (files: 'ignore'), and the program goes on with what it left.";
  if (changed == files.end()) {
    warnings_.add(WarningKind::ignored, "Something was opened, or written to, and is not %s", rest);
  } else {
    warnings_.add(WarningKind::ignored, "Descriptor %d (%.*s) is not %s", changed->number,
                  static_cast<int>(std::min<size_t>(path.size(), 200)), path.data(), rest);
  }
}

void TraceeFiles::warn_of_left(std::string_view path) {
  if (!is_restored_) return;
  warnings_.add(
      WarningKind::names,
      "What the program did with %.*s stays when it is rolled back: files that were made, renamed or removed, what "
      "was written through a shared mapping of a file, and what a file of the kernel was told.",
      static_cast<int>(std::min<size_t>(path.size(), 200)), path.data());
}

void TraceeFiles::warn_of_private() {
  const std::string_view path = contents_.private_files().changed();
  if (!is_restored_ || path.empty()) return;
  warnings_.add(
      WarningKind::private_files,
      "%.*s is mapped privately, and the program changes it: a page that was written there stays a copy when it is "
      "rolled back, and does not show the file.",
      static_cast<int>(path.size()), path.data());
}

// We see and put back the descriptors of one thread. Others may have parted with it.
Status TraceeFiles::check_threads() {
  pid_t thread;
  if (Status status = find_own_descriptors(process_, &thread); !status.is_ok() || thread == 0) return status;
  if (is_restored_) return Status::thread_files(thread);
  warnings_.add(
      WarningKind::threads,
      "Thread %d has descriptors of its own: files are ignored (files: 'ignore'), and it goes on with what it left.",
      thread);
  return Status::ok();
}

}  // namespace pagestore
