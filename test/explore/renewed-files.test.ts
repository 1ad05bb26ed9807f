// A file that is made anew at each step is no further state for that, where it has the same name, or none.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

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

// On a disk a new file gets the inode that is free, and may be made at the same time as the one before by the kernel's clock;
// in memory each gets another.
describe.each([ownFolder(), ownFolder('/dev/shm')])('%s', (parent) => {
  const program = build('renewals.c', { flags: ['-g', '-O1'] })

  test.each([
    ['often', 3],
    ['moved often', 3],
    ['its inode is taken', 3],
    ['two files', 3],
    // That there is none yet, or nothing in it, is another state than a 0 in it.
    ['first made', 4],
    ['first moved', 4],
  ])('made anew %s: %s states, time after time', async (how, count) => {
    for (let time = 0; time < 3; time++) {
      const folder = mkdtempSync(join(parent, 'renewed-'))
      const { states, complete, violations } = await explore(new Program(program, [how, folder]), { maxStates: 100 })
      expect({ states, complete }).toEqual({ states: count, complete: true })
      expect(violations.map(({ property, choices }) => [property, choices.length])).toEqual([['three', 3]])
    }
  })
})
