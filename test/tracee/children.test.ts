// Processes that a program has started do not roll back. A restore to where a wait would tell the program something else
// of them is refused; what else they do is a warning.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { PageStore, Tracee } from 'pagestore'
import { afterEach, describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'
import { isThere } from '../support/tracees.js'

// It takes the steps that it is told, by letters, and makes getppid after each.
const program = compile(
  ownFolder(),
  'children',
  `#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile pid_t child;
static siginfo_t info;
static int failed;
static volatile int may_go;
static void check(int is_true) { failed += !is_true; }
static void start(int ends) {
  child = fork();
  if (child == 0) for (;;) { if (ends) _exit(3); usleep(1000); }
}
static void see(int what) { check(waitid(P_PID, child, &info, what | WNOWAIT) == 0); }
static void step(char letter) {
  int status = 0;
  switch (letter) {
    case 's': return start(0);
    case 'e': start(1); return see(WEXITED);
    case 'i': signal(SIGCHLD, SIG_IGN); return;
    case 'k': kill(child, SIGKILL); return;
    case 'g': while (kill(child, 0) == 0) usleep(1000); return;
    case 'z': return see(WEXITED);
    case 'p': kill(child, SIGSTOP); return see(WSTOPPED);
    case 'c': kill(child, SIGCONT); return see(WCONTINUED);
    case 'w': check(waitpid(child, &status, WUNTRACED | WCONTINUED) == child); return;
    case 'v': check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3); return;
    case 'n': check(waitpid(-1, 0, WNOHANG) == -1); return;
    case 'o': if (fork() == 0) _exit(0); wait(0); return;
    case 'r': while (!may_go) usleep(1000); return;
  }
}
int main(int argc, char **argv) {
  for (const char *at = argv[argc - 1]; *at != 0; ++at) {
    step(*at);
    syscall(SYS_getppid);
  }
  return failed;
}
`,
)

const running: number[] = []
afterEach(() => {
  for (const pid of running.splice(0)) if (isThere(pid)) process.kill(pid, 'SIGKILL')
})

/** Runs the steps up to the getppid that follows. */
function steps(tracee: Tracee, count: number): void {
  while (count > 0) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'exit') throw new Error('it took all steps')
    if (stop.kind === 'fork') running.push(stop.pid)
    if (stop.kind === 'syscall' && stop.entering) count--
  }
}

function end(tracee: Tracee): number {
  for (;;) {
    const stop = tracee.resume()
    if (stop.kind === 'fork') running.push(stop.pid)
    if (stop.kind === 'exit') return stop.code
  }
}

const childOf = (tracee: Tracee) => tracee.read(tracee.symbol('child').address, 4).readInt32LE()

describe.each([
  ['a filter', false],
  ['stops at every call', true],
])('with %s', (_, detachable) => {
  test.each([
    ['was waited for', 's', 'kw', 'has ended, and was waited for, since the snapshot'],
    ['had ended, and was waited for', 'e', 'v', 'has ended, and was waited for, since the snapshot'],
    ['ended, and nobody had to wait', 'is', 'kg', 'has ended, and was waited for, since the snapshot'],
    ['has ended', 's', 'kz', 'has ended since the snapshot'],
    ['was stopped', 's', 'p', 'was stopped since the snapshot'],
    ['was stopped, and was waited for', 'sp', 'w', 'was waited for since the snapshot'],
    ['was continued', 'spw', 'c', 'was continued since the snapshot'],
    ['was continued, and was waited for', 'spwc', 'w', 'was waited for since the snapshot'],
  ])('a child that %s since the snapshot: the restore is refused', (_name, before, since, happened) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [`${before}${since}o`], { detachable })
    steps(tracee, before.length)
    using snapshot = tracee.capture()
    steps(tracee, since.length)
    const error = errorOf(() => tracee.restore(snapshot))
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${childOf(tracee)}, a child process of the program, ${happened}`)
    // Nothing was changed, and from here on it goes both ways.
    using now = tracee.capture()
    tracee.restore(now)
    expect(end(tracee)).toBe(0)
  })

  test('a child that was started since the snapshot, and runs: the restore is refused', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['oskwn'], { detachable })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    steps(tracee, 1)
    const error = errorOf(() => tracee.restore(snapshot))
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${childOf(tracee)}, a child process of the program, was started since`)
    expect(isThere(childOf(tracee))).toBe(true)
    expect(end(tracee)).toBe(0)
  })

  test('one that was started since, and has ended: nothing is left of it but a warning', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['oevn'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    for (let i = 0; i < 3; i++) {
      steps(tracee, 1)
      tracee.restore(snapshot)
    }
    expect(warnings).toEqual([expect.stringMatching(/^Processes that the program has started .* since/)])
    expect(end(tracee)).toBe(0)
  })

  test('one that was started and waited for since: it is started again, and a warning says so', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['oskwo'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    tracee.restore(snapshot)
    expect(warnings).toEqual([])
    for (let i = 0; i < 3; i++) {
      steps(tracee, 3)
      tracee.restore(snapshot)
    }
    expect(warnings).toEqual([expect.stringMatching(/^Processes that the program has started .* since/)])
    expect(end(tracee)).toBe(0)
  })

  test('one that runs at the snapshot and still runs: a warning names it', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['sokw'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    for (let i = 0; i < 3; i++) tracee.restore(snapshot)
    expect(warnings).toEqual([
      expect.stringContaining(`Process ${childOf(tracee)}, a child process of the program, runs on`),
    ])
    expect(end(tracee)).toBe(0)
  })

  test('one that had ended at the snapshot and was not waited for since: it rolls back, without a warning', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['eiiv'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    steps(tracee, 2)
    tracee.restore(snapshot)
    expect(end(tracee)).toBe(0)
    expect(warnings).toEqual([])
  })
})

test('of a process that is attached to, the children that it had are known', async () => {
  const other = spawn(program, ['srkwo'], { stdio: 'ignore' })
  await once(other, 'spawn')
  running.push(other.pid!)
  await new Promise((resolve) => setTimeout(resolve, 50))
  using store = new PageStore()
  using tracee = Tracee.attach(store, other.pid!)
  const child = childOf(tracee)
  running.push(child)
  using snapshot = tracee.capture()
  tracee.write(tracee.symbol('may_go').address, Uint8Array.of(1))
  steps(tracee, 3)
  const error = errorOf(() => tracee.restore(snapshot))
  expect(error.message).toContain(`process ${child}, a child process of the program, has ended, and was waited for`)
})
