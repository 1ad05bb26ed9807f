// The timer of SIGALRM goes by the program's own clock, and rolls back with it.
import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

function search(body: string, begin = '') {
  const source = `#include ${header}
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile sig_atomic_t rung;
static void ring(int signal) { (void)signal; ++rung; }
static siginfo_t sent;
static void look(int signal, siginfo_t *info, void *context) { (void)context; ring(signal); sent = *info; }
static void *sleep_on(void *unused) { for (;;) sleep(1000); return unused; }
__attribute__((noinline)) static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
int main(void) {
  signal(SIGALRM, ring);
  (void)look;
  ${begin}
  ${body}
  return 0;
}`
  return explore(new Program(compile(folder, `alarm-${number++}`, source, '-pthread')))
}

const besideThread = 'pthread_t other; pthread_create(&other, 0, sleep_on, 0);'

test.each([
  ['alone', ''],
  ['beside another thread', besideThread],
])('an alarm ends a sleep that is longer, and no other (%s)', async (_, begin) => {
  const found = await search(
    `const unsigned length = 1 + (unsigned)ps_choose(4);
    const long start = milliseconds();
    alarm(3);
    const unsigned left = sleep(length);
    ps_assert(rung == (length >= 3), "it rings after three seconds");
    ps_assert(milliseconds() - start == (length < 3 ? length : 3) * 1000, "and then the sleep is over");
    ps_assert(left == (length == 4), "but for what was left of it");
    ps_assert(alarm(0) == (length < 3 ? 3 - length : 0), "it says what is left");`,
    begin,
  )
  // At the end of the two longest sleeps it is as late.
  expect(found).toMatchObject({ complete: true, states: 4, violations: [], warnings: [] })
})

test('what is left of it counts, and rolls back', async () => {
  // The two paths differ in nothing else.
  const found = await search(`if (ps_choose(2)) { alarm(2); sleep(1); } else { sleep(1); alarm(2); }
    ps_choose(1);
    poll(0, 0, 1500);
    ps_assert(!rung, "it rings within a second and a half");`)
  expect(found).toMatchObject({ complete: true, warnings: [] })
  expect(found.violations).toMatchObject([{ kind: 'assertion', choices: [1, 0] }])
})

test('it goes off again and again where an interval is set', async () => {
  const found = await search(`const struct itimerval every = {{0, 250000}, {1, 0}};
    struct itimerval now;
    setitimer(ITIMER_REAL, &every, 0);
    for (int i = 0; i < 4; ++i) {
      pause();
      if (i == 1) ps_choose(2);
    }
    getitimer(ITIMER_REAL, &now);
    ps_assert(milliseconds() == 86400000 + 1750 && rung == 4, "four times");
    ps_assert(now.it_value.tv_usec == 250000 && now.it_interval.tv_usec == 250000, "and on");`)
  expect(found).toMatchObject({ complete: true, violations: [], warnings: [] })
})

test('a handler gets it as one that the kernel sent, also after a rollback and where it was blocked', async () => {
  const found = await search(
    `struct sigaction look_at = {0};
    look_at.sa_sigaction = look;
    look_at.sa_flags = SA_SIGINFO;
    sigaction(SIGALRM, &look_at, 0);
    sigset_t alone;
    sigemptyset(&alone);
    sigaddset(&alone, SIGALRM);
    alarm(1);
    if (ps_choose(2)) {
      sigprocmask(SIG_BLOCK, &alone, 0);
      sleep(2);
      ps_choose(2);
      sigprocmask(SIG_UNBLOCK, &alone, 0);
    } else {
      sleep(2);
    }
    ps_assert(rung == 1 && sent.si_code == SI_KERNEL && sent.si_pid == 0 && sent.si_uid == 0, "by the kernel");
    kill(getpid(), SIGALRM);
    ps_assert(rung == 2 && sent.si_code == SI_USER && sent.si_pid == getpid(), "by itself");`,
  )
  expect(found).toMatchObject({ complete: true, violations: [] })
})

test('a program that computes until it rings is not kept from that, and named', async () => {
  const found = await search('ps_choose(2); alarm(1); while (!rung) ;')
  expect(found).toMatchObject({ complete: true, violations: [] })
  expect(found.warnings).toEqual([expect.stringMatching(/^threads: thread \d+ runs on while/)])
})
