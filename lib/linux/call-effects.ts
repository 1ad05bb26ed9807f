/** What system calls leave behind that no rollback makes undone, in words for a reader who wants to trust a verdict. */

interface Row {
  effect: string
  calls: string
}

const rows: readonly Row[] = [
  {
    effect: 'what a timer is set to is not rolled back: its signal may come on another path, twice, or never',
    calls: 'setitimer alarm timer_settime timerfd_settime',
  },
  {
    effect:
      'a timer that it makes has another number on each path, and may be there on another one before Linux 6.15; what it is set to is not rolled back',
    calls: 'timer_create',
  },
  {
    effect:
      'a timer that is deleted is put back, but not what it was set to; before Linux 6.15 other paths run without it',
    calls: 'timer_delete',
  },
  {
    effect:
      'when a file was changed, in real time, is not rolled back, nor are its blocks, nor a mode that a write takes away: other paths find what this one left, and what another time leads to is not explored',
    calls: 'stat lstat fstat newfstatat statx',
  },
  {
    effect: 'a handler that returns with another alternate stack changes it, which is not rolled back',
    calls: 'rt_sigreturn',
  },
  {
    effect: 'a changed handler is not rolled back: other paths run with it',
    calls: 'rt_sigaction sigaltstack signalfd signalfd4',
  },
  {
    effect: 'a signal that waits is not rolled back: another path may get it',
    calls: 'kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal',
  },
  {
    effect: 'open files and their offsets are not rolled back: other paths go on where this one left them',
    calls: `open openat openat2 close close_range dup dup2 dup3 fcntl ioctl read readv lseek getdents getdents64
      memfd_create flock pidfd_open pidfd_getfd open_by_handle_at`,
  },
  {
    effect: 'what is written stays, and so does the offset: other paths find it there',
    calls: `write writev pwrite64 pwritev pwritev2 ftruncate truncate fallocate sendfile splice tee vmsplice
      copy_file_range creat mmap mprotect`,
  },
  {
    effect: 'protection keys of memory are not rolled back, nor is what is written to a file: other paths find both',
    calls: 'pkey_mprotect',
  },
  {
    effect: 'what it does to files and directories stays: other paths find them changed',
    calls: `mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat chmod
      fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr
      setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr mount umount2 pivot_root`,
  },
  {
    effect: 'what goes through a pipe, a socket or a queue is gone: other paths do not find it, or find it twice',
    calls: `pipe pipe2 socket socketpair bind listen connect accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg
      shutdown setsockopt eventfd eventfd2 msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive
      mq_notify mq_getsetattr`,
  },
  {
    effect: 'semaphores and shared memory with a key are not rolled back: other paths find them as this one left them',
    calls: 'semget semop semtimedop semctl shmget shmat shmdt shmctl',
  },
  {
    effect: 'what is waited for is not rolled back: other paths wait for what this one asked for',
    calls: `epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 timerfd_create inotify_init inotify_init1
      inotify_add_watch inotify_rm_watch fanotify_init fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents
      io_pgetevents io_uring_setup io_uring_enter io_uring_register`,
  },
  {
    effect: 'what the process may do, or is, is not rolled back: other paths run with it',
    calls: `umask chdir fchdir chroot setrlimit prlimit64 prctl arch_prctl personality setuid setgid setreuid setregid
      setresuid setresgid setfsuid setfsgid setgroups setpgid setsid capset setpriority ioprio_set seccomp unshare setns
      landlock_create_ruleset landlock_add_rule landlock_restrict_self sched_setaffinity sched_setattr sched_setparam
      sched_setscheduler set_robust_list set_tid_address rseq mlock mlock2 munlock mlockall munlockall mbind set_mempolicy
      set_mempolicy_home_node membarrier modify_ldt iopl ioperm pkey_alloc pkey_free map_shadow_stack`,
  },
  {
    effect: 'which pages exist is not rolled back: one of zeroes may be there on one path and not on another',
    calls: 'mincore cachestat',
  },
  {
    effect: 'the time, and what is used or free, is another each time: what another leads to is not explored',
    calls: 'clock_gettime gettimeofday time times getrusage sysinfo ustat statfs fstatfs',
  },
  {
    effect: 'the order in which the kernel has things is another each time: what another leads to is not explored',
    calls: 'kcmp',
  },
  {
    effect: 'random bytes are others each time: what other ones lead to is not explored',
    calls: 'getrandom',
  },
  {
    effect: 'other processes are not rolled back',
    calls: 'wait4 waitid ptrace process_vm_readv process_vm_writev process_madvise process_mrelease',
  },
]

// The same where descriptors and what is in files roll back: what is left then.
const rowsOfDescriptors: readonly Row[] = [
  {
    effect:
      'names of files are not rolled back, nor is what a device, the kernel or the time gives: a file that it makes stays, as an empty one',
    calls: 'open openat openat2 creat open_by_handle_at',
  },
  {
    effect: 'which parts of a file are holes is not rolled back: other paths find them as this one left them',
    calls: 'lseek',
  },
  {
    effect: 'the blocks that it reserves are not given back: other paths find them',
    calls: 'fallocate',
  },
  {
    effect: 'what it cuts is not put back where the program has other files than we by the same paths',
    calls: 'truncate',
  },
]

function byName(all: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(all.flatMap(({ effect, calls }) => calls.split(/\s+/).map((name) => [name, effect] as const)))
}
const effects = byName(rows)
const effectsOfDescriptors = byName(rowsOfDescriptors)

/**
 * What a call leaves behind.
 *
 * @param descriptors whether snapshots have open files, and what is in them
 */
export function effectOf(name: string, descriptors = false): string {
  const effect = (descriptors ? effectsOfDescriptors.get(name) : undefined) ?? effects.get(name)
  return effect ?? 'what it changes is not rolled back: other paths may find it'
}

/** All names in the table, for tests. */
export function callsWithEffects(): string[] {
  return [...effects.keys(), ...effectsOfDescriptors.keys()]
}
