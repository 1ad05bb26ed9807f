/** The types of WebAssembly, as far as it takes to know what state a value can have. What is not known is refused. */

import type { Cursor } from './cursor.js'

/** What a reference refers to: an abstract type by its name, or a type of the module by its number. */
export type HeapType = string | number

export interface ValueType {
  /** As in the text format: `i32`, `externref`, `ref null 3`. */
  name: string
  /** Undefined for what is no reference. */
  heap?: HeapType | undefined
}

/** A type that a module defines. What structs and arrays are made of is not kept. */
export interface DefinedType {
  kind: 'function' | 'object'
  parameters: readonly ValueType[]
  results: readonly ValueType[]
}

export interface Limits {
  /** In pages. */
  least: number
  most: number | undefined
  isShared: boolean
  hasLongAddresses: boolean
}

const numbers = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
])

const abstractTypes = new Map([
  [0x74, 'noexn'],
  [0x73, 'nofunc'],
  [0x72, 'noextern'],
  [0x71, 'none'],
  [0x70, 'func'],
  [0x6f, 'extern'],
  [0x6e, 'any'],
  [0x6d, 'eq'],
  [0x6c, 'i31'],
  [0x6b, 'struct'],
  [0x6a, 'array'],
  [0x69, 'exn'],
])

const nullableReference = 0x63
const reference = 0x64

export function readHeapType(cursor: Cursor): HeapType {
  const first = cursor.peek()
  const name = abstractTypes.get(first)
  if (name !== undefined) {
    cursor.byte()
    return name
  }
  const index = cursor.signed(33)
  return index >= 0 ? index : cursor.fail(`a type 0x${first.toString(16)} that is not known`)
}

export function readValueType(cursor: Cursor): ValueType {
  const first = cursor.peek()
  const number = numbers.get(first)
  const abstract = abstractTypes.get(first)
  if (number === undefined && abstract === undefined && first !== nullableReference && first !== reference) {
    cursor.fail(`a type 0x${first.toString(16)} that is not known`)
  }
  cursor.byte()
  if (number !== undefined) return { name: number }
  if (abstract !== undefined) return { name: `${abstract}ref`, heap: abstract }
  const heap = readHeapType(cursor)
  return { name: `ref ${first === nullableReference ? 'null ' : ''}${heap}`, heap }
}

/** The type of a block: nothing, a value, or the number of a function type. */
export function skipBlockType(cursor: Cursor): void {
  const first = cursor.peek()
  if (first === 0x40) cursor.byte()
  else if (first >= 0x60 && first < 0x80) readValueType(cursor)
  else cursor.signed(33)
}

export function readLimits(cursor: Cursor): Limits {
  const flags = cursor.byte()
  if (flags > 7) cursor.fail(`limits with flags 0x${flags.toString(16)} that are not known`)
  const hasLongAddresses = (flags & 4) !== 0
  const bits = hasLongAddresses ? 64 : 32
  const least = cursor.unsigned(bits)
  const most = (flags & 1) === 0 ? undefined : cursor.unsigned(bits)
  return { least, most, isShared: (flags & 2) !== 0, hasLongAddresses }
}

/** The section of types: groups of types count one by one. */
export function readTypes(cursor: Cursor): DefinedType[] {
  const group = 0x4e
  return cursor
    .list(() => {
      if (cursor.peek() !== group) return [readSubtype(cursor)]
      cursor.byte()
      return cursor.list(() => readSubtype(cursor))
    })
    .flat()
}

const structure = 0x5f
const array = 0x5e
const functionType = 0x60

function readSubtype(cursor: Cursor): DefinedType {
  const first = cursor.peek()
  if (first === 0x50 || first === 0x4f) {
    cursor.byte()
    cursor.list(() => cursor.index())
  }
  const form = cursor.byte()
  if (form === functionType) {
    const parameters = cursor.list(() => readValueType(cursor))
    return { kind: 'function', parameters, results: cursor.list(() => readValueType(cursor)) }
  }
  if (form === structure) cursor.list(() => skipField(cursor))
  else if (form === array) skipField(cursor)
  else cursor.fail(`a type of a form 0x${form.toString(16)} that is not known`)
  return { kind: 'object', parameters: [], results: [] }
}

/** A field, which may also be of 8 or 16 bits. */
function skipField(cursor: Cursor): void {
  const first = cursor.peek()
  if (first === 0x78 || first === 0x77) cursor.byte()
  else readValueType(cursor)
  if (cursor.byte() > 1) cursor.fail('a field that is neither constant nor mutable')
}
