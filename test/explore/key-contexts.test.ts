/** Frames below the one that chooses count where a saved context leads back to them, and only there. */
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const hidden = [{ kind: 'assertion', property: 'it was told something else once', choices: [1, 1, 1] }]
const coroutines = ['setjmp', 'list', 'builtin', 'swapcontext', 'arena', 'thread']

/** What a program has: states, transitions, and whether its secret is found. */
const programs: [name: string, states: number, transitions: number, violations: object[]][] = [
  // The start, after each of two rounds either answer, and the end.
  ...coroutines.map((name): [string, number, number, object[]] => [name, 6, 15, hidden]),
  // Three rounds and the end: which error there was is forgotten.
  ['errors', 4, 9, []],
  ['inner-errors', 4, 9, []],
]

describe.each(['-O0', '-O1', '-O2'])('%s', (level) => {
  const dynamic = build('contexts.c', { flags: [level] })
  const whole = build('contexts.c', { flags: [level, '-static'] })

  test.each(programs)('%s', async (name, states, transitions, violations) => {
    for (const strategy of ['breadth', 'depth'] as const) {
      for (const program of [dynamic, whole]) {
        const found = await explore(new Program(program, [name]), { strategy, verify: true })
        expect(found).toMatchObject({ complete: true, states, transitions, violations })
      }
    }
  })
})
