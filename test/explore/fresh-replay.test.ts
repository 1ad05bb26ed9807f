// A violation is reported as one if a run that was never rolled back comes to it by its choices alone.
import { join } from 'node:path'

import { always, ByteModel, explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()

function program(name: string, body: string): Program {
  const source = `#define _GNU_SOURCE
#include ${header}
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
static volatile int seen;
static void on(int s) { (void)s; seen = 1; }
int main(int argc, char **argv) { (void)argc, (void)argv, (void)on; ${body} return 0; }`
  return new Program(compile(folder, name, source), [join(folder, `${name}.made`)], { stepTimeout: 400 })
}

test.each([
  [
    'a file mode mask',
    'umask(022); if (ps_choose(2)) ps_assert(umask(0) == 022, "as it was"); else umask(0);',
    'umask',
  ],
  ['a directory', 'rmdir(argv[1]); ps_choose(2); ps_assert(mkdir(argv[1], 0700) == 0, "is new");', 'mkdir'],
  [
    'a handler for one signal',
    `struct sigaction act = {.sa_handler = on, .sa_flags = SA_RESETHAND}; sigaction(SIGUSR1, &act, NULL);
     ps_choose(3); raise(SIGUSR1); ps_assert(seen, "handled");`,
    'SA_RESETHAND',
  ],
])('what %s makes of another path is no violation of the program', async (name, body, subject) => {
  const found = await explore(program(name.replaceAll(' ', '-'), body))
  expect(found.violations).toMatchObject([{ kind: 'unfaithful' }])
  expect(found.violations[0]?.property).toMatch(/does not recur/)
  expect(found.violations[0]?.detail).toMatch(/it would be of the kind (assertion|crash)/)
  expect(found.warnings).toContainEqual(expect.stringMatching(new RegExp(`^${subject}: `)))
})

test('violations of each kind recur, and stay what they are', async () => {
  const subject = program(
    'true',
    `static int at; switch (ps_choose(6)) {
      case 0: ps_assert(at, "at is something"); break;
      case 1: return 4;
      case 2: *(volatile int *)8 = 1; break;
      case 3: for (;;) pause();
      case 4: ps_choose(0);
      case 5: ps_choose(1); break;
    }`,
  )
  const found = await explore(subject, { properties: [always('shallow', ({ depth }) => depth < 2)] })
  const kinds = found.violations.map(({ kind }) => kind).sort()
  expect(kinds).toEqual(['always', 'assertion', 'crash', 'deadlock', 'exit', 'hang'])
})

test('a true violation comes before one that does not recur', async () => {
  const body =
    'if (ps_choose(2)) ps_assert(umask(0) == 022, "mask"); else { umask(0); if (ps_choose(2)) ps_assert(0, "true"); }'
  const found = await explore(program('both', `umask(022); ${body}`))
  expect(found.violations.map(({ kind }) => kind)).toEqual(['assertion', 'unfaithful'])
})

test('a model that keeps state beside its bytes is told, and its bytes are as they were', async () => {
  const state = new Uint8Array(1)
  let calls = 0
  const found = await explore(
    new ByteModel({
      state,
      alternatives: () => 2,
      choose(alternative) {
        if (++calls === 3) throw new Error('the third call')
        state[0] = alternative
      },
    }),
    { maxTransitions: 10 },
  )
  expect(found.violations).toMatchObject([{ kind: 'unfaithful' }])
  expect(state[0]).toBe(0)
})
