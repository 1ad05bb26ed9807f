import { always, explore, WasmModel } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { assemble } from '../support/wasm.js'

/** A module whose only state is one global: it counts up by 1 or 2, and ends at 7. */
const counters: [type: string, first: string, read: string, add: string][] = [
  ['i32', '(i32.const 1600)', '(i32.sub (global.get $g) (i32.const 1600))', '(i32.add (global.get $g) (local.get $n))'],
  [
    'i64',
    '(i64.const -3)',
    '(i32.wrap_i64 (i64.add (global.get $g) (i64.const 3)))',
    '(i64.add (global.get $g) (i64.extend_i32_u (local.get $n)))',
  ],
  [
    'f32',
    '(f32.const 0.5)',
    '(i32.trunc_f32_s (global.get $g))',
    '(f32.add (global.get $g) (f32.convert_i32_s (local.get $n)))',
  ],
  [
    'f64',
    '(f64.const 1e15)',
    '(i32.trunc_f64_s (f64.sub (global.get $g) (f64.const 1e15)))',
    '(f64.add (global.get $g) (f64.convert_i32_s (local.get $n)))',
  ],
  [
    'v128',
    '(v128.const i32x4 1 0x0b0b0b0b 0 0x0b)',
    '(i32x4.extract_lane 2 (global.get $g))',
    '(i32x4.replace_lane 2 (global.get $g) (i32.add (i32x4.extract_lane 2 (global.get $g)) (local.get $n)))',
  ],
]

function counter([type, first, read, add]: (typeof counters)[number], more = ''): Uint8Array {
  return assemble(`(module (memory (export "memory") 1) ${more} (global $g (mut ${type}) ${first})
    (func (export "alternatives") (result i32) (if (result i32) (i32.ge_s ${read} (i32.const 7)) (then (i32.const -1)) (else (i32.const 2))))
    (func (export "choose") (param $n i32) (local.set $n (i32.add (local.get $n) (i32.const 1))) (global.set $g ${add})))`)
}

describe.each(['breadth', 'depth'] as const)('%s first', (strategy) => {
  test.each(counters)('a mutable %s rolls back and counts', async (...row) => {
    for (const more of [
      '',
      '(global (mut v128) (v128.const i32x4 0 0 0x0b 0)) (global $sp (mut i32) (i32.const 65536))',
    ]) {
      const found = await explore(new WasmModel(counter(row, more)), { strategy })
      expect(found).toMatchObject({ complete: true, states: 9, transitions: 14, violations: [] })
    }
  })
})

test('the bits of a NaN roll back', async () => {
  const text = (type: string, width: number) => `(module (memory (export "memory") 1)
    (global $g (mut f${width}) (f${width}.const 0))
    (func $bits (result i${width}) (i${width}.reinterpret_f${width} (global.get $g)))
    (func (export "alternatives") (result i32)
      (if (result i32) (i${width}.eq (call $bits) (i${width}.const 0)) (then (i32.const 2)) (else (i32.const 1))))
    (func (export "choose") (param i32)
      (if (i${width}.eq (call $bits) (i${width}.const 0))
        (then (global.set $g (f${width}.reinterpret_i${width} (select (i${width}.const ${type}01) (i${width}.const ${type}02) (local.get 0)))))
        (else (i32.store8 (i32.const 0) (i32.wrap_i64 ${width === 64 ? '(call $bits)' : '(i64.extend_i32_u (call $bits))'}))))))`
  // A NaN of either kind, with a payload; and what is stored of it afterwards.
  for (const [first, width] of [
    ['0x7f8000', 32],
    ['0xffc000', 32],
    ['0x7ff00000000000', 64],
  ] as const) {
    const found = await explore(new WasmModel(assemble(text(first, width))))
    expect(found).toMatchObject({ complete: true, states: 5, transitions: 6, violations: [] })
  }
})

test('a property and a trace call a global by its name', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1)
    (global $turn (export "turn") (mut i32) (i32.const 0)) (global $inner (mut i32) (i32.const 5))
    (global (export "cell") i32 (i32.const 256)) (data (i32.const 256) "\\2a")
    (func (export "alternatives") (result i32) (i32.const 2))
    (func (export "choose") (param i32) (global.set $turn (i32.rem_u (i32.add (global.get $turn) (local.get 0)) (i32.const 4)))
      (global.set $inner (i32.sub (i32.const 5) (global.get $turn)))))`)
  const found = await explore(new WasmModel(bytes), {
    properties: [always('three is never reached', (state) => state.int32('turn') !== 3 && state.uint8('cell') === 42)],
  })
  expect(found).toMatchObject({ complete: true, states: 4 })
  const [violation] = found.violations
  expect(violation).toMatchObject({ property: 'three is never reached', choices: [1, 1, 1] })
  const last = violation?.steps?.[2]?.changes.map(({ what, before, after }) => [what, before, after])
  expect(last).toEqual([
    ['turn', '2', '3'],
    ['inner', '3', '2'],
  ])
})

test('an imported global rolls back, and is given back as it was', async () => {
  const level = new WebAssembly.Global({ value: 'i64', mutable: true }, 3n)
  const bytes = assemble(`(module (import "host" "level" (global $g (mut i64))) (memory (export "memory") 1)
    (func (export "alternatives") (result i32) (select (i32.const -1) (i32.const 2) (i64.eq (global.get $g) (i64.const 6))))
    (func (export "choose") (param i32) (global.set $g (i64.add (global.get $g) (i64.extend_i32_u (local.get 0))))))`)
  const model = new WasmModel(bytes, { imports: { host: { level } } })
  for (let run = 0; run < 2; run++)
    expect(await explore(model)).toMatchObject({ complete: true, states: 4, transitions: 6 })
  expect(level.value).toBe(3n)
})

test('hundreds of globals roll back', async () => {
  const indices = Array.from({ length: 700 }, (_, i) => i)
  const bytes = assemble(`(module (memory (export "memory") 1)
    ${indices.map((i) => `(global $g${i} (mut ${i % 3 === 0 ? 'i64' : 'i32'}) (${i % 3 === 0 ? 'i64' : 'i32'}.const ${i}))`).join('')}
    (func (export "alternatives") (result i32) (if (result i32) (i32.eq (global.get $g1) (i32.const 4)) (then (i32.const -1)) (else (i32.const 2))))
    (func (export "choose") (param i32) ${indices
      .map((i) =>
        i % 3 === 0
          ? `(global.set $g${i} (i64.add (global.get $g${i}) (i64.extend_i32_u (local.get 0))))`
          : `(global.set $g${i} (i32.add (global.get $g${i}) (local.get 0)))`,
      )
      .join('')}))`)
  expect(await explore(new WasmModel(bytes))).toMatchObject({ complete: true, states: 4, transitions: 6 })
})

test('what a global holds when a trap ends a step is not seen by the next', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1) (global $stack (mut i32) (i32.const 64))
    (func (export "alternatives") (result i32) (select (i32.const -1) (i32.const 2) (i32.load8_u (i32.const 0))))
    (func (export "choose") (param i32) (global.set $stack (i32.sub (global.get $stack) (i32.const 16)))
      (if (i32.eqz (local.get 0)) (then unreachable))
      (i32.store8 (i32.const 0) (global.get $stack)) (global.set $stack (i32.add (global.get $stack) (i32.const 16)))))`)
  const found = await explore(new WasmModel(bytes), {
    properties: [always('48', (state) => [0, 48].includes(state.uint8(0n)))],
  })
  expect(found).toMatchObject({ complete: true, states: 2, transitions: 2, violations: [{ kind: 'crash' }] })
})

test('globals that hold references are refused by name, unless they are said to keep no state', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1) (global $holder (mut externref) (ref.null extern))
    (global (export "next") (mut funcref) (ref.null func))
    (func (export "alternatives") (result i32) (i32.const -1)) (func (export "choose") (param i32)))`)
  const error = errorOf(() => new WasmModel(bytes))
  expect(error).toMatchObject({ code: 'ERR_MODEL' })
  expect(error.message).toMatch(/holder: externref, next: funcref/)
  const allowed = new WasmModel(bytes, { allowGlobals: true })
  expect(allowed.uncaptured).toEqual([{ name: 'holder' }, { name: 'next' }])
  expect(await explore(allowed)).toMatchObject({ complete: true, states: 1 })
})
