import { explore, WasmModel } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { assemble, truthOf } from '../support/wasm.js'

// Grows by none, one or three pages, writes to the last byte, and asks how large it is; traps beyond the end.
const growing = assemble(`(module (memory (export "memory") 1 12)
  (func (export "alternatives") (result i32) (if (result i32) (i32.ge_u (i32.load8_u (i32.const 0)) (i32.const 4)) (then (i32.const -1)) (else (i32.const 4))))
  (func (export "choose") (param $by i32) (local $end i32)
    (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
    (if (i32.eq (local.get $by) (i32.const 2)) (then
      (drop (i32.load8_u (i32.mul (i32.const 65536) (i32.add (i32.const 1) (i32.load8_u (i32.const 0))))))
      (return)))
    (i32.store8 offset=1 (i32.load8_u (i32.const 0)) (memory.grow (local.get $by)))
    (local.set $end (i32.mul (memory.size) (i32.const 65536)))
    (i32.store8 (i32.sub (local.get $end) (i32.const 1)) (local.get $by))
    (i32.store8 (i32.const 100) (i32.add (memory.size) (i32.load8_u (i32.sub (local.get $end) (i32.const 65537)))))))`)

describe.each(['breadth', 'depth'] as const)('%s first', (strategy) => {
  test('the size of the memory rolls back and counts, and what lies beyond it traps', async () => {
    const truth = truthOf(growing)
    expect(truth.sizes.length).toBeGreaterThan(5)
    expect(truth.crashes).toBeGreaterThan(5)
    const found = await explore(new WasmModel(growing), { strategy, verify: true })
    expect(found).toMatchObject({ complete: true, states: truth.states, transitions: truth.transitions })
    expect(found.violations.map(({ kind, property }) => [kind, property])).toEqual([
      ['crash', 'RuntimeError: memory access out of bounds'],
    ])
  })

  test('a size alone tells two states apart, and a step that grew and then trapped leaves nothing', async () => {
    const bytes = assemble(`(module (memory (export "memory") 1)
      (func (export "alternatives") (result i32) (if (result i32) (i32.ge_u (memory.size) (i32.const 5)) (then (i32.const -1)) (else (i32.const 3))))
      (func (export "choose") (param i32) (drop (memory.grow (local.get 0)))
        (if (i32.eq (local.get 0) (i32.const 2)) (then unreachable))))`)
    const found = await explore(new WasmModel(bytes), { strategy })
    expect(found).toMatchObject({ complete: true, states: 5, transitions: 12, violations: [{ kind: 'crash' }] })
  })
})

test('a trace goes back through growth, and names globals that changed with it', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1) (global $steps (mut i32) (i32.const 0))
    (func (export "alternatives") (result i32) (if (i32.eq (memory.size) (i32.const 4)) (then unreachable)) (i32.const 2))
    (func (export "choose") (param i32) (drop (memory.grow (local.get 0))) (global.set $steps (memory.size))))`)
  const found = await explore(new WasmModel(bytes))
  const steps = found.violations[0]?.steps?.map(({ changes }) => changes.map(({ what, after }) => `${what} ${after}`))
  expect(found.violations).toMatchObject([{ kind: 'crash', choices: [1, 1, 1] }])
  expect(steps).toEqual([['steps 2'], ['steps 3'], ['steps 4']])
})

test('the start function and _initialize run once, however many instances there are', async () => {
  let calls = ''
  const bytes = assemble(`(module (import "host" "note" (func $note (param i32))) (memory (export "memory") 1)
    (global $ready (mut i32) (i32.const 0)) (start $begin)
    (func $begin (call $note (i32.const 1)) (i32.store8 (i32.const 8) (i32.const 1)) (drop (memory.grow (i32.const 1))))
    (func (export "_initialize") (call $note (i32.const 2)) (global.set $ready (i32.const 1)))
    (func (export "alternatives") (result i32)
      (if (i32.eqz (i32.and (global.get $ready) (i32.load8_u (i32.const 8)))) (then unreachable))
      (if (result i32) (i32.eq (memory.size) (i32.const 4)) (then (i32.const -1)) (else (i32.const 2))))
    (func (export "choose") (param i32) (drop (memory.grow (local.get 0)))))`)
  const imports = { host: { note: (which: number) => (calls += which) } }
  const model = new WasmModel(bytes, { imports })
  expect(await explore(model)).toMatchObject({ complete: true, states: 3, transitions: 4, violations: [] })
  expect(calls).toBe('12')
  await explore(model)
  expect(calls).toBe('1212')
})

test('what fails before the first choice is a violation', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1) (start $f) (func $f unreachable)
    (func (export "alternatives") (result i32) (i32.const -1)) (func (export "choose") (param i32)))`)
  expect((await explore(new WasmModel(bytes))).violations).toMatchObject([{ kind: 'crash', choices: [] }])
})

describe('a memory that is imported', () => {
  const importing = (body: string) =>
    assemble(`(module (import "host" "memory" (memory 2 8)) (export "memory" (memory 0)) (data (i32.const 9) "x")
      (func (export "alternatives") (result i32) (if (result i32) (i32.ge_u (i32.load8_u (i32.const 0)) (i32.const 3)) (then (i32.const -1)) (else (i32.const 2))))
      (func (export "choose") (param i32) (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (local.get 0))) ${body}))`)

  test('rolls back, and is given back as it was', async () => {
    const memory = new WebAssembly.Memory({ initial: 3, maximum: 8 })
    new Uint8Array(memory.buffer).set([1, 2, 3])
    const model = new WasmModel(importing(''), { imports: { host: { memory } } })
    for (let run = 0; run < 2; run++) {
      expect(await explore(model)).toMatchObject({ complete: true, states: 3, transitions: 4 })
    }
    expect([...new Uint8Array(memory.buffer, 0, 10)]).toEqual([1, 2, 3, 0, 0, 0, 0, 0, 0, 0])
  })

  test('may not grow', async () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 8 })
    const model = new WasmModel(importing('(drop (memory.grow (local.get 0)))'), { imports: { host: { memory } } })
    await expect(explore(model)).rejects.toMatchObject({
      code: 'ERR_MODEL',
      message: expect.stringMatching(/grew to 3/),
    })
  })
})

test('a module that grows and imports a table may not grow, since two instances would share that', async () => {
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1 })
  const bytes = (by: string) =>
    assemble(`(module (import "host" "table" (table 1 funcref)) (elem (i32.const 0) $f) (memory (export "memory") 1)
      (func $f (i32.store8 (i32.const 0) (i32.const 1)))
      (func (export "alternatives") (result i32) (if (result i32) (i32.load8_u (i32.const 0)) (then (i32.const -1)) (else (i32.const 1))))
      (func (export "choose") (param i32) (call_indirect (i32.const 0)) (drop (memory.grow (i32.const ${by})))))`)
  const imports = { host: { table } }
  expect(await explore(new WasmModel(bytes('0'), { imports }))).toMatchObject({ complete: true, states: 2 })
  await expect(explore(new WasmModel(bytes('1'), { imports }))).rejects.toMatchObject({ code: 'ERR_MODEL' })
})
