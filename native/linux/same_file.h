// Whether two descriptors of this process are one open file, where the kernel's comparison of tasks (kcmp) is refused.
//
// Since Linux 6.10 the kernel answers that question by itself (F_DUPFD_QUERY). Before, two ways find it out:
//
// By polling: an epoll set has each pair of an open file and a number once. So the second file is put under the number
// under which the set has the first one. Nobody notices; but it takes a file that can be polled.
//
// By a mark, for files and folders of file systems: the signal of an open file (F_SETSIG) that is set by one descriptor
// is read by the other, and put back. All who have the file open see it, for a microsecond. Those who mark at the same
// time wait for each other; they know of each other within a network namespace. A file whose signals a program may be
// waiting for is not marked.
#pragma once

#include <cstdint>

namespace pagestore {

enum class Sameness : uint8_t { same, different, unknown };

// By the first of the three ways that gives an answer.
Sameness compare_descriptors(int a, int b);

// Each by itself.
Sameness compare_by_query(int a, int b);
Sameness compare_by_polling(int a, int b);
Sameness compare_by_mark(int a, int b);

}  // namespace pagestore
