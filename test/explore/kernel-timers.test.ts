// Which timers a program has made rolls back, and so it counts. Where the kernel gives no number a second time (before
// Linux 6.15), a search goes on all the same, and names the calls.
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { beOnAnOldKernel } from '../support/old-kernel.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

const head = `#define _GNU_SOURCE
#include ${header}
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
${beOnAnOldKernel}
static int make(int signal) {
  struct sigevent event = {.sigev_notify = signal ? SIGEV_SIGNAL : SIGEV_NONE, .sigev_signo = signal};
  int timer = -1;
  syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
  return timer;
}
static int is_there(int timer) {
  struct itimerspec now;
  return syscall(SYS_timer_gettime, timer, &now) == 0;
}
static void set(int timer) {
  const struct itimerspec in_a_moment = {{0, 0}, {0, 20000000}};
  syscall(SYS_timer_settime, timer, 0, &in_a_moment, 0);
}
`

function search(source: string, options = {}) {
  return explore(new Program(compile(folder, `timers-${number++}`, head + source)), options)
}

const named = (...calls: string[]) => calls.map((call) => expect.stringMatching(`^${call}: `))

describe('states that differ in their timers alone are different', () => {
  test('a timer that one path has deleted', async () => {
    const found = await search(`static int timer;
int main(void) {
  timer = make(0);
  if (ps_choose(2)) syscall(SYS_timer_delete, timer);
  ps_choose(1);
  ps_assert(is_there(timer), "it is there");
  return 0;
}`)
    expect(found).toMatchObject({ complete: true, warnings: named('timer_delete') })
    expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0] }])
  })

  test('which of two alike ones it was', async () => {
    const found = await search(`static int timers[2], way;
int main(void) {
  timers[0] = make(0), timers[1] = make(0);
  way = ps_choose(2);
  syscall(SYS_timer_delete, timers[way]);
  way = 0;
  ps_choose(1);
  ps_assert(is_there(timers[1]), "the second is there");
  return 0;
}`)
    expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0] }])
  })

  test('what a timer does when it goes off', async () => {
    const found = await search(`static int timer;
int main(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, 0);
  make(0);
  const int way = ps_choose(2);
  make(way ? SIGUSR1 : SIGUSR2);
  ps_choose(1);
  timer = 0;
  while (!is_there(timer) || timer == 0) ++timer;
  set(timer);
  ps_assert(sigwaitinfo(&all, 0) == SIGUSR2, "the second signal");
  return 0;
}`)
    expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0] }])
  })

  test('not what the kernel calls their thread and clock in another run', async () => {
    const found = await search(
      `int main(void) {
  clockid_t own;
  clock_getcpuclockid(getpid(), &own);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  event._sigev_un._tid = getpid();
  int timer;
  if (syscall(SYS_timer_create, own, &event, &timer) != 0) return 1;
  own = 0, event._sigev_un._tid = 0;
  for (int i = 0; i < 3; ++i) ps_choose(2);
  return 0;
}`,
      { verify: true },
    )
    expect(found).toMatchObject({ complete: true, violations: [] })
  })
})

describe.each([
  ['gives a number again', ''],
  ['never gives a number again', 'be_on_an_old_kernel();'],
])('where the kernel %s', (_, old) => {
  test.each(['breadth', 'depth'] as const)('a timer that a path makes is named, %s first', async (strategy) => {
    const found = await search(
      `static volatile int steps;
int main(void) {
  ${old}
  for (int i = 0; i < 7; ++i) {
    if (ps_choose(2)) steps |= 1 << i;
    if (i == 0) set(make(SIGUSR1) + 1000);
  }
  ps_assert(steps != 93, "a path");
  return 0;
}`,
      { strategy },
    )
    expect(found).toMatchObject({
      complete: true,
      warnings: [expect.stringMatching(/^timer_create: /), expect.any(String)],
    })
    expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0, 1, 1, 1, 0, 1] }])
  })

  test('a timer that a path deletes is named', async () => {
    const found = await search(`static volatile int steps;
int main(void) {
  ${old}
  const int timer = make(SIGUSR1);
  for (int i = 0; i < 3; ++i) {
    if (ps_choose(2)) steps |= 1 << i;
    if (i == 1) syscall(SYS_timer_delete, timer);
  }
  ps_assert(steps != 5, "a path");
  return 0;
}`)
    expect(found).toMatchObject({ complete: true, warnings: named('timer_delete') })
    expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0, 1] }])
  })

  test('a timer that one path has set does not go off on another one', async () => {
    const found = await search(`int main(void) {
  ${old}
  if (ps_choose(2) == 0) set(make(SIGUSR1));
  else for (volatile long i = 0; i < 200000000; ++i);
  return 0;
}`)
    expect(found).toMatchObject({ complete: true, violations: [] })
  })
})
