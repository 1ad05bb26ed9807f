/** Whatever a program says to its checker, and does, a search of it ends, and nothing is left of it. */
import fc from 'fast-check'
import { PageStoreError } from 'pagestore'
import { explore, Program, type RunningProgram } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { rounded } from '../support/rounds.js'
import { build, isThere } from '../support/tracees.js'

const program = build('liar.c')
const limit = 150

const edges = [
  0n,
  1n,
  2n,
  7n,
  4095n,
  4096n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 47n,
  2n ** 63n,
  2n ** 64n - 1n,
]
const number = fc.oneof(
  fc.constantFrom(...edges).map(String),
  fc.bigInt(0n, 2n ** 64n - 1n).map(String),
  fc.nat(8192).map(String),
  fc
    .tuple(fc.constantFrom('p', 'l', 's', 'c'), fc.oneof(fc.constantFrom(0, 1, 4000, 4090, 4095), fc.nat(9000)))
    .map(([base, offset]) => `${base}${offset}`),
)
const ours = fc.integer({ min: 0x70730000, max: 0x70730003 }).map(String)
const act = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('q'), ours, number, number, number) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom('w', 'r', 'd', 'i'), number, number, number, number) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...'umhtbnxke'), number, number, number, number) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('z'), number, number, number, number) },
)
const script = fc.array(act, { minLength: 1, maxLength: 5 }).map((acts) => {
  return acts.map(([what, ...numbers]) => `${what}${numbers.join(',')}`).join(';')
})
const options = fc.record({
  strategy: fc.constantFrom('breadth' as const, 'depth' as const),
  verify: fc.boolean(),
  files: fc.constantFrom('restore' as const, 'ignore' as const),
  deterministic: fc.boolean(),
  tracker: fc.constantFrom('none' as const, undefined),
})

/** What our process has more than what it had, in bytes. */
const memory = () => process.memoryUsage().rss

test('a program that lies', async () => {
  const first = memory()
  const codes = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(script, fc.integer({ min: 1, max: 6 }), options, async (script, choices, options) => {
      const { strategy, verify, ...start } = options
      const pids: number[] = []
      const subject = new Program(program, [script, String(choices)], { ...start, stepTimeout: limit, onWarning() {} })
      const open = subject.open.bind(subject)
      subject.open = (store): RunningProgram => {
        const running = open(store)
        pids.push(running.memory.pid)
        return running
      }
      let code = 'found'
      try {
        const found = await explore(subject, { strategy, verify, maxTransitions: 24, maxStates: 24 })
        expect(found.transitions).toBeLessThanOrEqual(24)
      } catch (error) {
        expect(error).toBeInstanceOf(PageStoreError)
        code = (error as PageStoreError).code
      }
      codes.set(code, (codes.get(code) ?? 0) + 1)
      expect(pids.filter(isThere)).toEqual([])
      expect(memory() - first).toBeLessThan(2 ** 30)
    }),
    rounded(10),
  )
  console.log([...codes].map(([code, count]) => `${code} ${count}`).join(', '))
})
