// A file that is made anew at each step is no further state for that, where it has the same name, or none.
import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { build } from '../support/tracees.js'

test.each([
  ['memfd-contents.c', 3],
  ['nameless-file.c', 3],
  ['unlinked-file.c', 3],
  ['renewed-file.c', 4], // at first the file is closed, and nothing is known of it
])('%s: %s states', async (name, count) => {
  const program = new Program(build(`homes/${name}`, { flags: ['-g', '-O1'] }))
  const { states, complete, violations } = await explore(program, { maxStates: 100 })
  expect({ states, complete }).toEqual({ states: count, complete: true })
  expect(violations.map(({ property, choices }) => [property, choices.length])).toEqual([['three', 3]])
})
