// Another process that shares the program's memory (CLONE_VM without CLONE_THREAD) goes on writing there while the
// program stands: as long as it does, there is no snapshot and no rollback.
import { PageStore, type Region, Tracee } from 'pagestore'
import { afterEach, describe, expect, test } from 'vitest'

import { captureWithout } from '../support/denied.js'
import { errorOf } from '../support/pages.js'
import { compile, isInstalled, ownFolder } from '../support/programs.js'
import { stopsOf } from '../support/running.js'
import { isThere } from '../support/tracees.js'

// It makes getppid after each step.
const program = compile(
  ownFolder(),
  'shared',
  `#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
enum { kPages = 1 << 16 };
static volatile long counter;
static volatile pid_t child;
static char stacks[2][65536] __attribute__((aligned(64)));
static char *volatile pages;
static int count(void *unused) {
  for (;;) counter++;
  return 0;
}
static int pass_on(void *unused) {
  child = clone(count, stacks[1] + sizeof stacks[1], CLONE_VM | SIGCHLD, 0);
  return 0;
}
static int drop(void *unused) {
  madvise(pages, kPages / 2, MADV_DONTNEED);
  return 0;
}
static int protect(void *unused) {
  mprotect(pages, kPages / 2, PROT_READ);
  return 0;
}
static int start(int (*function)(void *), int flags) {
  return clone(function, stacks[0] + sizeof stacks[0], CLONE_VM | SIGCHLD | flags, 0);
}
int main(int argc, char **argv) {
  const char *name = argv[argc - 1];
  pages = mmap(0, kPages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(pages, 7, kPages);
  syscall(SYS_getppid);
  if (name[0] == 'd' || strstr(name, "protect") == name) {
    waitpid(start(name[0] == 'd' ? drop : protect, strstr(name, "in vfork") != 0 ? CLONE_VFORK : 0), 0, 0);
    syscall(SYS_getppid);
    return 0;
  }
  if (strcmp(name, "copied") == 0) {
    child = fork();
    if (child == 0) count(0);
    counter = 1;
  } else if (strcmp(name, "passed-on") == 0) waitpid(start(pass_on, 0), 0, 0);
  else child = start(count, strcmp(name, "untraced") == 0 ? CLONE_UNTRACED : strcmp(name, "files") == 0 ? CLONE_FILES : 0);
  while (counter == 0) usleep(1000);
  syscall(SYS_getppid);
  kill(child, SIGKILL);
  if (strcmp(name, "passed-on") != 0) waitpid(child, 0, 0);
  for (long before = -1; before != counter; usleep(20000)) before = counter;
  syscall(SYS_getppid);
  return 0;
}
`,
)

const running: number[] = []
afterEach(() => {
  for (const pid of running.splice(0)) if (isThere(pid)) process.kill(pid, 'SIGKILL')
})

function step(tracee: Tracee): void {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'fork') running.push(stop.pid)
    if (stop.kind === 'exit' || (stop.kind === 'syscall' && stop.entering)) return
  }
}

const numberAt = (tracee: Tracee, name: string) => tracee.read(tracee.symbol(name).address, 4).readInt32LE()
const onWarning = () => undefined

test.each([
  ['a process', 'process', false],
  ['a process of one that can be detached', 'process', true],
  ['one that shares descriptors, too', 'files', false],
  ['one that asks that nobody traces it', 'untraced', false],
  ['one that such a process started', 'passed-on', false],
])('%s that shares the memory: capture and restore are refused until it has ended', (_, name, detachable) => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [name], { detachable, onWarning })
  step(tracee)
  using before = tracee.capture()
  step(tracee)
  const child = numberAt(tracee, 'child')
  running.push(child)
  for (const refused of [() => tracee.capture(), () => tracee.restore(before)]) {
    const error = errorOf(refused)
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${child} shares the program's memory`)
  }
  step(tracee)
  using after = tracee.capture()
  tracee.restore(before)
  expect(numberAt(tracee, 'counter')).toBe(0)
  using again = tracee.capture()
  expect(again.root).toBe(before.root)
  expect(after.root).not.toBe(before.root)
})

describe.each([
  ['a filter', false],
  ['stops at every call', true],
])('with %s', (_, detachable) => {
  test.each(['drop', 'drop in vfork'])('which pages such a process took away is seen: %s', (name) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [name], { detachable, onWarning })
    step(tracee)
    const pages = tracee.read(tracee.symbol('pages').address, 8).readBigUInt64LE()
    using before = tracee.capture()
    step(tracee)
    using after = tracee.capture()
    expect(after.read(pages, 65_536).equals(Buffer.concat([Buffer.alloc(32_768), Buffer.alloc(32_768, 7)]))).toBe(true)
    tracee.restore(before)
    expect(tracee.read(pages, 65_536).equals(Buffer.alloc(65_536, 7))).toBe(true)
    tracee.restore(after)
    expect(stopsOf(tracee).at(-1)).toMatchObject({ kind: 'exit', code: 0 })
  })

  test.each(['protect', 'protect in vfork'])('what such a process did to mappings is seen: %s', (name) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [name], { detachable, onWarning })
    step(tracee)
    const pages = tracee.read(tracee.symbol('pages').address, 8).readBigUInt64LE()
    const permissionsIn = ({ regions }: { regions: readonly Region[] }) =>
      regions.find(({ start, end }) => start <= pages && pages < end)?.permissions
    using before = tracee.capture()
    step(tracee)
    using after = tracee.capture()
    expect([permissionsIn(before), permissionsIn(after)]).toEqual(['rw-p', 'r--p'])
    tracee.restore(before)
    expect(permissionsIn(tracee)).toBe('rw-p')
    tracee.restore(after)
    expect(permissionsIn(tracee)).toBe('r--p')
  })
})

test.runIf(isInstalled('python3'))('a program that was started by posix_spawn shares nothing', () => {
  using store = new PageStore()
  const script = `import os
child = os.posix_spawn('/bin/sleep', ['sleep', '60'], {})
os.getppid()
os.kill(child, 9)
os.wait()`
  using tracee = Tracee.spawn(store, 'python3', ['-c', script], { onWarning })
  step(tracee)
  using snapshot = tracee.capture()
  tracee.restore(snapshot)
  expect(stopsOf(tracee).at(-1)).toMatchObject({ kind: 'exit', code: 0 })
})

// A container's profile may refuse the call that tells.
test.each([
  ['process', /^ERR_TRACEE process [0-9]+ shares the program's memory/],
  ['passed-on', /^ERR_TRACEE process [0-9]+ shares the program's memory/],
  ['copied', /^captured$/m],
])('without kcmp, too, it is known who shares the memory: %s', (name, said) => {
  expect(captureWithout(['kcmp'], 'spawn', program, name)).toMatch(said)
})
