import { spawnSync } from 'node:child_process'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { buildExample } from '../support/examples.js'

describe.each([
  ['ring', { kind: 'assertion', property: 'first in, first out', choices: [0, 0, 0, 0, 1] }],
  ['mutex', { kind: 'assertion', property: 'mutual exclusion', choices: [0, 1, 1, 1, 0, 0] }],
  ['order', { kind: 'crash', property: expect.stringMatching(/^SIGSEGV in main/), choices: [0, 1, 2, 3] }],
  ['once', { kind: 'assertion', property: 'used before it was made', choices: [0, 0, 0, 1, 1] }],
] as const)('the bug in examples/bugs/%s.c', (name, violation) => {
  test.each(['-O0', '-O2'])('is found, with a shortest path to it (%s)', async (optimized) => {
    const program = buildExample(`bugs/${name}`, [optimized])
    const found = await explore(new Program(program))
    const { kind, property, choices } = violation
    const [first] = found.violations
    expect(first).toMatchObject({ kind, property })
    // Another path as short is as good: two threads may change places.
    expect(first?.choices).toHaveLength(choices.length)
    const { status, signal } = spawnSync(program, {
      env: { PAGESTORE_TRACE: first?.choices.join(',') ?? '', PAGESTORE_SEED: '1' },
    })
    expect(signal).toBe(kind === 'crash' ? 'SIGSEGV' : 'SIGABRT')
    expect(status).toBe(null)
  })

  test('is all that is wrong: equal states lead to equal ones', async () => {
    const found = await explore(new Program(buildExample(`bugs/${name}`, ['-O1'])), { verify: true })
    expect(found.violations.map(({ kind }) => kind)).toEqual([violation.kind])
  })

  test('is not there in the version that is mended', async () => {
    const found = await explore(new Program(buildExample(`bugs/${name}`, ['-DFIXED'])), { verify: true })
    expect(found).toMatchObject({ complete: true, violations: [] })
    expect(found.states).toBeGreaterThan(5)
  })
})
