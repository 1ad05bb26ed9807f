#include "linux/same_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "linux/claimed_name.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

bool can_be_polled(int descriptor) {
  const ScopedFd set(epoll_create1(EPOLL_CLOEXEC));
  epoll_event none{};
  return !set.is_open() || epoll_ctl(set.get(), EPOLL_CTL_ADD, descriptor, &none) == 0 || errno != EPERM;
}

// What cannot be polled never becomes ready. What sends signals of its own then is the change of a folder, which nobody
// can ask for, and the end of a lease.
bool can_be_marked(int descriptor, bool* is_folder) {
  struct stat status;
  if (read_file_status(descriptor, &status) != 0) return false;
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) && can_be_polled(descriptor)) return false;
  *is_folder = S_ISDIR(status.st_mode);
  const int flags = fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & (O_ASYNC | O_PATH)) == 0 && fcntl(descriptor, F_GETLEASE) == F_UNLCK;
}

}  // namespace

Sameness compare_by_query(int a, int b) {
  constexpr int kQuery = 1024 + 3;  // F_DUPFD_QUERY, which some headers lack
  const int result = fcntl(a, kQuery, b);
  if (result < 0) return Sameness::unknown;
  return result == 1 ? Sameness::same : Sameness::different;
}

Sameness compare_by_polling(int a, int b) {
  const ScopedFd set(epoll_create1(EPOLL_CLOEXEC));
  const ScopedFd number(fcntl(a, F_DUPFD_CLOEXEC, 0));
  epoll_event none{};
  if (!set.is_open() || !number.is_open()) return Sameness::unknown;
  if (epoll_ctl(set.get(), EPOLL_CTL_ADD, number.get(), &none) != 0) return Sameness::unknown;
  if (dup3(b, number.get(), O_CLOEXEC) < 0) return Sameness::unknown;
  const int result = epoll_ctl(set.get(), EPOLL_CTL_ADD, number.get(), &none);
  if (result == 0 || errno == EPERM) return Sameness::different;  // the first one can be polled
  return errno == EEXIST ? Sameness::same : Sameness::unknown;
}

bool MarkingTurn::is_ours() {
  constexpr int kMost = 1000;
  constexpr useconds_t kPause = 20;
  for (int i = 0; i < kMost && !was_asked_for_; ++i) {
    if (i > 0) usleep(kPause);
    claim_ = claim_name(name_);
    if (claim_.is_open() || errno != EADDRINUSE) break;
  }
  was_asked_for_ = true;
  return claim_.is_open();
}

// The mark is the signal that is sent where none is set, so that it is the one that a program gets in any case.
Sameness compare_by_mark(int a, int b, MarkingTurn* turn) {
  bool is_folder = false, is_other_folder = false;
  if (!can_be_marked(a, &is_folder) || !can_be_marked(b, &is_other_folder)) return Sameness::unknown;
  if (!turn->is_ours()) return Sameness::unknown;
  const int before = fcntl(a, F_GETSIG), before_other = fcntl(b, F_GETSIG);
  if (before < 0 || before_other < 0) return Sameness::unknown;
  if (before != before_other) return Sameness::different;
  if (is_folder && before != 0 && before != SIGIO) return Sameness::unknown;
  const int mark = before == SIGIO ? 0 : SIGIO;
  if (fcntl(a, F_SETSIG, mark) != 0) return Sameness::unknown;
  const int seen = fcntl(b, F_GETSIG);
  fcntl(a, F_SETSIG, before);
  return seen == mark ? Sameness::same : Sameness::different;
}

Sameness compare_descriptors(int a, int b, MarkingTurn* turn) {
  for (const auto compare : {compare_by_query, compare_by_polling}) {
    if (const Sameness answer = compare(a, b); answer != Sameness::unknown) return answer;
  }
  return compare_by_mark(a, b, turn);
}

}  // namespace pagestore
