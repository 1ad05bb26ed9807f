import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ByteModel, type Bytes, explore, WasmModel } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'
import wabt from 'wabt'

import { errorOf } from '../support/pages.js'

const { parseWat } = await wabt()

function assemble(text: string): Uint8Array {
  return parseWat('model.wat', text).toBinary({ write_debug_names: true }).buffer
}

function philosophers(n: number): Bytes {
  const state = new Uint8Array(2 * n) // where each is, then which forks are taken
  const able = () =>
    Array.from({ length: n }, (_, i) => i).filter((i) => {
      const place = state[i] ?? 0
      return place === 2 || state[n + ((i + place) % n)] === 0
    })
  return {
    state,
    ways: () => able().length,
    choose(way) {
      const i = able()[way] ?? 0
      const place = state[i] ?? 0
      state[i] = (place + 1) % 3
      if (place < 2) state[n + ((i + place) % n)] = 1
      else state[n + i] = state[n + ((i + 1) % n)] = 0
    },
  }
}

const text = readFileSync(join(import.meta.dirname, '../../examples/models/philosophers.wat'), 'utf8')

function wasmPhilosophers(n: number, more = ''): Uint8Array {
  return assemble(text.replace('5 (; N ;)', String(n)).replace('(func $fork', `${more}\n(func $fork`))
}

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
      ways: () => (state[0] === 3 ? -1 : 2),
      choose(way) {
        if (way === 1 && state[0] === 1) throw new TypeError('no such thing')
        if (way === 1 && state[0] === 2) throw Object.assign(new Error('two is too much'), { code: 'ERR_ASSERTION' })
        state[0] = (state[0] ?? 0) + (way === 0 ? 1 : 0)
      },
    }),
  )
  expect(found).toMatchObject({ complete: true, states: 4, transitions: 6, deadlocks: 0 })
  expect(found.violations).toMatchObject([
    { kind: 'crash', property: 'TypeError: no such thing', choices: [0, 1] },
    { kind: 'assertion', property: 'two is too much', choices: [0, 0, 1] },
  ])
})

test('a trap in WebAssembly is a crash', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1)
    (func (export "ways") (result i32) (i32.const 2))
    (func (export "choose") (param i32) (if (local.get 0) (then unreachable))))`)
  const found = await explore(new WasmModel(bytes))
  expect(found).toMatchObject({ complete: true, states: 1, transitions: 2 })
  expect(found.violations).toMatchObject([{ kind: 'crash', property: 'RuntimeError: unreachable', choices: [1] }])
})

test('state that a module keeps where it does not roll back is refused, by name', async () => {
  const refused = (more: string) => errorOf(() => new WasmModel(wasmPhilosophers(3, more)))
  expect(refused('(global $counter (mut i32) (i32.const 0))')).toMatchObject({ code: 'ERR_MODEL' })
  expect(refused('(global (export "turn") (mut i64) (i64.const -5))').message).toMatch(/\(turn\)/)
  expect(refused('(global (mut f64) (f64.const 1.5))').message).toMatch(/\(global 2\)/)
  // What cannot change may be there.
  const constants = '(global (export "place") i32 (i32.const 64)) (global f32 (f32.const 2))'
  expect(new WasmModel(wasmPhilosophers(3, constants)).uncaptured).toEqual([])
  const allowed = new WasmModel(wasmPhilosophers(3, '(global $a (mut i32) (i32.const 0))'), { allowGlobals: true })
  expect(allowed.uncaptured).toHaveLength(1)
  expect(await explore(allowed)).toMatchObject({ states: 14 })
})

test('a module without what is asked for is refused', () => {
  expect(errorOf(() => new WasmModel(Buffer.from('no module'))).code).toBe('ERR_MODEL')
  expect(errorOf(() => new WasmModel(assemble('(module)'))).message).toMatch(/no memory "memory"/)
  expect(errorOf(() => new WasmModel(assemble('(module (memory (export "memory") 1))'))).message).toMatch(/"ways"/)
})
