// A restore that is refused has changed nothing: neither files nor signals, whatever it was refused for.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { afterEach, describe, expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { isThere } from '../support/tracees.js'

const folder = ownFolder()
const running: number[] = []
afterEach(() => {
  for (const pid of running.splice(0)) if (isThere(pid)) process.kill(pid, 'SIGKILL')
})

/** The signals that wait for a process or its first thread, as /proc says it. */
function pending(pid: number): string[] {
  return readFileSync(`/proc/${pid}/status`, 'latin1').match(/^(Sig|Shd)Pnd:.*$/gm)!
}

// It steps by getppid.
const twice = compile(
  folder,
  'twice',
  `#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  const int log = open(argv[argc - 1], O_WRONLY | O_CREAT | O_APPEND, 0600);
  write(log, "abcdefgh", 8);
  char *memory = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *again = mremap(memory, 0, 8192, MREMAP_MAYMOVE);
  memory[0] = 1;
  getppid();
  munmap(again, 8192);
  write(log, "more", 4);
  raise(SIGUSR1);
  getppid();
  return 0;
}
`,
)

test('for a mapping that cannot be made again', () => {
  using store = new PageStore()
  const log = join(folder, 'log')
  using tracee = Tracee.spawn(store, twice, [log])
  tracee.resume({ until: { syscall: ['getppid'] } })
  using snapshot = tracee.capture()
  tracee.resume({ until: { syscall: ['getppid'] } }) // it returns
  tracee.resume({ until: { syscall: ['getppid'] } })
  const waiting = pending(tracee.pid)
  expect(() => tracee.restore(snapshot)).toThrow(expect.objectContaining({ code: 'ERR_MAPPING' }))
  expect(readFileSync(log, 'latin1')).toBe('abcdefghmore')
  expect(pending(tracee.pid)).toEqual(waiting)
  using now = tracee.capture()
  tracee.restore(now)
  expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
})

const unmaps = compile(
  folder,
  'unmaps',
  `#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const int log = open(argv[argc - 1], O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int file = open(argv[argc - 2], O_RDWR | O_CREAT, 0600);
  ftruncate(file, 4096);
  void *mapped = mmap(0, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  write(log, "abcdefgh", 8);
  getppid();
  munmap(mapped, 4096);
  unlink(argv[argc - 2]);
  write(log, "more", 4);
  getppid();
  return 0;
}
`,
)

test('for a mapping of a file that has lost its name since', () => {
  using store = new PageStore()
  const log = join(folder, 'log of another one')
  using tracee = Tracee.spawn(store, unmaps, [join(folder, 'mapped'), log], { onWarning: () => undefined })
  tracee.resume({ until: { syscall: ['getppid'] } })
  using snapshot = tracee.capture()
  tracee.resume({ until: { syscall: ['getppid'] } }) // it returns
  tracee.resume({ until: { syscall: ['getppid'] } })
  expect(() => tracee.restore(snapshot)).toThrow(expect.objectContaining({ code: 'ERR_MAPPING' }))
  expect(readFileSync(log, 'latin1')).toBe('abcdefghmore')
})

// Signals of each kind wait for it, and its first thread may end.
const waits = compile(
  folder,
  'waits',
  `#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void *go_on(void *unused) {
  printf("ready\\n");
  fflush(stdout);
  for (;;) getppid(), usleep(1000);
  return unused;
}
int main(int argc, char **argv) {
  sigset_t set;
  sigfillset(&set);
  sigprocmask(SIG_BLOCK, &set, 0);
  kill(getpid(), SIGUSR1);
  raise(SIGUSR2);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7});
  if (argc == 1) go_on(0);
  pthread_t thread;
  pthread_create(&thread, 0, go_on, argv);
  pthread_exit(0);
}
`,
  '-pthread',
)

const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')[0])
const hasNamespaces = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0

describe.runIf(hasNamespaces)('a process that has a number of its own in another namespace', () => {
  test('gets its signals back', async () => {
    using store = new PageStore()
    const child = spawn('unshare', ['--pid', '--fork', waits], { stdio: ['ignore', 'pipe', 'ignore'] })
    running.push(child.pid!)
    await once(child.stdout, 'data')
    const pid = childOf(child.pid!)
    running.push(pid)
    using tracee = Tracee.attach(store, pid)
    tracee.resume({ until: { syscall: ['getppid'] } })
    using snapshot = tracee.capture()
    const before = pending(tracee.pid)
    process.kill(tracee.pid, 'SIGTERM')
    expect(pending(tracee.pid)).not.toEqual(before)
    tracee.restore(snapshot)
    expect(pending(tracee.pid)).toEqual(before)
    using again = tracee.capture()
    expect(again.equals(snapshot)).toBe(true)
  })
})

test('for signals of a process whose first thread has ended', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, waits, ['thread'])
  while (tracee.threads.includes(tracee.pid)) tracee.resume({ until: { syscall: ['getppid'] } })
  using snapshot = tracee.capture()
  process.kill(tracee.pid, 'SIGTERM')
  const waiting = pending(tracee.pid)
  expect(() => tracee.restore(snapshot)).toThrow(/first thread has ended/)
  expect(pending(tracee.pid)).toEqual(waiting)
})

// It changes the flag ID between its steps.
const flag = compile(
  folder,
  'flag',
  `#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const int log = open(argv[argc - 1], O_WRONLY | O_CREAT | O_APPEND, 0600);
  getppid();
  write(log, "more", 4);
#if defined(__x86_64__)
  __asm__ volatile("pushfq; xorq $0x200000, (%%rsp); popfq" ::: "cc", "memory");
#endif
  getppid();
  return 0;
}
`,
)

test.runIf(process.arch === 'x64')('for a flag that a tracer cannot write', () => {
  using store = new PageStore()
  const log = join(folder, 'log-flag')
  using tracee = Tracee.spawn(store, flag, [log])
  tracee.resume({ until: { syscall: ['getppid'] } })
  using snapshot = tracee.capture()
  tracee.resume({ until: { syscall: ['getppid'] } }) // it returns
  tracee.resume({ until: { syscall: ['getppid'] } })
  expect(() => tracee.restore(snapshot)).toThrow(/flag of the processor/)
  expect(readFileSync(log, 'latin1')).toBe('more')
  const { eflags } = tracee.registers()
  expect(() => tracee.setRegisters({ eflags: eflags! ^ 0x200000n })).toThrow(/flag of the processor/)
  expect(tracee.registers()['eflags']).toBe(eflags)
  while (tracee.resume().kind !== 'exit');
  expect(readFileSync(log, 'latin1')).toBe('more')
})
