/** Frames below the one that chooses count where a lone stack pointer leads to them, wherever that is kept. */
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const property = 'it was told something else once'

/** What a program has: states, transitions, and the choices that lead to its secret. */
const programs: [name: string, states: number, transitions: number, choices: number[]][] = [
  // The start, after each of two rounds either answer, and the end.
  ...['global', 'modes', 'most', 'frame', 'other-thread', 'between-threads', 'suspended-frame', 'code-first'].map(
    (name): [string, number, number, number[]] => [name, 6, 15, [1, 1, 1]],
  ),
  // The start, what the coroutine will be told, and the end.
  ['unstarted', 5, 12, [1, 1]],
]

describe.skipIf(process.arch !== 'x64').each(['-O0', '-O1', '-O2'])('%s', (level) => {
  test.each(programs)('%s', async (name, states, transitions, choices) => {
    const violations = [{ kind: 'assertion', property, choices }]
    for (const flags of [[level], [level, '-static']]) {
      const program = new Program(build('switches.c', { flags }), [name])
      const found = await explore(program, { verify: true })
      expect(found).toMatchObject({ complete: true, states, transitions, violations })
    }
  })
})
