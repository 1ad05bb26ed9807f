// CLONE_UNTRACED: what a program starts so that nobody traces it is traced all the same, and nothing is left behind.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { leftBehind } from '../support/left-behind.js'
import { compile, isInstalled, ownFolder } from '../support/programs.js'
import { refused } from '../support/refused.js'
import { hasEnded, runTraced, stopsOf } from '../support/running.js'

const folder = ownFolder()
const marker = `PAGESTORE_TEST=${folder}`
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', PAGESTORE_TEST: folder }
const options = { stdio: ['ignore', 'ignore', 'ignore'], env } as const

const head = `#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static volatile long counter;
static volatile int failed = -1;
static char stack[65536] __attribute__((aligned(64)));
static int child(void *unused) {
  failed = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
  for (;;) counter++;
  return 0;
}
static void until_it_runs(void) { while (counter == 0) usleep(1000); }
`
const untracedThread = compile(
  folder,
  'thread',
  `${head}
int main(void) {
  int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_THREAD | CLONE_SIGHAND | CLONE_UNTRACED;
  clone(child, stack + sizeof stack, flags, 0);
  until_it_runs();
  getppid();
  return failed;
}`,
)
const untracedProcess = compile(
  folder,
  'process',
  `${head}
int main(void) {
  if (syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0) == 0) {
    // And so does each that it starts.
    syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
    child(0);
  }
  getppid();
  usleep(20000);
  getppid();
  return 0;
}`,
)

describe.each([
  ['by a filter', false],
  ['at every call', true],
])('seen %s', (_, detachable) => {
  test('a thread that asks for no tracer is stopped with all others, and rolls back with them', () => {
    const store = new PageStore()
    const tracee = Tracee.spawn(store, untracedThread, [], { ...options, detachable })
    const until = { syscall: ['getppid'] }
    let stop = tracee.resume({ until })
    while (stop.kind !== 'syscall') stop = tracee.resume({ until })
    expect(tracee.threads).toHaveLength(2)
    const at = tracee.symbol('counter').address
    const value = () => tracee.read(at, 8).readBigInt64LE()
    const stood = tracee.capture()
    const before = value()
    spawnSync('sleep', ['0.02'])
    expect(value()).toBe(before)
    tracee.resume({ timeout: 20 })
    tracee.restore(stood)
    expect(value()).toBe(before)
    expect(stopsOf(tracee).find(hasEnded)).toMatchObject({ kind: 'exit', code: 0 })
    store.close()
    expect(leftBehind(marker)).toEqual([])
  })
})

test('processes that ask for no tracer end with the program', () => {
  for (let i = 0; i < 5; ++i) {
    const store = new PageStore()
    const tracee = Tracee.spawn(store, untracedProcess, [], options)
    const stops = [tracee.resume(), tracee.resume({ timeout: 5 })]
    expect(stops[0]).toMatchObject({ kind: 'fork' })
    store.close()
    expect(leftBehind(marker)).toEqual([])
  }
})

test('an attached process whose thread asks for no tracer: the thread is stopped with all others', async () => {
  const file = compile(
    folder,
    'later',
    `${head}
int main(void) {
  getchar();
  struct clone_args arguments = {.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_THREAD | CLONE_SIGHAND | CLONE_UNTRACED};
  errno = 0;
  // A C library falls back like this.
  if (syscall(SYS_clone3, &arguments, sizeof arguments) != -1 || errno != ENOSYS) abort();
  clone(child, stack + sizeof stack, (int)arguments.flags, 0);
  until_it_runs();
  getppid();
  for (;;) pause();
}`,
  )
  const running = spawn(file, [], { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(running, 'spawn')
  const store = new PageStore()
  const tracee = Tracee.attach(store, running.pid!)
  running.stdin.write('x\n')
  await new Promise((resolve) => setTimeout(resolve, 20))
  const until = { syscall: ['getppid'] }
  let stop = tracee.resume({ until, timeout: 3_600_000 })
  while (stop.kind === 'clone') stop = tracee.resume({ until, timeout: 3_600_000 })
  expect(stop).toMatchObject({ kind: 'syscall', name: 'getppid' })
  expect(tracee.threads).toHaveLength(2)
  store.close()
  running.kill('SIGKILL')
  await once(running, 'exit')
})

const clone3 = compile(
  folder,
  'clone3',
  `${head}
int main(void) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  if (pid > 0) wait(0);
  return pid < 0 ? errno : 0;
}`,
)

// A container has none.
test.skipIf(refused.has('clone3'))(
  'clone3 is there for an attachable program, and not where a filter could not see its flags',
  () => {
    const { code: seen } = { code: 0, ...runTraced(folder, clone3, [], { ...options, detachable: true }).stop }
    const { code: hidden } = { code: 0, ...runTraced(folder, clone3, [], options).stop }
    expect([seen, hidden]).toEqual([0, 38])
  },
)

// What makes its threads and processes by clone3 where there is one.
test.each([
  [
    'threads',
    `#include <pthread.h>
static void *add(void *sum) { __sync_fetch_and_add((int *)sum, 1); return sum; }
int main(void) {
  int sum = 0;
  pthread_t all[20];
  for (int i = 0; i < 20; ++i) if (pthread_create(&all[i], 0, add, &sum) != 0) return 1;
  for (int i = 0; i < 20; ++i) pthread_join(all[i], 0);
  printf("%d\\n", sum);
}`,
    '20\n',
  ],
  [
    'posix_spawn',
    `#include <spawn.h>
int main(void) {
  pid_t pid;
  int status;
  char *argv[] = {"true", 0}, *env[] = {0};
  if (posix_spawn(&pid, "/bin/true", 0, 0, argv, env) != 0 || wait(&status) != pid) return 1;
  printf("%d\\n", status);
}`,
    '0\n',
  ],
  [
    'popen',
    `int main(void) {
  char line[20] = "";
  FILE *from = popen("echo hello", "r");
  if (from == 0 || fgets(line, sizeof line, from) == 0 || pclose(from) != 0) return 1;
  printf("%s", line);
}`,
    'hello\n',
  ],
])('a program that uses %s does as by itself', (name, body, output) => {
  const file = compile(folder, name, `${head}${body}`, '-pthread')
  expect(runTraced(folder, file, [], { env })).toMatchObject({ stop: { kind: 'exit', code: 0 }, output })
  expect(leftBehind(marker)).toEqual([])
})

test.runIf(isInstalled('python3'))('subprocesses and threads of python do as by themselves', () => {
  const script = `import subprocess, threading
sums = []
workers = [threading.Thread(target=lambda i=i: sums.append(i)) for i in range(5)]
for each in workers: each.start()
for each in workers: each.join()
print(sum(sums), subprocess.run(['echo', 'hello'], capture_output=True, text=True).stdout, end='')`
  expect(runTraced(folder, 'python3', ['-c', script], { env }).output).toBe('10 hello\n')
  expect(leftBehind(marker)).toEqual([])
})
