// A thread with descriptors of its own is refused, or named where files are ignored: nobody puts them back.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { captureWithout } from '../support/denied.js'
import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'
import { refused } from '../support/refused.js'

// Steps by getppid: before anything, and when a thread has begun as the first argument says. "alone" has no thread.
const program = compile(
  ownFolder(),
  'own-descriptors',
  `#define _GNU_SOURCE
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static int ready[2];
static const char *how;
static void part(void) {
  if (strcmp(how, "unshare") == 0) unshare(CLONE_FILES);
  if (strcmp(how, "close_range") == 0) syscall(436, 900, 901, CLOSE_RANGE_UNSHARE);
}
static void *rest(void *unused) {
  part();
  write(ready[1], "", 1);
  for (;;) pause();
  return unused;
}
static void *part_alone(void *unused) {
  unshare(CLONE_FILES);
  return unused;
}
static int cloned(void *unused) {
  (void)unused;
  write(ready[1], "", 1);
  for (;;) pause();
  return 0;
}
int main(int argc, char **argv) {
  char byte;
  pthread_t thread;
  how = argv[1];
  if (pipe(ready) != 0) return 9;
  getppid();
  if (strcmp(how, "clone") == 0) {
    char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    clone(cloned, stack + 65536, CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, 0);
  } else if (strcmp(how, "alone") == 0) {
    unshare(CLONE_FILES);
    write(ready[1], "", 1);
  } else {
    if (strcmp(how, "ended") == 0) {
      pthread_create(&thread, 0, part_alone, 0);
      pthread_join(thread, 0);
    }
    pthread_create(&thread, 0, rest, 0);
  }
  if (read(ready[0], &byte, 1) != 1) return 9;
  close(ready[0]);
  close(ready[1]);
  getppid();
  if (argc > 2) write(1, "up", 2);
  for (;;) pause();
}
`,
  '-pthread',
)

/** The program, when its threads have begun; and a snapshot from before. */
function begin(store: PageStore, how: string, options: SpawnOptions = {}) {
  const tracee = Tracee.spawn(store, program, [how], { stdio: [], ...options })
  const next = () => {
    for (;;) {
      const stop = tracee.resume({ until: { syscall: ['getppid'] } })
      if (stop.kind === 'syscall' && stop.entering) return
    }
  }
  next()
  const before = tracee.capture()
  next()
  return { tracee, before }
}

const mayUnshare = (how: string) => how !== 'unshare' || !refused.has('unshare')
const ways = ['unshare', 'close_range', 'clone'].filter(mayUnshare)

describe.each([false, true])('detachable: %s', (detachable) => {
  test.each(ways)('%s: refused, by the number of the thread', (how) => {
    using store = new PageStore()
    const { tracee } = begin(store, how, { detachable })
    const error = errorOf(() => tracee.capture())
    expect(error.code).toBe('ERR_FILES')
    const other = tracee.threads.find((thread) => thread !== tracee.pid)!
    expect(error.message).toMatch(new RegExp(`thread ${other} has descriptors of its own`))
  })
})

test.each(ways)('%s: one warning where files are ignored', (how) => {
  using store = new PageStore()
  const warnings: string[] = []
  const { tracee } = begin(store, how, { files: 'ignore', onWarning: (text) => void warnings.push(text) })
  for (let i = 0; i < 2; i++) tracee.restore(tracee.capture())
  expect(warnings).toEqual([expect.stringMatching(/^Thread \d+ has descriptors of its own/)])
})

test.each(['none', 'alone', 'ended'])('%s: what all threads have in common is put back', (how) => {
  using store = new PageStore()
  const { tracee } = begin(store, how)
  const snapshot = tracee.capture()
  tracee.restore(snapshot)
  tracee.kill()
})

const attached: [string, string | undefined][] = [
  ['unshare', 'ERR_FILES'],
  ['clone', 'ERR_FILES'],
  ['none', undefined],
]
test.each(attached.filter(([how]) => mayUnshare(how)))('attached to after %s: %s', async (how, code) => {
  const child = spawn(program, [how, 'says'], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  using store = new PageStore()
  const tracee = Tracee.attach(store, child.pid!)
  if (code === undefined) tracee.restore(tracee.capture())
  else expect(errorOf(() => tracee.capture()).code).toBe(code)
  tracee.kill()
})

// A container's profile may refuse the call that tells.
const untold: [string, string, RegExp][] = [
  ['attach', 'unshare', /^ERR_FILES thread [0-9]+ has descriptors of its own/],
  ['attach', 'clone', /^ERR_FILES thread [0-9]+ has descriptors of its own/],
  ['attach', 'none', /^captured$/m],
  ['attach', 'ended', /^captured$/m],
  ['spawn', 'unshare', /^ERR_FILES thread [0-9]+ has descriptors of its own/],
  ['spawn', 'none', /^captured$/m],
  ['spawn', 'ended', /^captured$/m],
]
test.each(untold.filter(([, how]) => mayUnshare(how)))('without kcmp: %s, %s', (start, how, said) => {
  expect(captureWithout(['kcmp'], start, program, how, 'says')).toMatch(said)
})
