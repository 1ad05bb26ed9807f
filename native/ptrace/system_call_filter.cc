#include "ptrace/system_call_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <utility>

#include "ptrace/descriptor_calls.h"
#include "ptrace/trap.h"
#include "system/assert.h"

namespace pagestore {

namespace {

constexpr struct {
  int64_t number;
  SystemCallKind kind;
} kSeen[] = {
    {SYS_exit_group, SystemCallKind::process_exit},
    {SYS_exit, SystemCallKind::thread_exit},
    {SYS_set_tid_address, SystemCallKind::id_address},
    {SYS_getrandom, SystemCallKind::random},
    {SYS_clone, SystemCallKind::clone},
    {SYS_clone3, SystemCallKind::clone3},
    {trap::kCheck, SystemCallKind::check},
    {trap::kChoose, SystemCallKind::choice},
    {trap::kAssert, SystemCallKind::assertion},
    {SYS_brk, SystemCallKind::mapping},
    {SYS_mmap, SystemCallKind::mapping},
    {SYS_munmap, SystemCallKind::mapping},
    {SYS_mremap, SystemCallKind::mapping},
    {SYS_mprotect, SystemCallKind::mapping},
    {SYS_pkey_mprotect, SystemCallKind::mapping},
    {SYS_madvise, SystemCallKind::advice},
    {SYS_timer_create, SystemCallKind::timer},
    {SYS_timer_delete, SystemCallKind::timer},
    {kSealMemory, SystemCallKind::mapping},
    {SYS_remap_file_pages, SystemCallKind::mapping},
    {SYS_shmat, SystemCallKind::mapping},
    {SYS_shmdt, SystemCallKind::mapping},
    {SYS_userfaultfd, SystemCallKind::mapping},
    {SYS_io_uring_setup, SystemCallKind::mapping},
    {SYS_execve, SystemCallKind::exec},
    {SYS_execveat, SystemCallKind::exec},
    {SYS_splice, SystemCallKind::transfer},
    {SYS_tee, SystemCallKind::transfer},
    {SYS_sendfile, SystemCallKind::transfer},
    {SYS_copy_file_range, SystemCallKind::transfer},
    {SYS_io_submit, SystemCallKind::transfer},
    {SYS_io_uring_enter, SystemCallKind::transfer},
    {SYS_prctl, SystemCallKind::mapping},  // it moves the program's break, names mappings, and adds filters
    {SYS_seccomp, SystemCallKind::filter},
};

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

// The x32 interface numbers its calls from here on; only x86-64 has it.
#if defined(__x86_64__)
constexpr int64_t kFirstX32 = 0x4000'0000, kX32Calls = kMostSystemCalls;
#else
constexpr int64_t kFirstX32 = 0x4000'0000, kX32Calls = 0;
#endif

// What becomes of a call.
enum class Answer : uint8_t { allow, stop, stop_if_untraced, not_implemented };

// Calls from this number up to that of the next segment.
struct Segment {
  uint32_t first;
  Answer answer;
};

class SegmentList {
 public:
  // In rising order. False when there is no memory.
  bool add(int64_t first, Answer answer) {
    if (!segments_.empty() && segments_[segments_.size() - 1].answer == answer) return true;
    return segments_.append({static_cast<uint32_t>(first), answer});
  }
  std::span<const Segment> all() const { return {segments_.data(), segments_.size()}; }

 private:
  GrowingArray<Segment> segments_;
};

// Those that we must see, beyond the numbers that a SystemCallSet has.
bool add_distant(SegmentList* list) {
  int64_t distant[std::size(kSeen)];
  size_t count = 0;
  for (const auto& seen : kSeen) {
    if (seen.number >= static_cast<int64_t>(kMostSystemCalls)) distant[count++] = seen.number;
  }
  std::sort(distant, distant + count);
  for (size_t i = 0; i < count; ++i) {
    if (!list->add(distant[i], Answer::stop)) return false;
    const bool has_neighbour = i + 1 < count && distant[i + 1] == distant[i] + 1;
    if (!has_neighbour && !list->add(distant[i] + 1, Answer::allow)) return false;
  }
  return true;
}

Answer answer_of(const SystemCallSet& further, size_t number) {
  if (number == SYS_clone3) return Answer::not_implemented;
  if (number == SYS_clone && !further[number]) return Answer::stop_if_untraced;
  return is_filtered(further, static_cast<int64_t>(number)) ? Answer::stop : Answer::allow;
}

bool add_all(const SystemCallSet& further, SegmentList* list) {
  for (size_t i = 0; i < kMostSystemCalls; ++i) {
    if (!list->add(static_cast<int64_t>(i), answer_of(further, i))) return false;
  }
  if (!list->add(kMostSystemCalls, Answer::allow)) return false;
  if (kX32Calls > 0 && !(list->add(kFirstX32, Answer::stop) && list->add(kFirstX32 + kX32Calls, Answer::allow))) {
    return false;
  }
  return add_distant(list);
}

// The flags of clone are its first argument; of its two halves, the lower one comes first.
bool append_answer(Answer answer, GrowingArray<sock_filter>* code) {
  const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_filter stop = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  const sock_filter stop_if_untraced[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_UNTRACED, 0, 1),
      stop,
      allow,
  };
  switch (answer) {
    case Answer::allow:
      return code->append(allow);
    case Answer::stop:
      return code->append(stop);
    case Answer::stop_if_untraced:
      return code->append(std::span(stop_if_untraced));
    case Answer::not_implemented:
      return code->append(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  }
  return false;
}

// Code that finds the segment of the number in the accumulator, by bisection. A conditional jump reaches 255
// instructions; beyond that it takes a second jump. False when there is no memory.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the logarithm of the number of segments
bool append_search(std::span<const Segment> segments, GrowingArray<sock_filter>* code) {
  if (segments.size() == 1) return append_answer(segments[0].answer, code);
  // One segment, that of clone, has three more.
  constexpr size_t kMostPerSegment = 3, kReach = 255 - 3;
  const size_t middle = segments.size() / 2;
  const bool is_far = middle * kMostPerSegment > kReach;
  const size_t test = code->size();
  if (!code->append(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, segments[middle].first, 0, static_cast<uint8_t>(is_far)))) {
    return false;
  }
  if (is_far && !code->append(BPF_STMT(BPF_JMP | BPF_JA, 0))) return false;
  const size_t lower = code->size();
  if (!append_search(segments.first(middle), code)) return false;
  const size_t distance = code->size() - lower;
  if (is_far) {
    (*code)[lower - 1].k = static_cast<uint32_t>(distance);
  } else {
    (*code)[test].jt = static_cast<uint8_t>(distance);
  }
  return append_search(segments.subspan(middle), code);
}

}  // namespace

SystemCallKind kind_of_call(int64_t number) {
  for (const auto& seen : kSeen) {
    if (seen.number == number) return seen.kind;
  }
  return changes_descriptors(number) ? SystemCallKind::descriptors : SystemCallKind::other;
}

bool is_x32_call(int64_t number) {
  return number >= kFirstX32 && number < kFirstX32 + kX32Calls;
}

uint32_t our_interface() {
  return kArchitecture;
}

bool is_filtered(const SystemCallSet& further, int64_t number) {
  if (number == SYS_clone3) return false;
  if (is_x32_call(number)) return true;
  if (kind_of_call(number) != SystemCallKind::other) return true;
  return number >= 0 && number < static_cast<int64_t>(kMostSystemCalls) && further[static_cast<size_t>(number)];
}

Status SystemCallFilter::make(const SystemCallSet& further, SystemCallFilter* filter) {
  const sock_filter head[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  SegmentList segments;
  GrowingArray<sock_filter> program;
  if (!add_all(further, &segments) || !program.append(std::span(head)) || !append_search(segments.all(), &program)) {
    return Status::no_memory(kMostSystemCalls * sizeof(sock_filter));
  }
  PS_ASSERT(program.size() <= BPF_MAXINSNS);
  filter->program_ = std::move(program);
  return Status::ok();
}

int SystemCallFilter::install() const {
  const sock_fprog program{static_cast<unsigned short>(program_.size()), const_cast<sock_filter*>(program_.data())};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : errno;
}

}  // namespace pagestore
