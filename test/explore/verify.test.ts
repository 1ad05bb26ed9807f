import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { buildExample } from '../support/examples.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const head = `#include ${header}\n`

test('state that misses something is told, with what it misses', async () => {
  const program = compile(
    folder,
    'misses',
    `${head}int shown, hidden;
int main(void) {
  ps_state(&shown, sizeof shown);
  for (;;) {
    if (ps_choose(2)) { hidden = 1 - hidden; } else { shown = (shown + 1 + hidden) % 7; }
  }
}`,
  )
  const found = await explore(new Program(program), { verify: true })
  expect(found.verified).toBeGreaterThan(0)
  expect(found.violations).toMatchObject([{ kind: 'unfaithful' }])
  expect(found.violations[0]?.detail).toMatch(
    /the declared state lacks what the two differ in: .*hidden: [01] and [01]/,
  )
  expect(await explore(new Program(program))).toMatchObject({ violations: [], verified: 0 })
})

test('a program that is not deterministic is told from one that declares too little', async () => {
  const program = compile(
    folder,
    'random',
    `${head}int shown;
int main(void) {
  ps_state(&shown, sizeof shown);
  for (;;) {
    struct timespec now;
    ps_choose(2);
    clock_gettime(CLOCK_MONOTONIC, &now);
    shown = (shown + 1) % 3 == 0 ? 0 : 1 + (int)(now.tv_nsec % 50);
  }
}`,
  )
  const subject = new Program(program, [], { deterministic: { time: false } })
  const found = await explore(subject, { verify: true, maxStates: 200 })
  expect(found.violations).toMatchObject([{ kind: 'unfaithful' }])
  expect(found.violations[0]?.detail).toMatch(/not deterministic/)
})

test.each(['models/commit', 'models/hanoi', 'bugs/mutex'])('%s declares all that counts', async (name) => {
  const found = await explore(new Program(buildExample(name)), { verify: true })
  expect(found.verified).toBeGreaterThan(3)
  expect(found.violations.filter(({ kind }) => kind === 'unfaithful')).toEqual([])
})

test('with malloc and free in the loop, the states are the logical ones where they are declared', async () => {
  const source = (declares: boolean) => `${head}int digits[3];
char *blocks[3];
int main(void) {
  ${declares ? 'ps_state(digits, sizeof digits);' : ''}
  for (;;) {
    int i = ps_choose(3);
    free(blocks[i]);
    digits[i] = (digits[i] + 1) % 3;
    blocks[i] = malloc(16 + 100 * (size_t)digits[i]);
    memset(blocks[i], digits[i], 8);
  }
}`
  const declared = await explore(new Program(compile(folder, 'declared', source(true))))
  expect(declared).toMatchObject({ complete: true, states: 27, transitions: 81 })
  const raw = await explore(new Program(compile(folder, 'raw', source(false))), { maxStates: 300 })
  expect(raw.states).toBeGreaterThan(100)
})

test('without declared state the memory is the state, dead stack aside', async () => {
  const program = compile(
    folder,
    'undeclared',
    `${head}volatile int digits[4];
static __attribute__((noinline)) void scribble(int n) { volatile char dead[300]; for (int i = 0; i < 300; ++i) dead[i] = (char)(n * i); }
int main(void) {
  for (;;) {
    int i = ps_choose(4);
    scribble(i);
    digits[i] = (digits[i] + 1) % 3;
  }
}`,
  )
  // 3^4 memories; which alternative was taken last may still lie in a register that functions keep.
  const { complete, states } = await explore(new Program(program))
  expect(complete).toBe(true)
  expect(states).toBeGreaterThanOrEqual(81)
  expect(states).toBeLessThanOrEqual(81 * 4 + 1)
})
