// Whether two descriptors of this process are one open file, where the kernel's comparison of tasks (kcmp) is refused.
//
// Since Linux 6.10 the kernel answers that question by itself (F_DUPFD_QUERY). Before, two ways find it out:
//
// By polling: an epoll set has each pair of an open file and a number once. So the second file is put under the number
// under which the set has the first one. Nobody notices; but it takes a file that can be polled.
//
// By a mark, for what cannot be polled: the signal of an open file (F_SETSIG) that is set by one descriptor is read by
// the other, and put back. All who have the file open see it, for a microsecond. Those who mark at the same time would
// read each other's marks, so one at a time does (MarkingTurn). A file whose signals a program may be waiting for is
// not marked.
#pragma once

#include <cstdint>

#include "system/scoped_fd.h"

namespace pagestore {

enum class Sameness : uint8_t { same, different, unknown };

// The turn of one who marks. It is asked for by the first mark, and ours until this is gone, so that it serves many
// comparisons, and is to be gone soon. Within a network namespace one process at a time has it; anybody there can keep
// it for ever. So it is waited for once, some 0.1 s on an idle machine: who does not get it then marks nothing.
class MarkingTurn {
 public:
  static constexpr char kName[] = "pagestore/marks";
  // Those who have a turn by another name are not waited for.
  explicit MarkingTurn(const char* name = kName) : name_(name) {}
  bool is_ours();

 private:
  const char* name_;
  ScopedFd claim_;
  bool was_asked_for_ = false;
};

// By the first of the three ways that gives an answer.
Sameness compare_descriptors(int a, int b, MarkingTurn* turn);

// Each by itself.
Sameness compare_by_query(int a, int b);
Sameness compare_by_polling(int a, int b);
Sameness compare_by_mark(int a, int b, MarkingTurn* turn);

}  // namespace pagestore
