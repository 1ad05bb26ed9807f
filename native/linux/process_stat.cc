#include "linux/process_stat.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pagestore {

Status ProcessStat::read(ProcSubject subject, const char* name) {
  rest_ = nullptr;
  if (Status status = read_proc_start(subject, name, text_); !status.is_ok()) return status;
  const char* end = strrchr(text_, ')');
  if (end == nullptr || end[1] != ' ') return process_refused(subject.process, name, EINVAL);
  rest_ = end + 2;
  return Status::ok();
}

char ProcessStat::state() const {
  return rest_ != nullptr ? rest_[0] : 'X';
}

uint64_t ProcessStat::field(int number) const {
  const char* at = rest_;
  for (int i = 3; i < number && at != nullptr; ++i) {
    at = strchr(at, ' ');
    if (at != nullptr) ++at;
  }
  return at != nullptr ? strtoull(at, nullptr, 10) : 0;
}

}  // namespace pagestore
