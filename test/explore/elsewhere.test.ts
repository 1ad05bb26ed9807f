import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ByteModel, type Bytes, explore, WasmModel } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { commit, hanoi, jugs, missionaries, philosophers, puzzle, wolf } from '../support/plain-models.js'
import { assemble } from '../support/wasm.js'

const text = readFileSync(join(import.meta.dirname, '../../examples/models/philosophers.wat'), 'utf8')

function wasmPhilosophers(n: number): Uint8Array {
  return assemble(text.replace('5 (; N ;)', String(n)))
}

test.each<[string, Bytes, number, number | undefined, number]>([
  ...[3, 4, 5, 6].map((n): [string, Bytes, number, undefined, number] => [
    `${n} philosophers who put forks down singly`,
    philosophers(n, { singly: true }),
    3 ** n - 1,
    undefined,
    1,
  ]),
  ...[5, 12, 29, 70, 169].map((states, i): [string, Bytes, number, undefined, number] => [
    `${i + 2} philosophers, the last reversed`,
    philosophers(i + 2, { reversed: true }),
    states,
    undefined,
    0,
  ]),
  ...[3, 4, 5, 6].map((n): [string, Bytes, number, number, number] => [
    `Hanoi with ${n} discs`,
    hanoi(n),
    3 ** n,
    3 ** (n + 1) - 3,
    0,
  ]),
  ['missionaries and cannibals', missionaries(), 16, 34, 0],
  ['wolf, goat and cabbage', wolf(), 10, 20, 0],
  ['jugs', jugs(), 16, 96, 0],
  ['two-phase commit', commit(3), 288, 1145, 0],
  ['the puzzle of two rows', puzzle(2), 360, 840, 0],
])('%s as a plain object: as many states as the program has', async (_, model, states, transitions, deadlocks) => {
  for (const strategy of ['breadth', 'depth'] as const) {
    const found = await explore(new ByteModel(model), { strategy, verify: true, allowDeadlock: true })
    expect(found).toMatchObject({ complete: true, states, deadlocks, violations: [] })
    if (transitions !== undefined) expect(found.transitions).toBe(transitions)
  }
})

test('all positions of the 8-puzzle as a plain object', async () => {
  const found = await explore(new ByteModel(puzzle(3)))
  expect(found).toMatchObject({ complete: true, states: 181_440, transitions: 483_840 })
})

describe.each([
  [2, 6],
  [3, 14],
  [4, 34],
  [5, 82],
  [6, 198],
  [7, 478],
  [8, 1154],
])('%i philosophers are in %i states', (n, states) => {
  test.each(['breadth', 'depth'] as const)('as a plain object, %s first', async (strategy) => {
    const found = await explore(new ByteModel(philosophers(n)), { strategy })
    expect(found).toMatchObject({ complete: true, states, deadlocks: 1 })
  })

  test.each(['breadth', 'depth'] as const)('as WebAssembly, %s first', async (strategy) => {
    const found = await explore(new WasmModel(wasmPhilosophers(n)), { strategy })
    expect(found).toMatchObject({ complete: true, states, deadlocks: 1 })
  })
})

test('a plain object is given back as it was', async () => {
  const model = philosophers(3)
  await explore(new ByteModel(model))
  expect(model.state.every((byte) => byte === 0)).toBe(true)
})

test('what a plain object throws is a crash or a failed assertion, and the search goes on', async () => {
  const state = new Uint8Array(1)
  const found = await explore(
    new ByteModel({
      state,
      alternatives: () => (state[0] === 3 ? -1 : 2),
      choose(alternative) {
        if (alternative === 1 && state[0] === 1) throw new TypeError('no such thing')
        if (alternative === 1 && state[0] === 2)
          throw Object.assign(new Error('two is too much'), { code: 'ERR_ASSERTION' })
        state[0] = (state[0] ?? 0) + (alternative === 0 ? 1 : 0)
      },
    }),
  )
  expect(found).toMatchObject({ complete: true, states: 4, transitions: 6, deadlocks: 0 })
  expect(found.violations).toMatchObject([
    { kind: 'crash', property: 'TypeError: no such thing', choices: [0, 1] },
    { kind: 'assertion', property: 'two is too much', choices: [0, 0, 1] },
  ])
})

test.each(['alternatives', 'ways'])('a trap in WebAssembly is a crash, in a module that exports %s', async (name) => {
  const bytes = assemble(`(module (memory (export "memory") 1)
    (func (export "${name}") (result i32) (i32.const 2))
    (func (export "choose") (param i32) (if (local.get 0) (then unreachable))))`)
  const found = await explore(new WasmModel(bytes))
  expect(found).toMatchObject({ complete: true, states: 1, transitions: 2 })
  expect(found.violations).toMatchObject([{ kind: 'crash', property: 'RuntimeError: unreachable', choices: [1] }])
})

test('a module without what is asked for is refused', () => {
  expect(errorOf(() => new WasmModel(Buffer.from('no module'))).code).toBe('ERR_MODEL')
  expect(errorOf(() => new WasmModel(assemble('(module)'))).message).toMatch(/no memory "memory"/)
  expect(errorOf(() => new WasmModel(assemble('(module (memory (export "memory") 1))'))).message).toMatch(
    /"alternatives"/,
  )
})
