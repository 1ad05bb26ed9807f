/**
 * Which system calls a rollback makes undone, or leaves nothing to undo: the table behind the explorer's warnings.
 *
 * It names what is harmless and why, never what is dangerous: a call that is in no row here counts as one that reaches
 * outside. Some calls are harmless with some arguments only; `sometimes` looks at those.
 */

import type { FileKind } from './file-kinds.js'

/** A call that a thread is about to make. */
export interface CallMade {
  readonly args: readonly bigint[]
  /** The process that makes it. */
  readonly pid: number
  /** What a descriptor of the process is open on, as `/proc/PID/fd` says it; empty for one that is not open. */
  pathOf(fd: bigint): string
  /** Whether the process sees the same files by the same paths as this one. */
  readonly hasOurFiles: boolean
  /** Whether a descriptor is open on a file that is memory alone, which snapshots have where it is mapped. */
  isMemory(fd: bigint): boolean
  /**
   * What the path at an address of the process leads to.
   * @param directory the descriptor of a folder from which it goes where it is relative
   */
  kindAt(address: bigint, directory?: bigint): FileKind
  /** Whether one of these addresses belongs to a file that is mapped shared and is no memory. */
  sharesFile(address: bigint, length: bigint): boolean
  /** Whether an address is 0, or that of an empty path. */
  isEmptyAt(address: bigint): boolean
  /** Whether nobody has changed a file since the program was started, so that what is known of it is the same on all paths. */
  isUnchanged(file: AskedFile): boolean
  /** Whether the C library makes the call for itself: of a file's status it uses what rolls back, and no times. */
  isOfLibrary(): boolean
  /** Whether a return from a signal handler leaves the thread the alternate signal stack that it has. */
  keepsStack(): boolean
}

/** The file that a call asks about, by what its arguments say. */
export interface AskedFile {
  /** The address of its path; 0 for the file that the descriptor is open on. */
  path: bigint
  /** A descriptor, of the folder from which a path goes; undefined for the working directory. */
  fd?: bigint | undefined
  /** Whether a link at the path's end leads on. */
  throughLinks: boolean
}

interface Row {
  reason: string
  calls: string
}

interface Sometimes {
  reason: string
  isHarmless(call: CallMade): boolean
}

const always: readonly Row[] = [
  {
    reason: 'it reads what the kernel knows of the process, and changes nothing',
    calls: `getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid
      getpriority getrlimit getcpu getcwd capget get_robust_list get_mempolicy getitimer timer_gettime
      timer_getoverrun timerfd_gettime sched_getaffinity sched_getattr sched_getparam sched_getscheduler
      sched_get_priority_max sched_get_priority_min sched_rr_get_interval ioprio_get rt_sigpending
      lsm_get_self_attr lsm_list_modules`,
  },
  {
    reason: 'it reads what the system is, and changes nothing',
    calls: `uname statmount listmount listns clock_getres`,
  },
  {
    reason: 'it reads what a file or socket is, and changes nothing',
    calls: `access faccessat faccessat2 readlink readlinkat getsockname getpeername name_to_handle_at
      pread64 preadv preadv2`,
  },
  {
    reason: 'it writes out, or reads ahead, what the kernel has in memory: nobody sees a difference',
    calls: `fsync fdatasync sync syncfs sync_file_range msync readahead fadvise64`,
  },
  {
    reason: 'what it changes are mappings, which roll back or are refused',
    calls: `brk munmap mremap remap_file_pages mseal`,
  },
  {
    reason: 'what it changes is in memory and registers, which roll back, as do blocked signals',
    calls: `rt_sigprocmask futex_waitv futex_wake futex_wait futex_requeue`,
  },
  {
    reason: 'it waits, and changes nothing that stays',
    calls: `nanosleep clock_nanosleep sched_yield pause poll ppoll select pselect6 restart_syscall rt_sigsuspend
      rt_sigtimedwait`,
  },
  {
    reason: 'the explorer sees it, and says what becomes of it',
    calls: `exit exit_group clone clone3 fork vfork execve execveat`,
  },
]

// What rolls back where descriptors do.
const ofDescriptors: Row = {
  reason: 'what it changes are descriptors, offsets and what files have, which roll back or are refused',
  calls: `read readv write writev pwrite64 pwritev pwritev2 close close_range dup dup2 dup3 pipe pipe2 eventfd
    eventfd2 epoll_create epoll_create1 timerfd_create inotify_init inotify_init1 memfd_create socketpair socket pidfd_open
    getdents getdents64 ftruncate`,
}

// What rolls back where a program has a clock of its own.
const ofClock: Row = {
  reason: 'it reads the clock that we keep, or sets the timer that goes by it: both roll back',
  calls: 'alarm clock_gettime gettimeofday time times getrusage sysinfo',
}

// The kind of a mapping is a number; the third says that unknown flags are refused.
const kindOfMapping = 0xfn
const [shared, private_, sharedValidate] = [1n, 2n, 3n]
const anonymous = 0x20n
const writable = 0x2n

const ofOldFile = 'it reads what a file is that nobody has changed since the program was started'
// AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
const [emptyPath, keepsLinks] = [0x1000n, 0x100n]

// What a write takes away is among it: modes, capabilities and other attributes.
const asksOfPath = { reason: ofOldFile, isHarmless: asks(true) }
const asksOfLink = { reason: ofOldFile, isHarmless: asks(false) }
const asksOfDescriptor: Sometimes = {
  reason: ofOldFile,
  isHarmless: ({ args: [fd = 0n], isUnchanged }) => isUnchanged({ path: 0n, fd, throughLinks: true }),
}

const sometimes: Readonly<Record<string, Sometimes>> = {
  mmap: {
    reason: 'private memory rolls back, and so does shared memory that no file on a disk lies behind',
    isHarmless: ({ args: [, , protection = 0n, flags = 0n, fd = 0n], isMemory }) => {
      const kind = flags & kindOfMapping
      if (kind === private_) return true
      if (kind !== shared && kind !== sharedValidate) return false
      return (flags & anonymous) !== 0n || (protection & writable) === 0n || isMemory(fd)
    },
  },
  mprotect: { reason: 'what may be written then rolls back', isHarmless: isOfNoFile },
  pkey_mprotect: {
    reason: 'without a key it is mprotect; a key does not roll back',
    isHarmless: (call) => isOneOf(call.args[3] ?? 0n, [0xffffffff]) && isOfNoFile(call),
  },
  madvise: {
    reason: 'it drops pages or makes them guards, which roll back, or is advice that changes nothing a program sees',
    isHarmless: ({ args: [, , advice = 0n] }) =>
      advice <= 4n || advice === 8n || (advice >= 10n && advice <= 25n) || isOneOf(advice, [102, 103]),
  },
  stat: asksOfPath,
  lstat: asksOfLink,
  getxattr: asksOfPath,
  lgetxattr: asksOfLink,
  listxattr: asksOfPath,
  llistxattr: asksOfLink,
  fgetxattr: asksOfDescriptor,
  flistxattr: asksOfDescriptor,
  getxattrat: { reason: ofOldFile, isHarmless: asksWithFlags(2) },
  listxattrat: { reason: ofOldFile, isHarmless: asksWithFlags(2) },
  file_getattr: { reason: ofOldFile, isHarmless: asksWithFlags(4) },
  newfstatat: { reason: ofOldFile, isHarmless: asksWithFlags(3) },
  statx: { reason: ofOldFile, isHarmless: asksWithFlags(2) },
  fstat: {
    reason: ofOldFile,
    isHarmless: (call) => asksOfDescriptor.isHarmless(call) || call.isOfLibrary(),
  },
  rt_sigreturn: {
    reason: 'registers and blocked signals roll back; the stack for signals stays what it was',
    isHarmless: ({ keepsStack }) => keepsStack(),
  },
  write: { reason: 'the output goes to /dev/null', isHarmless: isDropped },
  writev: { reason: 'the output goes to /dev/null', isHarmless: isDropped },
  futex: {
    reason: 'a futex is a word in memory, which rolls back; one with an owner in the kernel is more',
    isHarmless: ({ args: [, operation = 0n] }) => isOneOf(operation & 0x7fn, [0, 1, 3, 4, 5, 9, 10]),
  },
  fcntl: {
    reason: 'it reads flags, locks, owners, sizes or seals',
    isHarmless: ({ args: [, command = 0n] }) =>
      isOneOf(command, [1, 3, 5, 9, 11, 16, 36, 1025, 1032, 1034, 1035, 1037]),
  },
  ioctl: {
    reason: 'it reads what a terminal is, or how many bytes there are to read',
    isHarmless: ({ args: [, request = 0n] }) =>
      isOneOf(request, [0x5401, 0x802c542a, 0x5413, 0x540f, 0x5429, 0x5411, 0x541b]),
  },
  prctl: {
    reason: 'it names mappings, or reads',
    isHarmless: ({ args: [option = 0n, first = 0n] }) =>
      isOneOf(
        option,
        [2, 3, 5, 7, 9, 11, 13, 16, 19, 21, 23, 25, 27, 30, 34, 37, 39, 40, 42, 46, 51, 52, 56, 58, 64],
      ) ||
      isOneOf(option, [0x53564d41, 0x41555856]) ||
      (option === 47n && first === 1n),
  },
  arch_prctl: {
    reason: 'it sets or reads segment registers, which roll back',
    isHarmless: ({ args: [code = 0n] }) => isOneOf(code, [0x1001, 0x1002, 0x1003, 0x1004, 0x1011, 0x5005]),
  },
  personality: {
    reason: 'it reads',
    isHarmless: ({ args: [persona = 0n] }) => (persona & 0xffffffffn) === 0xffffffffn,
  },
  membarrier: {
    reason: 'a barrier leaves nothing behind; registering for barriers does',
    isHarmless: ({ args: [command = 0n] }) => isOneOf(command, [0, 1, 2, 8, 32, 128]),
  },
  getsockopt: {
    reason: 'it reads; the error of a socket is gone once it was read',
    isHarmless: ({ args: [, level = 0n, option = 0n] }) => !(isOneOf(level, [1]) && isOneOf(option, [4])),
  },
  seccomp: { reason: 'it reads', isHarmless: ({ args: [operation = 0n] }) => isOneOf(operation, [2, 3]) },
  sigaltstack: { reason: 'it reads', isHarmless: isNull(0) },
  setitimer: { reason: 'it reads', isHarmless: isNull(1) },
  prlimit64: { reason: 'it reads', isHarmless: isNull(2) },
  mq_getsetattr: { reason: 'it reads', isHarmless: isNull(1) },
  process_vm_readv: {
    reason: 'its own memory rolls back',
    isHarmless: ({ args: [from], pid }) => from === BigInt(pid),
  },
  process_vm_writev: { reason: 'its own memory rolls back', isHarmless: ({ args: [to], pid }) => to === BigInt(pid) },
  msgctl: { reason: 'it reads', isHarmless: ({ args: [, command = 0n] }) => isOneOf(command, [2, 3, 11, 12, 13]) },
  shmctl: { reason: 'it reads', isHarmless: ({ args: [, command = 0n] }) => isOneOf(command, [2, 3, 13, 14, 15]) },
  semctl: {
    reason: 'it reads',
    isHarmless: ({ args: [, , command = 0n] }) => isOneOf(command, [2, 3, 11, 12, 13, 14, 15, 18, 19, 20]),
  },
}

const [createsFile, truncatesFile, unnamedFile] = [0o100n, 0o1000n, 0o20000000n]
const changesFile = createsFile | truncatesFile | unnamedFile
const accessMode = 3n
// SEEK_DATA, SEEK_HOLE; FALLOC_FL_KEEP_SIZE alone, which does nothing but reserve blocks.
const seeksData = [3, 4]
const keepsSize = 1

// The same for calls on descriptors. A file that is opened, changed and closed between two snapshots is in neither.
const opens: Sometimes['reason'] = 'it opens what is there, to read it'
const sometimesOfDescriptors: Readonly<Record<string, Sometimes>> = {
  open: { reason: opens, isHarmless: ({ args: [path = 0n, flags = 0n], kindAt }) => onlyReads(kindAt(path), flags) },
  openat: {
    reason: opens,
    isHarmless: ({ args: [directory, path = 0n, flags = 0n], kindAt }) => onlyReads(kindAt(path, directory), flags),
  },
  lseek: {
    reason: 'offsets roll back, but not which parts of a file are holes',
    isHarmless: ({ args: [fd = 0n, , whence = 0n], isUnchanged }) =>
      !isOneOf(whence, seeksData) || isUnchanged({ path: 0n, fd, throughLinks: true }),
  },
  fallocate: {
    reason: 'what a file has and how far it reaches roll back, and who asks for holes and blocks is named',
    isHarmless: ({ args: [, mode = 0n] }) => !isOneOf(mode, [keepsSize]),
  },
  truncate: {
    reason: 'what it cuts is put back or refused, where we can look it up as the program does',
    isHarmless: ({ hasOurFiles }) => hasOurFiles,
  },
  fcntl: {
    reason: 'it reads, or changes descriptors and their flags, which roll back',
    isHarmless: (call) => isOneOf(call.args[1] ?? 0n, [0, 2, 4, 1030]) || sometimes['fcntl']?.isHarmless(call) === true,
  },
  ioctl: {
    reason: 'it reads, or changes flags of descriptors, which roll back',
    isHarmless: (call) =>
      isOneOf(call.args[1] ?? 0n, [0x5421, 0x5450, 0x5451]) || sometimes['ioctl']?.isHarmless(call) === true,
  },
}

// The same where a program has a clock of its own.
const sometimesOfClock: Readonly<Record<string, Sometimes>> = {
  setitimer: { reason: 'this timer is one by the clock that we keep', isHarmless: ({ args: [which] }) => which === 0n },
}

/** What a call is to a rollback. */
export interface HarmlessCalls {
  /** Whether snapshots have open files, and what is in them. */
  readonly descriptors: boolean
  /** Whether it is harmless, whatever its arguments are. */
  isAlways(name: string): boolean
  /** Whether it is harmless as it is made. */
  isNow(name: string, call: CallMade): boolean
}

/**
 * @param descriptors whether snapshots have open files and their offsets, and refuse what they cannot put back
 * @param clock whether the program has a clock of its own
 */
export function harmlessCalls(descriptors: boolean, clock = false): HarmlessCalls {
  const rows = [...always, ...(descriptors ? [ofDescriptors] : []), ...(clock ? [ofClock] : [])]
  const names = new Set(rows.flatMap(({ calls }) => calls.trim().split(/\s+/)))
  const byArguments = new Map(
    Object.entries({ ...sometimes, ...(descriptors && sometimesOfDescriptors), ...(clock && sometimesOfClock) }),
  )
  return {
    descriptors,
    isAlways: (name) => names.has(name),
    isNow: (name, call) => names.has(name) || (byArguments.get(name)?.isHarmless(call) ?? false),
  }
}

/** All names in the table, for tests: each is one that some processor has. */
export function listedCalls(): string[] {
  const rows = [...always, ofDescriptors, ofClock].flatMap(({ calls }) => calls.trim().split(/\s+/))
  return [...rows, ...Object.keys(sometimes), ...Object.keys(sometimesOfDescriptors)]
}

/** Whether what is opened is the same each time that it is read, and is not written. */
function onlyReads(kind: FileKind, flags: bigint): boolean {
  return kind === 'empty' || (kind === 'lasting' && (flags & (changesFile | accessMode)) === 0n)
}

function isDropped({ args: [fd = 0n], pathOf }: CallMade): boolean {
  return pathOf(fd) === '/dev/null'
}

function isOfNoFile({ args: [address = 0n, length = 0n, protection = 0n], sharesFile }: CallMade): boolean {
  return (protection & writable) === 0n || !sharesFile(address, length)
}

/** Of a call that takes a path. */
function asks(throughLinks: boolean): Sometimes['isHarmless'] {
  return ({ args: [path = 0n], isUnchanged }) => isUnchanged({ path, throughLinks })
}

/** Of one that takes a folder, a path, and flags as that argument. */
function asksWithFlags(argument: number): Sometimes['isHarmless'] {
  return (call) => {
    const [fd = 0n, path = 0n] = call.args
    const flags = call.args[argument] ?? 0n
    if ((flags & emptyPath) === 0n || !call.isEmptyAt(path)) {
      return call.isUnchanged({ path, fd, throughLinks: (flags & keepsLinks) === 0n })
    }
    return call.isUnchanged({ path: 0n, fd, throughLinks: true }) || call.isOfLibrary()
  }
}

function isNull(argument: number): Sometimes['isHarmless'] {
  return ({ args }) => args[argument] === 0n
}

function isOneOf(value: bigint, values: readonly number[]): boolean {
  // The kernel looks at 32 bits of what is an int.
  return values.includes(Number(value & 0xffffffffn))
}
