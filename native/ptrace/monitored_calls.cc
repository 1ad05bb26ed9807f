#include "ptrace/monitored_calls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <iterator>

namespace pagestore {

namespace {

constexpr struct {
  int64_t number;
  FileUse use;
} kUses[] = {
    {SYS_read, FileUse::moves_bytes},           {SYS_readv, FileUse::moves_bytes},
    {SYS_preadv2, FileUse::moves_bytes},        {SYS_recvfrom, FileUse::moves_bytes},
    {SYS_recvmsg, FileUse::moves_bytes},        {SYS_recvmmsg, FileUse::moves_bytes},
    {SYS_sendto, FileUse::moves_bytes},         {SYS_sendmsg, FileUse::moves_bytes},
    {SYS_sendmmsg, FileUse::moves_bytes},       {SYS_accept, FileUse::moves_bytes},
    {SYS_accept4, FileUse::moves_bytes},        {SYS_connect, FileUse::moves_bytes},
    {SYS_bind, FileUse::moves_bytes},           {SYS_listen, FileUse::moves_bytes},
    {SYS_shutdown, FileUse::moves_bytes},       {SYS_setsockopt, FileUse::moves_bytes},
    {SYS_vmsplice, FileUse::moves_bytes},       {SYS_timerfd_settime, FileUse::moves_bytes},
    {SYS_write, FileUse::writes_at_offset},     {SYS_writev, FileUse::writes_at_offset},
    {SYS_pwrite64, FileUse::writes_elsewhere},  {SYS_pwritev, FileUse::writes_elsewhere},
    {SYS_pwritev2, FileUse::writes_elsewhere},  {SYS_ftruncate, FileUse::writes_elsewhere},
    {SYS_fallocate, FileUse::writes_elsewhere}, {SYS_lseek, FileUse::seeks},
};

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

// Where a seek leads, at least. What lies at or behind the end is behind everything that a snapshot has.
std::optional<uint64_t> lowest_after_seek(const SystemCall& call) {
  const auto offset = static_cast<int64_t>(call.arguments[1]);
  if (call.arguments[2] == SEEK_SET) return static_cast<uint64_t>(offset);
  if (offset >= 0) return std::nullopt;
  return 0;
}

}  // namespace

FileUse use_of(int64_t number) {
  for (const auto& each : kUses) {
    if (each.number == number) return each.use;
  }
  return FileUse::none;
}

std::optional<uint64_t> lowest_byte(const SystemCall& call) {
  switch (call.number) {
    case SYS_lseek:
      return lowest_after_seek(call);
    case SYS_pwrite64:
    case SYS_pwritev:
      return call.arguments[3];
    case SYS_ftruncate:
      return call.arguments[1];
    case SYS_fallocate:
      return call.arguments[2];
    default:
      return 0;
  }
}

bool make_monitor_filter(std::span<const MonitorRequest> requests, GrowingArray<std::byte>* program) {
  const auto add = [program](const sock_filter& code) { return program->append(std::as_bytes(std::span(&code, 1))); };
  constexpr sock_filter kAllow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  constexpr sock_filter kStop = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  bool is_done = add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch))) &&
                 add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0)) && add(kAllow);
  // For each call, a block that ends the program if the call is this one.
  for (const auto& each : kUses) {
    size_t count = 0;
    for (const MonitorRequest& request : requests) count += is_seen(request.monitoring, each.use) ? 1 : 0;
    if (count == 0) continue;
    const auto length = static_cast<uint8_t>(1 + 2 * count + 1);
    is_done = is_done && add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))) &&
              add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(each.number), 0, length)) &&
              add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)));
    for (const MonitorRequest& request : requests) {
      if (!is_seen(request.monitoring, each.use)) continue;
      const auto number = static_cast<uint32_t>(request.number);
      is_done = is_done && add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1)) && add(kStop);
    }
    is_done = is_done && add(kAllow);
  }
  return is_done && add(kAllow);
}

}  // namespace pagestore
