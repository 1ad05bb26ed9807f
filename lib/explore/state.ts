/** What a property sees of a state: variables by name and type, read from the memory while the property is called. */

import { addressOf, lengthOf, shortened, shown, wrong } from '../arguments.js'
import { PageStoreError } from '../errors.js'
import type { RestorableMemory } from '../memory.js'
import type { Layout, Located, Step } from './subject.js'

/** A variable's name, or an address. */
export type Where = string | bigint

/** Reads a number at `where`, or `offset` bytes behind it. */
export type Reader = (where: Where, offset?: number) => number
/** Reads a 64-bit number at `where`, or `offset` bytes behind it. */
export type LongReader = (where: Where, offset?: number) => bigint
/** Reads numbers from `where` on. */
export type ListReader = (where: Where, count?: number) => number[]

/**
 * What a property sees: the variables of a state, by symbol name and type. `offset` is in bytes, for members of structs;
 * a list is as long as the variable unless `count` says otherwise. It is valid only while the property is called.
 *
 * Each reader throws `ERR_SYMBOL` (no such name, or its size is unknown) and `ERR_ADDRESS`.
 */
export interface State {
  /** Whether the subject is at a choice, or has ended as it should. */
  readonly kind: 'choice' | 'end'
  /** How many alternatives the choice has; 0 at an end and in a deadlock. */
  readonly alternatives: number
  /** Where in the source the choice is: `file.c:12`; empty where that is unknown. */
  readonly location: string
  /** Choices from the start. */
  readonly depth: number
  /** A signed number of 1 byte. */
  readonly int8: Reader
  /** An unsigned number of 1 byte. */
  readonly uint8: Reader
  /** A signed number of 2 bytes. */
  readonly int16: Reader
  /** An unsigned number of 2 bytes. */
  readonly uint16: Reader
  /** A signed number of 4 bytes. */
  readonly int32: Reader
  /** An unsigned number of 4 bytes. */
  readonly uint32: Reader
  /** A signed number of 8 bytes. */
  readonly int64: LongReader
  /** An unsigned number of 8 bytes. */
  readonly uint64: LongReader
  /** A `float`. */
  readonly float32: Reader
  /** A `double`. */
  readonly float64: Reader
  /** An array of signed numbers of 1 byte. */
  readonly int8s: ListReader
  /** An array of unsigned numbers of 1 byte. */
  readonly uint8s: ListReader
  /** An array of signed numbers of 2 bytes. */
  readonly int16s: ListReader
  /** An array of unsigned numbers of 2 bytes. */
  readonly uint16s: ListReader
  /** An array of signed numbers of 4 bytes. */
  readonly int32s: ListReader
  /** An array of unsigned numbers of 4 bytes. */
  readonly uint32s: ListReader
  /** An array of `float`. */
  readonly float32s: ListReader
  /** An array of `double`. */
  readonly float64s: ListReader
  /** Copies `length` bytes; by default all bytes of the variable. */
  bytes(where: Where, length?: number): Buffer
}

/** One view that serves all states. */
export interface StateView {
  state: State
  /** Makes it a view of the state that the memory has now, which `step` led to. */
  update(step: Step, depth: number): void
}

// For DataView.
const littleEndian = true

export function createStateView(memory: RestorableMemory, layout: Layout | undefined): StateView {
  const position: Position = { kind: 'choice', alternatives: 0, location: '', depth: 0 }
  const state = Object.assign(position, createReaders(memory, layout))
  return {
    state,
    update(step, depth) {
      state.kind = step.kind === 'end' ? 'end' : 'choice'
      state.alternatives = step.kind === 'choice' ? step.alternatives : 0
      state.location = step.kind === 'choice' ? (step.location ?? '') : ''
      state.depth = depth
    },
  }
}

/** Where the subject is, as {@link State} says it. */
type Position = { -readonly [Name in 'kind' | 'alternatives' | 'location' | 'depth']: State[Name] }
type Readers = Omit<State, keyof Position>

function createReaders(memory: RestorableMemory, layout: Layout | undefined): Readers {
  const cache = new Map<string, Located>()

  function locate(where: Where): Located {
    if (typeof where === 'bigint') return { address: addressOf(where), size: 0 }
    if (typeof where !== 'string') throw wrong(`a variable is a name or an address, and not ${shown(where)}`)
    let found = cache.get(where)
    if (found === undefined) {
      if (layout === undefined) {
        throw new PageStoreError(
          'ERR_SYMBOL',
          `the subject has no names for its addresses: pass the address of ${shortened(where)}`,
        )
      }
      found = layout.find(where)
      cache.set(where, found)
    }
    return found
  }

  function viewOf(where: Where, offset: number, length: number): DataView {
    if (!Number.isSafeInteger(offset)) throw wrong(`an offset must be a whole number of bytes, not ${shown(offset)}`)
    const bytes = memory.read(locate(where).address + BigInt(offset), length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }

  function listOf(where: Where, count: number | undefined, width: number, get: (view: DataView, at: number) => number) {
    const length = count === undefined ? sizeOf(where) / width : lengthOf(count, 0)
    const view = viewOf(where, 0, Math.max(length * width, 1))
    return Array.from({ length }, (_, i) => get(view, i * width))
  }

  function sizeOf(where: Where): number {
    const { size } = locate(where)
    if (size > 0) return size
    throw new PageStoreError('ERR_SYMBOL', `nothing says how large ${shown(where)} is: pass the length that you want`)
  }

  return {
    int8: (where, offset = 0) => viewOf(where, offset, 1).getInt8(0),
    uint8: (where, offset = 0) => viewOf(where, offset, 1).getUint8(0),
    int16: (where, offset = 0) => viewOf(where, offset, 2).getInt16(0, littleEndian),
    uint16: (where, offset = 0) => viewOf(where, offset, 2).getUint16(0, littleEndian),
    int32: (where, offset = 0) => viewOf(where, offset, 4).getInt32(0, littleEndian),
    uint32: (where, offset = 0) => viewOf(where, offset, 4).getUint32(0, littleEndian),
    int64: (where, offset = 0) => viewOf(where, offset, 8).getBigInt64(0, littleEndian),
    uint64: (where, offset = 0) => viewOf(where, offset, 8).getBigUint64(0, littleEndian),
    float32: (where, offset = 0) => viewOf(where, offset, 4).getFloat32(0, littleEndian),
    float64: (where, offset = 0) => viewOf(where, offset, 8).getFloat64(0, littleEndian),
    int8s: (where, count) => listOf(where, count, 1, (view, at) => view.getInt8(at)),
    uint8s: (where, count) => listOf(where, count, 1, (view, at) => view.getUint8(at)),
    int16s: (where, count) => listOf(where, count, 2, (view, at) => view.getInt16(at, littleEndian)),
    uint16s: (where, count) => listOf(where, count, 2, (view, at) => view.getUint16(at, littleEndian)),
    int32s: (where, count) => listOf(where, count, 4, (view, at) => view.getInt32(at, littleEndian)),
    uint32s: (where, count) => listOf(where, count, 4, (view, at) => view.getUint32(at, littleEndian)),
    float32s: (where, count) => listOf(where, count, 4, (view, at) => view.getFloat32(at, littleEndian)),
    float64s: (where, count) => listOf(where, count, 8, (view, at) => view.getFloat64(at, littleEndian)),
    bytes: (where, length) => memory.read(locate(where).address, length ?? sizeOf(where)),
  }
}
