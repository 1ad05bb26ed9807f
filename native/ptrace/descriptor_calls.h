// System calls that open, close or change descriptors, or the names of files: after one of them the list is read again.
//
// The first part is everywhere; the second has the kernel's numbers, as older headers do not know the names; the third
// is of processors that had Linux before these calls got new forms.
#pragma once

#include <sys/syscall.h>

#include <cstdint>

namespace pagestore {

inline constexpr int64_t kOpenat2 = 437, kPidfdGetfd = 438, kEpollPwait2 = 441;

inline constexpr int64_t kDescriptorCalls[] = {
    SYS_openat,
    SYS_open_by_handle_at,
    SYS_close,
    SYS_close_range,
    SYS_unshare,
    SYS_dup,
    SYS_dup3,
    SYS_fcntl,
    SYS_ioctl,
    SYS_flock,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_mkdirat,
    SYS_mknodat,
    SYS_truncate,
    SYS_pipe2,
    SYS_socket,
    SYS_socketpair,
    SYS_accept,
    SYS_accept4,
    SYS_recvmsg,
    SYS_recvmmsg,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_signalfd4,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    SYS_fanotify_init,
    SYS_memfd_create,
    SYS_mq_open,
    SYS_perf_event_open,
    SYS_bpf,
    SYS_seccomp,
    // pidfd_getfd, open_tree, fsopen, fsmount, fspick, pidfd_open, openat2, landlock_create_ruleset, memfd_secret
    kPidfdGetfd,
    428,
    430,
    432,
    433,
    434,
    kOpenat2,
    444,
    447,
#if defined(__x86_64__)
    SYS_open,
    SYS_creat,
    SYS_unlink,
    SYS_rename,
    SYS_renameat,
    SYS_link,
    SYS_symlink,
    SYS_mkdir,
    SYS_mknod,
    SYS_rmdir,
    SYS_dup2,
    SYS_pipe,
    SYS_epoll_create,
    SYS_eventfd,
    SYS_signalfd,
    SYS_inotify_init,
#endif
};

constexpr bool changes_descriptors(int64_t number) {
  for (const int64_t each : kDescriptorCalls) {
    if (each == number) return true;
  }
  return false;
}

}  // namespace pagestore
