#include "ptrace/monitored_calls.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "ptrace/descriptor_calls.h"
#include "ptrace/system_call_filter.h"

namespace pagestore {

namespace {

constexpr struct {
  int64_t number;
  FileUse use;
} kUses[] = {
    {SYS_read, FileUse::reads},
    {SYS_readv, FileUse::reads},
    {SYS_pread64, FileUse::reads},
    {SYS_preadv, FileUse::reads},
    {SYS_preadv2, FileUse::reads},
    {SYS_recvfrom, FileUse::reads},
    {SYS_recvmsg, FileUse::reads},
    {SYS_recvmmsg, FileUse::reads},
    {SYS_write, FileUse::writes_at_offset},
    {SYS_writev, FileUse::writes_at_offset},
    {SYS_pwrite64, FileUse::writes_elsewhere},
    {SYS_pwritev, FileUse::writes_elsewhere},
    {SYS_pwritev2, FileUse::writes_elsewhere},
    {SYS_ftruncate, FileUse::writes_elsewhere},
    {SYS_fallocate, FileUse::writes_elsewhere},
    {SYS_lseek, FileUse::seeks},
    {SYS_sendto, FileUse::acts},
    {SYS_sendmsg, FileUse::acts},
    {SYS_sendmmsg, FileUse::acts},
    {SYS_vmsplice, FileUse::acts},
    {SYS_accept, FileUse::acts},
    {SYS_accept4, FileUse::acts},
    {SYS_connect, FileUse::acts},
    {SYS_bind, FileUse::acts},
    {SYS_listen, FileUse::acts},
    {SYS_shutdown, FileUse::acts},
    {SYS_setsockopt, FileUse::acts},
    {SYS_getsockopt, FileUse::acts},
    {SYS_timerfd_settime, FileUse::acts},
    {SYS_mq_timedsend, FileUse::acts},
    {SYS_mq_timedreceive, FileUse::acts},
    {SYS_mq_notify, FileUse::acts},
    {SYS_epoll_pwait, FileUse::waits},
    {kEpollPwait2, FileUse::waits},
#if defined(__x86_64__)
    {SYS_epoll_wait, FileUse::waits},
#endif
};

// Where a seek leads, at least. What lies at or behind the end is behind everything that a snapshot has. The kernel
// reads 32 bits of `whence`; what looks for data or holes goes from an offset on.
std::optional<uint64_t> lowest_after_seek(const SystemCall& call) {
  const auto offset = static_cast<int64_t>(call.arguments[1]);
  const auto whence = static_cast<uint32_t>(call.arguments[2]);
  if (whence != SEEK_CUR && whence != SEEK_END) return static_cast<uint64_t>(offset);
  if (offset >= 0) return std::nullopt;
  return 0;
}

class Program {
 public:
  explicit Program(GrowingArray<std::byte>* bytes) : bytes_(bytes) {}

  bool add(const sock_filter& code) { return bytes_->append(std::as_bytes(std::span(&code, 1))); }
  bool load(size_t offset) { return add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset))); }
  bool answer(uint32_t answer) { return add(BPF_STMT(BPF_RET | BPF_K, answer)); }
  bool jump_if(uint32_t value, size_t then, size_t otherwise) {
    return add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, static_cast<uint8_t>(then), static_cast<uint8_t>(otherwise)));
  }
  bool jump(size_t distance) { return add(BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(distance))); }

 private:
  GrowingArray<std::byte>* bytes_;
};

// One block for each use: past it where the call is another one; else an answer by its descriptor. The call comes
// first, so that the kernel can keep the answer for all calls that are none of these.
bool add_use(std::span<const MonitorRequest> requests, FileUse use, Program* program) {
  const auto is_asked = [use](const MonitorRequest& each) { return (each.uses & bit_of(use)) != 0; };
  const auto is_used = [use](const auto& each) { return each.use == use; };
  const auto count = static_cast<size_t>(std::count_if(requests.begin(), requests.end(), is_asked));
  auto left = static_cast<size_t>(std::count_if(std::begin(kUses), std::end(kUses), is_used));
  if (count == 0) return true;
  bool is_done = program->load(offsetof(seccomp_data, nr));
  for (const auto& each : kUses) {
    if (is_used(each)) is_done = is_done && program->jump_if(static_cast<uint32_t>(each.number), left--, 0);
  }
  is_done = is_done && program->jump(2 * count + 2) && program->load(offsetof(seccomp_data, args));
  for (const MonitorRequest& request : requests) {
    if (!is_asked(request)) continue;
    is_done =
        is_done && program->jump_if(static_cast<uint32_t>(request.number), 0, 1) && program->answer(SECCOMP_RET_TRACE);
  }
  return is_done && program->answer(SECCOMP_RET_ALLOW);
}

// Whether fallocate changes what is there, or only makes room: of the modes, keeping the size and not sharing blocks.
constexpr bool changes_bytes(uint32_t mode) {
  return (mode & ~0x41u) != 0;
}

// Of the flags of pwritev2: it writes at the end, or at the offset although the open file is in append mode.
constexpr uint32_t kAppends = 0x10, kDoesNotAppend = 0x20;

}  // namespace

FileUse use_of(int64_t number) {
  for (const auto& each : kUses) {
    if (each.number == number) return each.use;
  }
  return FileUse::none;
}

uint32_t seen_uses(Monitoring monitoring) {
  uint32_t uses = 0;
  for (const FileUse use : kFileUses) {
    if (is_seen(monitoring, use)) uses |= bit_of(use);
  }
  return uses;
}

std::optional<uint64_t> lowest_byte(const SystemCall& call) {
  switch (call.number) {
    case SYS_lseek:
      return lowest_after_seek(call);
    case SYS_pwrite64:
    case SYS_pwritev:
    case SYS_pwritev2:
      return call.arguments[3];
    case SYS_ftruncate:
      return call.arguments[1];
    case SYS_fallocate:
      return changes_bytes(static_cast<uint32_t>(call.arguments[1])) ? std::optional(call.arguments[2]) : std::nullopt;
    default:
      return 0;
  }
}

uint64_t end_of_change(const SystemCall& call, uint64_t low) {
  constexpr uint32_t kPunches = 0x03, kZeroes = 0x11;  // with the file's size kept
  const auto mode = static_cast<uint32_t>(call.arguments[1]);
  switch (call.number) {
    case SYS_write:
    case SYS_pwrite64:
      return as_far_as_it_goes(low, call.arguments[2]).end;
    case SYS_fallocate:
      return mode == kPunches || mode == kZeroes ? as_far_as_it_goes(low, call.arguments[3]).end : UINT64_MAX;
    default:
      return UINT64_MAX;
  }
}

WriteTarget target_of_write(const SystemCall& call) {
  switch (call.number) {
    case SYS_pwrite64:
    case SYS_pwritev:
      return WriteTarget::at_end_if_appending;
    case SYS_pwritev2: {
      const auto flags = static_cast<uint32_t>(call.arguments[5]);
      if ((flags & kAppends) != 0) return WriteTarget::at_end;
      if (static_cast<int64_t>(call.arguments[3]) == -1) return WriteTarget::at_offset;
      return (flags & kDoesNotAppend) != 0 ? WriteTarget::as_said : WriteTarget::at_end_if_appending;
    }
    default:
      return WriteTarget::as_said;
  }
}

bool make_monitor_filter(std::span<const MonitorRequest> requests, GrowingArray<std::byte>* bytes) {
  PS_ASSERT(requests.size() <= kMostMonitorRequests);
  Program program(bytes);
  bool is_done = program.load(offsetof(seccomp_data, arch)) && program.jump_if(our_interface(), 1, 0) &&
                 program.answer(SECCOMP_RET_ALLOW);
  for (const FileUse use : kFileUses) is_done = is_done && add_use(requests, use, &program);
  return is_done && program.answer(SECCOMP_RET_ALLOW);
}

}  // namespace pagestore
