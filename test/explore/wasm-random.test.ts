import { explore, WasmModel } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { assemble, truthOf } from '../support/wasm.js'
import { randomModule } from '../support/wasm-random.js'

const modules = Number(process.env['PAGESTORE_RANDOM_MODULES'] ?? 20)

test('random modules have as many states as when nothing is rolled back', async () => {
  const seed = Math.floor(Math.random() * 2 ** 30)
  let states = 0
  let crashes = 0
  let grown = 0
  for (let i = 0; i < modules; i++) {
    const { text, probes } = randomModule(seed + i)
    const bytes = assemble(text)
    const truth = truthOf(bytes, { probes })
    states += truth.states
    crashes += truth.crashes
    if (truth.sizes.length > 1) grown++
    for (const strategy of ['breadth', 'depth'] as const) {
      const found = await explore(new WasmModel(bytes), { strategy, allowDeadlock: true, verify: true })
      const violations = found.violations.map(({ kind }) => kind)
      expect({ seed: seed + i, text, strategy, ...found }).toMatchObject({
        complete: true,
        states: truth.states,
        transitions: truth.transitions,
      })
      expect(new Set(violations), `seed ${seed + i}`).toEqual(new Set(truth.crashes > 0 ? ['crash'] : []))
    }
  }
  console.log(`${modules} modules from seed ${seed} on: ${states} states, ${crashes} crashes, ${grown} of them grew`)
  expect(states).toBeGreaterThan(modules)
  expect(crashes + grown).toBeGreaterThan(0)
})
