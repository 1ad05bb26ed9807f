#include "ptrace/system_call_filter.h"

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
  SystemCallKind kind;
} kSeen[] = {
    {SYS_exit_group, SystemCallKind::process_exit},
    {SYS_exit, SystemCallKind::thread_exit},
    {SYS_set_tid_address, SystemCallKind::id_address},
    {SYS_getrandom, SystemCallKind::random},
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
    {SYS_remap_file_pages, SystemCallKind::mapping},
    {SYS_shmat, SystemCallKind::mapping},
    {SYS_shmdt, SystemCallKind::mapping},
    {SYS_userfaultfd, SystemCallKind::mapping},
    {SYS_io_uring_setup, SystemCallKind::mapping},
    {SYS_prctl, SystemCallKind::mapping},  // it moves the program's break, and names mappings
};

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

}  // namespace

SystemCallKind kind_of_call(int64_t number) {
  for (const auto& seen : kSeen) {
    if (seen.number == number) return seen.kind;
  }
  return SystemCallKind::other;
}

int install_system_call_filter() {
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
