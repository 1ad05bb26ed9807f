/** What a thread has beside memory tells states apart: its blocked signals, and the registers that a call keeps. */
import { readFileSync } from 'node:fs'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const everywhere = ['mask', 'rounding', 'exceptions']
const hasKeys = /\bospke\b/.test(readFileSync('/proc/cpuinfo', 'latin1'))
const kinds =
  process.arch === 'x64'
    ? [...everywhere, 'precision', 'gs', 'fs', 'alignment', 'selectors', ...(hasKeys ? ['keys'] : [])]
    : everywhere

describe.each(['-O0', '-O1', '-O2'])('%s', (level) => {
  const program = build('kept.c', { flags: [level] })

  test.each(kinds)('%s: each way is a state, whichever rounds came before', async (kind) => {
    for (const strategy of ['breadth', 'depth'] as const) {
      const found = await explore(new Program(program, [kind]), { strategy, verify: true })
      // At the start, twice after each of three rounds, and at the end that way 0 comes to.
      expect(found).toMatchObject({ complete: true, states: 1 + 3 * 2 + 1, transitions: 2 * 5 + 2 })
      expect(found.violations).toMatchObject([{ kind: 'assertion', property: 'it is as way 0 left it' }])
      expect(found.violations[0]?.choices.at(-2)).toBe(1)
    }
  })
})
