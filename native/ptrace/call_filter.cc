#include "ptrace/call_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

#include "ptrace/trap.h"

namespace pagestore {

namespace {

constexpr struct {
  int64_t number;
  CallKind kind;
} kSeen[] = {
    {SYS_exit_group, CallKind::end_of_process},
    {SYS_exit, CallKind::end_of_thread},
    {SYS_set_tid_address, CallKind::id_address},
    {SYS_getrandom, CallKind::random},
    {trap::kCheck, CallKind::check},
    {trap::kChoose, CallKind::choice},
    {trap::kAssert, CallKind::assertion},
    {SYS_brk, CallKind::mapping},
    {SYS_mmap, CallKind::mapping},
    {SYS_munmap, CallKind::mapping},
    {SYS_mremap, CallKind::mapping},
    {SYS_mprotect, CallKind::mapping},
    {SYS_pkey_mprotect, CallKind::mapping},
    {SYS_madvise, CallKind::advice},
    {SYS_remap_file_pages, CallKind::mapping},
    {SYS_shmat, CallKind::mapping},
    {SYS_shmdt, CallKind::mapping},
    {SYS_userfaultfd, CallKind::mapping},
    {SYS_io_uring_setup, CallKind::mapping},
    {SYS_prctl, CallKind::mapping},  // it moves the break, and names mappings
};

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

}  // namespace

CallKind kind_of_call(int64_t number) {
  for (const auto& seen : kSeen) {
    if (seen.number == number) return seen.kind;
  }
  return CallKind::other;
}

int install_call_filter() {
  constexpr size_t kCount = std::size(kSeen), kHead = 3;
  sock_filter filter[kHead + kCount + 2] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, kCount + 1),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (size_t i = 0; i < kCount; ++i) {
    filter[kHead + i] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(kSeen[i].number),
                                 static_cast<uint8_t>(kCount - i), 0);
  }
  filter[kHead + kCount] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[kHead + kCount + 1] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 0 : errno;
}

}  // namespace pagestore
