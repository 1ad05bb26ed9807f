// A program that forbids itself calls by a filter (seccomp), which we would have it make for us: it is not made to end.
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('own-filters.c')

describe.each(['error', 'trap', 'kill'])('a program whose filter answers by: %s', (how) => {
  test('is not asked for its break, and explored like any other', async () => {
    const found = await explore(new Program(program, ['brk', how]), { verify: true })
    expect(found).toMatchObject({ complete: true, states: 5, violations: [], warnings: [] })
  })

  test('is not rolled back by the call that is forbidden, and the mapping is named', async () => {
    const failed = explore(new Program(program, ['munmap', how, 'late']))
    const isError = how === 'error'
    const why = isError ? '.*' : /process \d+ can make no such system call for us: its own filter.*/.source
    await expect(failed).rejects.toMatchObject({
      code: isError ? 'ERR_MAPPING' : 'ERR_PERMISSION',
      message: expect.stringMatching(`^the mapping at 0x100000000 could not be put back: ${why}$`),
    })
  })
})

test.each(['nobody', 'prctl', 'seccomp'])(
  'a program that asks whether there are filters has none (%s)',
  async (who) => {
    const found = await explore(new Program(program, ['probe', who]), { verify: true })
    expect(found).toMatchObject({ complete: true, states: 6, violations: [] })
  },
)
