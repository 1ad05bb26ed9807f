// Programs that were compiled with a sanitizer which looks for leaks at the end, by ptrace.
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { leftBehind } from '../support/left-behind.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const marker = `PAGESTORE_TEST=${folder}`
const source = `#include ${header}
static int at, round;
int main(void) {
  char *lost = malloc(100);
  ps_state(&at, sizeof at), ps_state(&round, sizeof round);
  for (; round < 2; ++round) at += ps_choose(2);
  ps_assert(lost != 0, "there is memory");
  lost = 0;
  return 0;
}`

describe.each(['leak', 'address'])('a program with -fsanitize=%s', (sanitizer) => {
  const file = compile(folder, sanitizer, source, `-fsanitize=${sanitizer}`)

  test.each([
    ['no environment', undefined],
    ['an environment', {}],
    ['options', { ASAN_OPTIONS: 'verbosity=0', LSAN_OPTIONS: 'exitcode=7' }],
    ['options that ask for it', { ASAN_OPTIONS: 'detect_leaks=1', LSAN_OPTIONS: 'detect_leaks=1' }],
    ['options that are empty', { ASAN_OPTIONS: '', LSAN_OPTIONS: '' }],
  ])('given %s ends as it does by itself, and leaves nothing behind', async (_, more) => {
    const env = more && { PATH: '/bin', PAGESTORE_TEST: folder, ...more }
    const found = await explore(new Program(file, [], { env, stepTimeout: 1e6 }))
    // The start, two sums at the second choice, and three at the end.
    expect(found).toMatchObject({ complete: true, states: 6, transitions: 6, violations: [] })
    expect(leftBehind(marker)).toEqual([])
  })
})

test('an environment that is none is refused', () => {
  const env = 'PATH=/bin' as unknown as Record<string, string>
  expect(() => new Program('true', [], { env })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT_TYPE' }))
})
