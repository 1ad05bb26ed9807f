// Each part of WebAssembly in which state can lie, by itself: explored exactly, or refused by name. "Exactly" is as often as
// instances that nothing rolls back come to it. What this engine does not have, the engine refuses; the reader of modules
// says the same of it everywhere.
import { explore, WasmModel, type WasmOptions } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { type Piece, sized, toBytes, unsigned } from '../../lib/wasm/encode.js'
import { readModule } from '../../lib/wasm/module.js'
import { stateOf } from '../../lib/wasm/state.js'
import { errorOf } from '../support/pages.js'
import { assemble, truthOf } from '../support/wasm.js'
import { built, custom, end, exportOf, header, i32, load, section, store } from '../support/wasm-bytes.js'

/** Counts up to 3 in the memory's first byte, by what `body` makes of it. */
const counting = (body: string) => `
  (func (export "alternatives") (result i32)
    (if (result i32) (i32.ge_u (i32.load8_u (i32.const 0)) (i32.const 3)) (then (i32.const -1)) (else (i32.const 2))))
  (func (export "choose") (param $n i32)
    (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.add (local.get $n) (i32.const 1)))) ${body})`

// Of type 2.
const struct = [0x5f, 1, i32, 1]
const structReference = [0x63, 2]
const newStruct = [0x41, 1, 0xfb, 0, 2]
const field = [0xfb, 2, 2, 0]
const setField = (...value: Piece[]): Piece => [value, 0xfb, 5, 2, 0]
const asStruct = [0xfb, 23, 2]
const nullOf = (heap: number) => [0xd0, heap, end]

/** Explored exactly. */
const exact: [string, Uint8Array, WasmOptions?][] = [
  [
    'a memory with 64-bit addresses that grows',
    assemble(`(module (memory (export "memory") i64 1 3)
    (func (export "alternatives") (result i32)
      (if (result i32) (i32.ge_u (i32.load8_u (i64.const 0)) (i32.const 3)) (then (i32.const -1)) (else (i32.const 2))))
    (func (export "choose") (param $n i32)
      (i32.store8 (i64.const 0) (i32.add (i32.load8_u (i64.const 0)) (i32.const 1)))
      (drop (memory.grow (i64.extend_i32_u (local.get $n))))))`),
  ],
  [
    'a shared memory that grows',
    assemble(`(module (memory (export "memory") 1 3 shared)
    ${counting('(drop (i32.atomic.rmw.add (i32.const 4) (local.get $n))) (drop (memory.grow (local.get $n)))')})`),
  ],
  [
    'a memory that cannot grow further',
    assemble(`(module (memory (export "memory") 1 2)
    ${counting('(i32.store (i32.const 8) (memory.grow (i32.const 1)))')})`),
  ],
  [
    'a memory that cannot grow at all',
    assemble(`(module (memory (export "memory") 1 1)
    ${counting('(i32.store (i32.const 8) (memory.grow (local.get $n)))')})`),
  ],
  [
    'a memory without a page, which grows',
    assemble(`(module (memory (export "memory") 0 4) (global $g (mut i32) (i32.const 0))
    (func (export "alternatives") (result i32) (if (result i32) (i32.ge_u (memory.size) (i32.const 3)) (then (i32.const -1)) (else (i32.const 2))))
    (func (export "choose") (param $n i32)
      (drop (memory.grow (i32.add (i32.const 1) (local.get $n))))
      (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (local.get $n))
      (global.set $g (memory.size))))`),
  ],
  [
    'the size of the memory',
    assemble(`(module (memory (export "memory") 1 4)
    ${counting('(if (i32.eq (memory.size) (i32.const 3)) (then (i32.store8 (i32.const 9) (i32.const 1)))) (drop (memory.grow (i32.const 1)))')})`),
  ],
  [
    'exceptions that are caught',
    assemble(`(module (memory (export "memory") 1) (tag $t (param i32))
    ${counting('(try (do (throw $t (local.get $n))) (catch $t (i32.store8 (i32.const 1))))')})`),
  ],
  [
    'exceptions that are thrown again, and that nobody catches',
    assemble(`(module (memory (export "memory") 1) (tag $t (export "tag"))
    ${counting('(if (local.get $n) (then (try (do (throw $t)) (catch_all (i32.store8 (i32.const 1) (i32.const 1)) (rethrow 0)))))')})`),
  ],
  [
    'tail calls',
    assemble(`(module (memory (export "memory") 1) (table 1 funcref) (elem (i32.const 0) $f) (type $t (func (param i32)))
    (func $f (type $t) (i32.store8 (i32.const 1) (local.get 0))) (func $g (type $t) (return_call $f (local.get 0)))
    ${counting('(if (local.get $n) (then (return_call $g (local.get $n)))) (return_call_indirect (type $t) (i32.const 7) (i32.const 0))')})`),
  ],
  [
    'a start function',
    assemble(`(module (memory (export "memory") 1 4) (global $g (mut i32) (i32.const 0)) (start $s)
    (func $s (global.set $g (i32.add (global.get $g) (i32.const 1))) (i32.store8 (i32.const 7) (global.get $g)))
    ${counting('(drop (memory.grow (local.get $n)))')})`),
  ],
  [
    'a start function that is imported',
    assemble(`(module (import "host" "start" (func $s)) (start $s) (memory (export "memory") 1 2)
    ${counting('(drop (memory.grow (local.get $n)))')})`),
    { imports: { host: { start() {} } } },
  ],
  [
    'passive data, initialised and dropped',
    assemble(`(module (memory (export "memory") 1) (data $d "ab") (data $e "c")
    ${counting('(if (local.get $n) (then (data.drop $d) (i32.store8 (i32.const 7) (i32.const 1))) (else (memory.init $d (i32.const 8) (i32.const 0) (i32.const 2)) (memory.init $e (i32.const 9) (i32.const 0) (i32.const 1))))')})`),
  ],
  [
    'active data that is dropped once more',
    assemble(`(module (memory (export "memory") 1) (data $d (i32.const 8) "ab")
    ${counting('(memory.init $d (i32.const 8) (i32.const 0) (i32.const 0)) (data.drop $d) (memory.init $d (i32.const 9) (i32.const 0) (local.get $n))')})`),
  ],
  [
    'elements that are dropped and initialise nothing',
    assemble(`(module (memory (export "memory") 1) (table 2 funcref) (elem $e func $f) (func $f)
    ${counting('(elem.drop $e)')})`),
  ],
  [
    'a table that is only read',
    assemble(`(module (memory (export "memory") 1) (table $t (export "table") 2 funcref) (elem (i32.const 1) $f) (func $f)
    ${counting('(i32.store8 (i32.const 3) (ref.is_null (table.get $t (local.get $n)))) (i32.store8 (i32.const 4) (table.size $t))')})`),
  ],
  [
    'extended constants',
    assemble(`(module (import "host" "base" (global $base i32)) (memory (export "memory") 1)
    (global $g (mut i32) (i32.add (global.get $base) (i32.mul (i32.const 3) (i32.const 5)))) (data (i32.sub (global.get $base) (i32.const 1)) "x")
    ${counting('(global.set $g (i32.add (global.get $g) (local.get $n)))')} (func (export "probe") (result i32) (global.get $g)))`),
    { imports: { host: { base: 9 } } },
  ],
  [
    'one memory, one function and one global under several names',
    assemble(`(module (memory $m 1) (export "memory" (memory $m)) (export "more" (memory $m))
    (global $g (mut i64) (i64.const 0)) (export "g" (global $g)) (export "h" (global $g)) (func $f (export "f") (export "probe") (result i64) (global.get $g))
    ${counting('(global.set $g (i64.extend_i32_u (local.get $n)))')})`),
  ],
  [
    'names of exports that differ in what is not seen',
    assemble(`(module (memory $other 1) (export "\\ef\\bb\\bfchoose" (func $f)) (export "\\ef\\bb\\bfalternatives" (func $f)) (export "\\ef\\bb\\bfmemory" (global $g))
    (export "memory" (memory $other)) (global $g i32 (i32.const 5)) (func $f (param i64))
    ${counting('')})`),
  ],
  [
    'exceptions by references',
    built({
      types: [[0x60, 0, 0]],
      tags: [[0, 1]],
      // (block $b (result i32) (try_table (catch 0 $b) (i32.add 1 n; throw 0)) unreachable)
      code: store(load, 0x02, i32, 0x1f, 0x40, 1, 0, 0, 0, 0x20, 0, 0x41, 1, 0x6a, 0x08, 0, end, 0x00, end, 0x6a),
    }),
  ],
  // A struct with 1 in it, to which the parameter is added.
  [
    'objects that do not outlive a step',
    built({
      types: [struct, [0x60, 1, structReference, 1, structReference]],
      code: store(newStruct, field, load, 0x6a),
    }),
  ],
  [
    'objects that nothing changes',
    built({
      types: [struct],
      globals: [[structReference, 0, newStruct, end]],
      tables: [[0x40, 0, 0x63, 0x6c, 0, 2, 0x41, 7, 0xfb, 28, end]],
      code: store(load, 0x23, 0, field, 0x6a, 0x41, 0, 0x25, 0, 0xfb, 30, 0x6a, 0x41, 6, 0x6b),
    }),
  ],
  [
    'groups of types, and types below others',
    built({ types: [[0x4e, 2, [0x50, 0, 0x5f, 0], [0x4f, 1, 2, 0x5f, 1, 0x78, 0]]] }),
  ],
  [
    'names that are damaged',
    built({
      more: [
        custom('name', 7, sized([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1])),
        custom('name', 5, 200, 1),
        custom('name'),
        custom('', 1, 2, 3),
        custom('producers', 0xff),
      ],
    }),
  ],
]

const more = (text: string, body = '') => assemble(`(module (memory (export "memory") 1 4) ${text} ${counting(body)})`)
const withElements = '(table $t 2 4 funcref) (elem $e func $f) (func $f)'

/** Refused, by name; what only an engine finds wrong, the engine names. */
const refused: [string, Uint8Array, RegExp][] = [
  ['a second memory', more('(memory 1)'), /2 memories/],
  [
    'a second memory that is imported',
    assemble(`(module (import "host" "memory" (memory 1)) (memory $m 1) (export "memory" (memory $m))
    (func (export "alternatives") (result i32) (i32.const -1)) (func (export "choose") (param i32)))`),
    /2 memories/,
  ],
  [
    'no memory',
    assemble('(module (func (export "alternatives") (result i32) (i32.const 0)) (func (export "choose") (param i32)))'),
    /exports no memory/,
  ],
  [
    'a global that is called memory',
    assemble(`(module (memory 1) (global (export "memory") i32 (i32.const 0)) ${counting('')})`),
    /exports no memory/,
  ],
  [
    'references in a global that is set',
    more('(global $g (mut externref) (ref.null extern))', '(global.set $g (ref.null extern))'),
    /g: externref/,
  ],
  ['references in a global that nothing writes', more('(global $g (mut externref) (ref.null extern))'), /g: externref/],
  [
    'references in a global that is exported',
    more('(global $g (export "held") (mut funcref) (ref.null func))'),
    /held: funcref/,
  ],
  [
    'references in a global that is imported',
    assemble(`(module (import "host" "held" (global (mut externref))) (memory (export "memory") 1) ${counting('')})`),
    /held: externref/,
  ],
  [
    'exceptions in a global',
    built({ globals: [[0x69, 1, nullOf(0x69)]], code: [0xd0, 0x69, 0x24, 0] }),
    /global 0: exnref/,
  ],
  ['table.set', more(withElements, '(table.set $t (i32.const 1) (ref.null func))'), /changes t \(by table.set\)/],
  [
    'table.grow',
    more(withElements, '(drop (table.grow $t (ref.null func) (i32.const 1)))'),
    /changes t \(by table.grow\)/,
  ],
  [
    'table.fill',
    more(withElements, '(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))'),
    /changes t \(by table.fill\)/,
  ],
  [
    'table.copy',
    more(withElements, '(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))'),
    /changes t \(by table.copy\)/,
  ],
  [
    'table.init and elem.drop',
    more(withElements, '(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e)'),
    /changes t \(by table.init\)/,
  ],
  [
    'table.set in a tail that is never executed',
    more(withElements, '(return) (table.set $t (i32.const 1) (ref.null func))'),
    /changes t/,
  ],
  [
    'objects in a global that is set',
    built({ types: [struct], globals: [[structReference, 1, nullOf(2)]], code: [newStruct, 0x24, 0] }),
    /global 0: ref null 2/,
  ],
  [
    'objects in a constant global that change',
    built({ types: [struct], globals: [[structReference, 0, newStruct, end]], code: [0x23, 0, setField(0x20, 0)] }),
    /struct.set.*global 0/,
  ],
  [
    'objects of any type in a constant global',
    built({ types: [struct], globals: [[0x6e, 0, newStruct, end]], code: [0x23, 0, asStruct, setField(0x20, 0)] }),
    /struct.set.*global 0/,
  ],
  [
    'objects in a table that change',
    built({
      types: [struct],
      tables: [[0x40, 0, structReference, 0, 1, newStruct, end]],
      code: [0x41, 0, 0x25, 0, setField(0x20, 0)],
    }),
    /struct.set.*table 0/,
  ],
  ['a type that only an extension has', built({ types: [[0x5d, 0]] }), /form 0x5d/],
  ['a section that only an extension has', built({ more: [14, 1, 0] }), /section of a kind 14/],
  ['pages of another size', toBytes([header, section(5, [8, 1, 0])]), /limits with flags 0x8/],
]

/** Found wrong by the engine. */
const invalid: [string, Piece][] = [
  ['two exports of one name', [section(5, [0, 1]), section(7, exportOf('memory', 2, 0), exportOf('memory', 2, 0))]],
  ['an export of what there is not', section(7, exportOf('memory', 2, 0))],
  ['a start function that there is not', [section(5, [0, 1]), 8, 1, 7]],
  ['more functions than bytes', [3, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  [
    'more locals than there can be',
    [
      section(1, [0x60, 0, 0]),
      section(3, 0),
      section(10, sized([2, 0xff, 0xff, 0xff, 0xff, 0x0f, i32, 0xff, 0xff, 0xff, 0xff, 0x0f, i32, end])),
    ],
  ],
  ['more elements than bytes', [section(4, [0x70, 0, 1]), 9, 10, 1, 0, 0x41, 0, end, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ['a memory of more than there can be', section(5, [0, 0x81, 0x80, 0x04])],
  ['a section longer than the module', [5, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]],
  ['two sections of memories', [section(5, [0, 1]), section(5)]],
  ['a name that is no text', [section(5, [0, 1]), section(7, [1, 0xff, 2, 0])]],
]

describe.each(['breadth', 'depth'] as const)('%s first', (strategy) => {
  test.each(exact)('exact: %s', async (_, bytes, options = {}) => {
    expect(stateOf(readModule(bytes)).uncaptured).toEqual([])
    if (!WebAssembly.validate(bytes)) {
      expect(errorOf(() => new WasmModel(bytes, options)).code).toBe('ERR_MODEL')
      return
    }
    const probes = readModule(bytes).exports.some(({ name }) => name === 'probe') ? ['probe'] : []
    const { states, transitions, crashes } = truthOf(bytes, { imports: () => options.imports ?? {}, probes })
    expect(states).toBeGreaterThan(2)
    const found = await explore(new WasmModel(bytes, options), { strategy, verify: true })
    expect(found).toMatchObject({ complete: true, states, transitions, warnings: [] })
    expect(found.violations.length > 0).toBe(crashes > 0)
    expect(found.violations.every(({ kind }) => kind === 'crash')).toBe(true)
  })
})

/** What the reader alone says of a module. */
function reasonOf(bytes: Uint8Array): string {
  try {
    return stateOf(readModule(bytes))
      .uncaptured.map(({ name, type }) => `${name}: ${type.name}`)
      .join()
  } catch (error) {
    return (error as Error).message
  }
}

test.each(refused)('refused: %s', (_, bytes, message) => {
  const { code, message: text } = errorOf(() => new WasmModel(bytes))
  expect(code).toBe('ERR_MODEL')
  if (WebAssembly.validate(bytes)) expect(text).toMatch(message)
  else expect(text).toMatch(/^WebAssembly.Module/)
  if (/no memory/.test(message.source)) return
  expect(reasonOf(bytes)).toMatch(message)
})

test.each(invalid)('refused by the engine: %s', (_, content) => {
  const { code, message } = errorOf(() => new WasmModel(toBytes([header, content])))
  expect(code).toBe('ERR_MODEL')
  expect(message).toMatch(/^WebAssembly.Module/)
})

test('more globals than can be read are refused by their number', () => {
  const count = 65_521
  const globals = Array.from({ length: count }, () => [i32, 1, 0x41, 0, end])
  const code = Array.from({ length: count }, (_, i) => [0x41, 0, 0x24, unsigned(i)])
  expect(errorOf(() => new WasmModel(built({ globals, code })))).toMatchObject({
    code: 'ERR_MODEL',
    message: expect.stringMatching(/65521 globals that can change/),
  })
})
