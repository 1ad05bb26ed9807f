import { explore, WasmModel } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { assemble } from '../support/wasm.js'

const interfaceOf = (body = '') =>
  `(func (export "alternatives") (result i32) (i32.const -1)) (func (export "choose") (param i32) ${body})`

/** The error of a module; one that this engine does not take is refused by the engine. */
function refusal(bytes: Uint8Array): string {
  const error = errorOf(() => new WasmModel(bytes))
  expect(error.code).toBe('ERR_MODEL')
  return WebAssembly.validate(bytes) ? error.message : 'not for this engine'
}

describe('state that does not roll back is refused by name', () => {
  test.each([
    ['table.set', '(table.set $handlers (i32.const 0) (ref.null func))'],
    ['table.fill', '(table.fill $handlers (i32.const 0) (ref.null func) (i32.const 1))'],
    ['table.grow', '(drop (table.grow $handlers (ref.null func) (i32.const 1)))'],
    ['table.copy', '(table.copy $handlers $constant (i32.const 0) (i32.const 0) (i32.const 1))'],
    ['table.init', '(table.init $handlers $some (i32.const 0) (i32.const 0) (i32.const 1))'],
  ])('a table that %s changes', (instruction, code) => {
    const bytes = assemble(`(module (memory (export "memory") 1) (table $constant 2 funcref) (table $handlers 2 funcref)
      (elem $some func $f) (func $f) ${interfaceOf(code)})`)
    expect(refusal(bytes)).toMatch(new RegExp(`changes handlers \\(by ${instruction}\\)`))
  })

  test('a second memory', () => {
    const bytes = assemble(`(module (memory (export "memory") 1) (memory 1) ${interfaceOf()})`)
    expect(refusal(bytes)).toMatch(/2 memories|not for this engine/)
  })

  // What only compilers with garbage collection make: `choose` changes a struct or an array, or makes one. Binaryen made these.
  test.each([
    [
      'a mutable global',
      '0061736d01000000010d035f017f016000017f60017f0003030201020503010001060a016300014100fb00000b072203066d656d6f727902000c616c7465726e61746976657300000663686f6f736500010a11020400417f0b0a0023002000fb0500000b',
      /global 0: ref null 0/,
    ],
    [
      'a constant global',
      '0061736d01000000010d035f017f016000017f60017f0003030201020503010001060a016400004100fb00000b072203066d656d6f727902000c616c7465726e61746976657300000663686f6f736500010a11020400417f0b0a0023002000fb0500000b',
      /changes objects \(by struct.set\).*global 0/,
    ],
    [
      'a table',
      '0061736d01000000010c035e7f016000017f60017f000303020102040501630000010503010001072203066d656d6f727902000c616c7465726e61746976657300000663686f6f73650001090c01056300014101fb0800010b0a14020400417f0b0d004100250041004103fb0e000b',
      /changes objects \(by array.set\).*table 0/,
    ],
    [
      'arrays made of data that is dropped',
      '0061736d01000000010c035e78016000017f60017f0003030201020503010001072203066d656d6f727902000c616c7465726e61746976657300000663686f6f736500010c01010a15020400417f0b0e0041002000fb0900001afc09000b0b0701010461626364',
      /drops data segment 0 .* makes arrays/,
    ],
    [
      'arrays made of elements that are dropped',
      '0061736d01000000010f045e70016000006000017f60017f000304030102030503010001072203066d656d6f727902000c616c7465726e61746976657300010663686f6f73650002090501010001000a180302000b0400417f0b0e0041002000fb0a00001afc0d000b',
      /drops element segment 0/,
    ],
  ])('objects: %s', (_, hex, message) => {
    expect(refusal(Buffer.from(hex, 'hex'))).toMatch(new RegExp(`${message.source}|not for this engine`))
  })
})

test('a table that nothing changes is constant', async () => {
  const bytes =
    assemble(`(module (memory (export "memory") 1) (table (export "table") 2 funcref) (elem (i32.const 0) $f)
    (func $f (i32.store8 (i32.const 0) (i32.const 1)))
    (func (export "alternatives") (result i32) (i32.sub (i32.const 1) (i32.mul (i32.const 2) (i32.load8_u (i32.const 0)))))
    (func (export "choose") (param i32) (call_indirect (i32.const 0))))`)
  expect(await explore(new WasmModel(bytes))).toMatchObject({ complete: true, states: 2, violations: [] })
})

test('functions of other types are refused', () => {
  const refused = (counter: string, choose: string) =>
    refusal(
      assemble(
        `(module (memory (export "memory") 1) (func (export "alternatives") ${counter}) (func (export "choose") ${choose}))`,
      ),
    )
  expect(refused('(result i64) (i64.const 1)', '(param i32)')).toMatch(/"alternatives" takes \(\) and gives \(i64\)/)
  expect(refused('(result f64) (f64.const 1)', '(param i32)')).toMatch(/gives \(f64\)/)
  expect(refused('(param i32) (result i32) (i32.const 1)', '(param i32)')).toMatch(/takes \(i32\)/)
  expect(refused('(result i32) (i32.const 1)', '')).toMatch(/"choose" takes \(\)/)
})
