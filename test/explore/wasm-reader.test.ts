import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { explore, WasmModel } from 'pagestore/explore'
import { expect, test } from 'vitest'

import type { PageStoreError } from '../../lib/errors.js'
import { createRandom } from '../../lib/explore/random.js'
import { instrument } from '../../lib/wasm/instrument.js'
import { readModule } from '../../lib/wasm/module.js'
import { stateOf } from '../../lib/wasm/state.js'
import { rounded } from '../support/rounds.js'
import { assemble } from '../support/wasm.js'

const require = createRequire(import.meta.url)
const programs = join(import.meta.dirname, '../programs/wasm')

/** Of what refuses a module; anything else is thrown. */
function messageOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    if ((error as PageStoreError).code !== 'ERR_MODEL') throw error
    return (error as PageStoreError).message
  }
  return undefined
}

function instrumented(bytes: Uint8Array): Uint8Array {
  const module = readModule(bytes)
  return instrument(module, stateOf(module)).bytes
}

// SIMD constants whose bytes are those of other instructions, in globals and in code.
const vectors =
  assemble(`(module (memory (export "memory") 1) (global $v (mut v128) (v128.const i64x2 0x0b0b0b0b0b0b0b0b 0xfd0c))
  (global v128 (v128.const i32x4 1 0x0b 3 0x24002400)) (global $n (mut f64) (f64.const nan:0x80b0b0b0b0b0b))
  (func (export "alternatives") (result i32) (i32x4.extract_lane 3 (global.get $v)))
  (func (export "choose") (param i32)
    (global.set $n (f64.const 1))
    (global.set $v (i8x16.shuffle 0 11 11 31 0 2 3 4 5 6 7 8 9 10 12 13 (v128.const i8x16 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11 11) (global.get $v)))))`)

const features =
  assemble(`(module (type $f (func (result i32))) (memory (export "memory") 1 2 shared) (tag $t (param i64)) (table 2 funcref)
  (elem (i32.const 0) $g) (elem declare func $g) (data $d "ab\\0b") (global $a (mut i64) (i64.const -0x123456789abcdef))
  (func $g (type $f) (try (result i32) (do (throw $t (i64.const 1))) (catch $t (drop) (i32.const 1)) (catch_all (i32.const 2))))
  (func (export "alternatives") (result i32) (return_call_indirect (type $f) (i32.const 0)))
  (func (export "choose") (param i32) (local f32 f64 v128 externref funcref)
    (drop (i32.atomic.rmw8.add_u offset=70000 (i32.const 4) (i32.const 1))) (atomic.fence)
    (memory.init $d (i32.const 1) (i32.const 2) (i32.const 1)) (data.drop $d) (memory.fill (i32.const 1) (i32.const 2) (i32.const 3))
    (global.set $a (i64.trunc_sat_f64_u (f64.const 1e9)))
    (drop (select (result funcref) (ref.func $g) (ref.null func) (local.get 0)))
    (block $x (block $y (br_table $x $y $y $x (local.get 0))))
    (drop (v128.load8_lane offset=3 7 (i32.const 0) (local.get 3)))
    (drop (i32.extend8_s (memory.grow (i32.const 0))))))`)

test('vectors, atomics, exceptions and tail calls are understood, and what is made of a module is a module', () => {
  for (const bytes of [vectors, features]) {
    expect(new WasmModel(bytes).uncaptured).toEqual([])
    expect(stateOf(readModule(bytes)).saved.length).toBeGreaterThan(0)
    expect(WebAssembly.validate(instrumented(bytes))).toBe(true)
  }
})

test('modules of other people are understood', () => {
  const folders = [
    programs,
    join(dirname(require.resolve('@vscode/tree-sitter-wasm'))),
    dirname(require.resolve('sql.js')),
  ]
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  const modules = files.filter((file) => file.endsWith('.wasm'))
  expect(modules.length).toBeGreaterThan(10)
  for (const file of modules) expect(WebAssembly.validate(instrumented(readFileSync(file)))).toBe(true)
})

test('an instruction, a type and a section that nobody knows are refused', () => {
  const understood = (bytes: Uint8Array) => messageOf(() => stateOf(readModule(bytes)))
  const empty = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  const code = (...instructions: number[]) => {
    const body = [0, ...instructions, 0x0b]
    return Uint8Array.from([...empty, 10, body.length + 2, 1, body.length, ...body])
  }
  expect(understood(code(0x27))).toMatch(/an instruction 0x27 that is not known/)
  expect(understood(code(0xfc, 0x40))).toMatch(/an instruction 0xfc 0x40 that is not known/)
  expect(understood(code(0xd0, 0x5a))).toMatch(/a type 0x5a that is not known/)
  expect(understood(code(0x41, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f))).toMatch(/a number is too long/)
  expect(understood(Uint8Array.from([...empty, 14, 1, 0]))).toMatch(/a section of a kind 14/)
  expect(understood(Uint8Array.from([...empty, 6, 5, 1, 0x7f, 3, 0x41, 0]))).toMatch(/neither constant nor mutable/)
  expect(understood(Uint8Array.from([...empty, 10, 4, 1, 2, 0, 1]))).toMatch(/has no end/)
})

test('a damaged module is taken or refused, never more, and reading it ends', () => {
  const { numRuns, seed = Math.floor(Math.random() * 2 ** 31) } = rounded(1500, 20)
  const random = createRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const modules = [vectors, features, readFileSync(join(programs, 'shelf.wasm'))]
  let taken = 0
  for (let round = 0; round < numRuns; round++) {
    const bytes = [...modules[below(modules.length)]!]
    for (let edits = below(3); edits >= 0; edits--) {
      const at = below(bytes.length)
      if (below(3) === 0) bytes.splice(at, below(3), ...Array.from({ length: below(3) }, () => below(256)))
      else bytes[at] = [0x0b, 0x80, 0xff, 0xfc, 0xfd, below(256), below(256)][below(7)]!
    }
    const damaged = Uint8Array.from(bytes)
    const isValid = WebAssembly.validate(damaged)
    try {
      // First as no engine has checked it.
      messageOf(() => instrumented(damaged))
      const refusal = messageOf(() => new WasmModel(damaged))
      if (refusal === undefined) taken++
      if (!isValid) expect(refusal).toMatch(/^WebAssembly.Module/)
      else if (refusal !== undefined) expect(refusal).toMatch(/^the module(?! is not understood)/)
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}`, { cause: error })
    }
  }
  expect(taken).toBeGreaterThan(20)
})

test('where a trap was is said in the module that was given', async () => {
  const bytes = assemble(`(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
    (func (export "alternatives") (result i32) (i32.const 1))
    (func (export "choose") (param i32) (global.set $g (i32.const 77)) unreachable))`)
  const offset = Buffer.from(bytes).lastIndexOf(Buffer.from([0x24, 0x00, 0x00, 0x0b])) + 2
  const found = await explore(new WasmModel(bytes))
  expect(found.violations[0]?.detail).toMatch(new RegExp(`wasm-function\\[1\\]:0x${offset.toString(16)}\\b`))
})
