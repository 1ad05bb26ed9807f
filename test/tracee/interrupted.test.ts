import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { openPipe } from '../support/pipes.js'
import { compile, ownFolder } from '../support/programs.js'
import { isThere, untilGone } from '../support/tracees.js'

const folder = ownFolder()

const waits = compile(
  folder,
  'waits',
  `#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static void nothing(int signal) { (void)signal; }
int main(int argc, char **argv) {
  (void)argc;
  const char *what = argv[1];
  int milliseconds = atoi(argv[2]);
  signal(SIGUSR1, nothing);
  struct timespec some = {milliseconds / 1000, milliseconds % 1000 * 1000000}, begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  int result = 99;
  if (strcmp(what, "epoll") == 0) {
    struct epoll_event event;
    result = epoll_wait(epoll_create1(0), &event, 1, milliseconds) == 0 ? 0 : errno;
  }
  if (strcmp(what, "sigtimedwait") == 0) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    result = sigtimedwait(&set, NULL, &some) < 0 && errno == EAGAIN ? 0 : errno;
  }
  if (strcmp(what, "socket") == 0) {
    int ends[2];
    struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
    char byte;
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    result = recv(ends[0], &byte, 1, 0) < 0 && errno == EAGAIN ? 0 : errno;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  long took = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
  return result == 0 && took < milliseconds - 1 ? 98 : result;
}`,
)

/** In its wait, interrupted three times. On a slow machine a wait may be over before: then a longer one is tried. */
function interrupted(store: PageStore, what: string): Tracee {
  for (let milliseconds = 300; ; milliseconds *= 2) {
    const tracee = Tracee.spawn(store, waits, [what, `${milliseconds}`], { stdio: ['ignore', 'ignore', 'ignore'] })
    let stop = tracee.resume({ timeout: 40 })
    for (let i = 1; i < 3 && stop.kind === 'timeout'; i++) stop = tracee.resume({ timeout: 40 })
    if (stop.kind === 'timeout') return tracee
    expect(stop).toMatchObject({ kind: 'exit', code: 0 })
    tracee.close()
  }
}

test.each(['epoll', 'sigtimedwait', 'socket'])('a wait (%s) does not notice that we interrupted it', (what) => {
  const store = new PageStore()
  const tracee = interrupted(store, what)
  const waiting = tracee.capture()
  for (let i = 0; i < 3; ++i) {
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
    tracee.restore(waiting)
  }
  store.close()
})

test('a signal that is handled meanwhile does end such a wait', () => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, waits, ['epoll', '3600000'], { stdio: ['ignore', 'ignore', 'ignore'] })
  expect(tracee.resume({ timeout: 40 }).kind).toBe('timeout')
  process.kill(tracee.pid, 'SIGUSR1')
  expect(tracee.resume()).toMatchObject({ kind: 'signal', signal: 'SIGUSR1' })
  const interrupted = 4 // EINTR
  expect(tracee.resume()).toMatchObject({ kind: 'exit', code: interrupted })
  store.close()
})

// Its child waits until there is a byte to read.
const vforks = compile(
  folder,
  'vforks',
  `#include <unistd.h>
int main(void) {
  char byte;
  if (vfork() == 0) {
    read(0, &byte, 1);
    _exit(0);
  }
  return 5;
}`,
)

test('a time limit passes while a program waits in vfork, and what cannot be done then says so', () => {
  const store = new PageStore()
  using pipe = openPipe()
  const tracee = Tracee.spawn(store, vforks, [], { stdio: [pipe.input, 'ignore', 'ignore'] })
  expect(tracee.resume().kind).toBe('fork')
  expect(tracee.resume({ timeout: 100 }).kind).toBe('timeout')
  expect(errorOf(() => tracee.capture()).code).toBe('ERR_TRACEE')
  expect(errorOf(() => tracee.registers()).code).toBe('ERR_TRACEE')
  expect(tracee.resume({ timeout: 50 }).kind).toBe('timeout')
  pipe.write(1)
  let stop = tracee.resume()
  if (stop.kind === 'signal') stop = tracee.resume() // SIGCHLD may come before the exit or not at all
  expect(stop).toMatchObject({ kind: 'exit', code: 5 })
  store.close()
})

/** Waits until a process has a child process. */
async function untilChildOf(pid: number): Promise<void> {
  while (readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1') === '') await delay(5)
}

test('a process that waits in vfork is not attached to, and runs on', async () => {
  const child = spawn(vforks)
  await untilChildOf(child.pid!)
  const store = new PageStore()
  const error = errorOf(() => Tracee.attach(store, child.pid ?? 0))
  expect(error.code).toBe('ERR_TRACEE')
  expect(error.message).toMatch(/vfork/)
  child.stdin.write('x')
  expect((await once(child, 'exit'))[0]).toBe(5)
  store.close()
})

test('a tracee that is closed while it waits in vfork is gone', async () => {
  using pipe = openPipe()
  const store = new PageStore()
  const tracee = Tracee.spawn(store, vforks, [], { stdio: [pipe.input, 'ignore', 'ignore'] })
  tracee.resume()
  expect(tracee.resume({ timeout: 50 }).kind).toBe('timeout')
  tracee.close()
  await untilGone(tracee.pid)
  expect(isThere(tracee.pid)).toBe(false)
  store.close()
})
