// A file that is made anew at each step is no further state for that, where it has the same name, or none.
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

test.each([
  ['memfd-contents.c', 3],
  ['nameless-file.c', 3],
  ['unlinked-file.c', 3],
  ['renewed-file.c', 3],
  ['renamed-over.c', 3],
])('%s: %s states', async (name, count) => {
  const program = new Program(build(`homes/${name}`, { flags: ['-g', '-O1'] }))
  const { states, complete, violations } = await explore(program, { maxStates: 100 })
  expect({ states, complete }).toEqual({ states: count, complete: true })
  expect(violations.map(({ property, choices }) => [property, choices.length])).toEqual([['three', 3]])
})

test('one that is cut to the length that it has, or to what it had, is as it was', async () => {
  const path = join(ownFolder(), 'file')
  const program = new Program(build('homes/file-length.c', { flags: ['-O1', `-DNAME="${path}"`] }))
  const { states, complete, warnings } = await explore(program, { maxStates: 100 })
  expect({ states, complete, warnings }).toEqual({ states: 3, complete: true, warnings: [] })
})
