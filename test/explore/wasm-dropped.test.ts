import { explore, WasmModel } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { assemble, truthOf } from '../support/wasm.js'

// Copies from a segment, drops it, copies nothing, copies to 200; bytes 101 and 102 mirror what is dropped, so that the
// truth, which cannot see that, counts it.
function dropping(address: 'i32' | 'i64'): Uint8Array {
  const to = (n: number) => `(${address}.const ${n})`
  return assemble(`(module (memory (export "memory") ${address === 'i64' ? 'i64' : ''} 1) (data $a "abcd") (data $b "wxyz") (data (offset ${to(90)}) "!")
    (func (export "alternatives") (result i32) (if (result i32) (i32.ge_u (i32.load8_u ${to(100)}) (i32.const 3)) (then (i32.const -1)) (else (i32.const 6))))
    (func (export "choose") (param $way i32)
      (i32.store8 ${to(100)} (i32.add (i32.load8_u ${to(100)}) (i32.const 1)))
      (block $5 (block $4 (block $3 (block $2 (block $1 (block $0 (br_table $0 $1 $2 $3 $4 $5 (local.get $way)))
        (memory.init $a ${to(0)} (i32.const 1) (i32.const 2)) (return))
        (data.drop $a) (i32.store8 ${to(101)} (i32.const 1)) (return))
        (memory.init $a ${to(4)} (i32.const 0) (i32.const 0)) (return))
        (memory.init $b ${to(200)} (i32.const 0) (i32.load8_u ${to(100)})) (return))
        (data.drop $b) (i32.store8 ${to(102)} (i32.const 1)) (data.drop 2) (return))
      (memory.init $a ${to(65_533)} (i32.const 0) (i32.const 4))))`)
}

test.each(['breadth', 'depth'] as const)(
  'data segments that are dropped roll back and count, %s first',
  async (strategy) => {
    const bytes = dropping('i32')
    const truth = truthOf(bytes)
    expect(truth.crashes).toBeGreaterThan(20)
    const found = await explore(new WasmModel(bytes), { strategy, verify: true })
    expect(found).toMatchObject({ complete: true, states: truth.states, transitions: truth.transitions })
    expect(found.violations).toMatchObject([{ kind: 'crash', property: 'RuntimeError: memory access out of bounds' }])
  },
)

test('so they do where addresses have 64 bits', async () => {
  const bytes = dropping('i64')
  if (!WebAssembly.validate(bytes)) return console.warn('skipped: this engine has no memories of 64 bits')
  const truth = truthOf(bytes)
  const found = await explore(new WasmModel(bytes))
  expect(found).toMatchObject({ complete: true, states: truth.states, transitions: truth.transitions })
})

test('whether a segment is dropped tells two states apart where the memory is the same', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1) (data $d "a")
    (func (export "alternatives") (result i32) (i32.const 2))
    (func (export "choose") (param i32) (if (local.get 0) (then (data.drop $d)))
      (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))))`)
  expect(await explore(new WasmModel(bytes))).toMatchObject({
    complete: true,
    states: 2,
    transitions: 4,
    violations: [],
  })
})
