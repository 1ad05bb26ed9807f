/** What pagestore.h itself has on the stack makes no states, however the program is compiled. */
import { expect, test } from 'vitest'

import { explore, Program } from '../../lib/explore/index.js'
import { build } from '../support/tracees.js'

test.each(['-O0', '-O1', '-O2'])(
  'a heap that declares nothing has no state too many, compiled with %s',
  async (flag) => {
    const found = await explore(new Program(build('heap.c', { flags: [flag] })))
    // 49 heaps of up to four numbers out of three; in the 24 that have room it waits for the number, too.
    expect(found).toMatchObject({ complete: true, violations: [], states: 73 })
  },
)
