import { PageStoreError } from '../errors.js'
import type { RestorableMemory } from '../memory.js'
import type { Layout, Located, Step } from './subject.js'

/** A variable's name, or an address. */
export type Where = string | bigint

/** Of a number at `where`, or so many bytes behind it. */
export type Reader = (where: Where, offset?: number) => number
/** The same of what does not fit into a number. */
export type LongReader = (where: Where, offset?: number) => bigint
/** Of the numbers from `where` on. */
export type ListReader = (where: Where, count?: number) => number[]

/**
 * What a property sees: the variables of a state, by symbol name and type. `offset` is in bytes, for members of structs;
 * lists are as long as the variable unless `count` says otherwise. Good only while the property is asked.
 *
 * Each throws `ERR_SYMBOL` and `ERR_ADDRESS`.
 */
export interface State {
  /** At a choice, or at a good end. */
  readonly kind: 'choice' | 'end'
  /** 0 at an end, and where there is no way on. */
  readonly ways: number
  /** In the source: `file.c:12`; empty where that is unknown. */
  readonly place: string
  /** Choices from the start. */
  readonly depth: number
  /** Signed, 1 byte. */
  readonly int8: Reader
  /** Unsigned, 1 byte. */
  readonly uint8: Reader
  /** Signed, 2 bytes. */
  readonly int16: Reader
  /** Unsigned, 2 bytes. */
  readonly uint16: Reader
  /** Signed, 4 bytes. */
  readonly int32: Reader
  /** Unsigned, 4 bytes. */
  readonly uint32: Reader
  /** Signed, 8 bytes. */
  readonly int64: LongReader
  /** Unsigned, 8 bytes. */
  readonly uint64: LongReader
  /** A `float`. */
  readonly float32: Reader
  /** A `double`. */
  readonly float64: Reader
  /** Signed, 1 byte each. */
  readonly int8s: ListReader
  /** Unsigned, 1 byte each. */
  readonly uint8s: ListReader
  /** Signed, 2 bytes each. */
  readonly int16s: ListReader
  /** Unsigned, 2 bytes each. */
  readonly uint16s: ListReader
  /** Signed, 4 bytes each. */
  readonly int32s: ListReader
  /** Unsigned, 4 bytes each. */
  readonly uint32s: ListReader
  /** An array of `float`. */
  readonly float32s: ListReader
  /** An array of `double`. */
  readonly float64s: ListReader
  /** A copy; of a variable, all of it. */
  bytes(where: Where, length?: number): Buffer
}

/** A view that is the same for all states, and what says where it is now. */
export interface StateView {
  state: State
  moved(step: Step, depth: number): void
}

const little = true

export function createStateView(memory: RestorableMemory, layout: Layout | undefined): StateView {
  const known = new Map<string, Located>()
  const now = { kind: 'choice' as State['kind'], ways: 0, place: '', depth: 0 }

  function locate(where: Where): Located {
    if (typeof where === 'bigint') return { address: where, size: 0 }
    let found = known.get(where)
    if (found === undefined) {
      if (layout === undefined) throw new PageStoreError('ERR_SYMBOL', `there are no names here, and so no ${where}`)
      found = layout.find(where)
      known.set(where, found)
    }
    return found
  }

  function viewOf(where: Where, offset: number, length: number): DataView {
    const bytes = memory.read(locate(where).address + BigInt(offset), length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }

  function listOf(where: Where, count: number | undefined, width: number, get: (view: DataView, at: number) => number) {
    const length = count ?? lengthOf(where) / width
    const view = viewOf(where, 0, Math.max(length * width, 1))
    return Array.from({ length }, (_, i) => get(view, i * width))
  }

  function lengthOf(where: Where): number {
    const { size } = locate(where)
    if (size > 0) return size
    throw new PageStoreError('ERR_SYMBOL', `how long ${where} is nobody knows: say so`)
  }

  const state: State = {
    get kind() {
      return now.kind
    },
    get ways() {
      return now.ways
    },
    get place() {
      return now.place
    },
    get depth() {
      return now.depth
    },
    int8: (where, offset = 0) => viewOf(where, offset, 1).getInt8(0),
    uint8: (where, offset = 0) => viewOf(where, offset, 1).getUint8(0),
    int16: (where, offset = 0) => viewOf(where, offset, 2).getInt16(0, little),
    uint16: (where, offset = 0) => viewOf(where, offset, 2).getUint16(0, little),
    int32: (where, offset = 0) => viewOf(where, offset, 4).getInt32(0, little),
    uint32: (where, offset = 0) => viewOf(where, offset, 4).getUint32(0, little),
    int64: (where, offset = 0) => viewOf(where, offset, 8).getBigInt64(0, little),
    uint64: (where, offset = 0) => viewOf(where, offset, 8).getBigUint64(0, little),
    float32: (where, offset = 0) => viewOf(where, offset, 4).getFloat32(0, little),
    float64: (where, offset = 0) => viewOf(where, offset, 8).getFloat64(0, little),
    int8s: (where, count) => listOf(where, count, 1, (view, at) => view.getInt8(at)),
    uint8s: (where, count) => listOf(where, count, 1, (view, at) => view.getUint8(at)),
    int16s: (where, count) => listOf(where, count, 2, (view, at) => view.getInt16(at, little)),
    uint16s: (where, count) => listOf(where, count, 2, (view, at) => view.getUint16(at, little)),
    int32s: (where, count) => listOf(where, count, 4, (view, at) => view.getInt32(at, little)),
    uint32s: (where, count) => listOf(where, count, 4, (view, at) => view.getUint32(at, little)),
    float32s: (where, count) => listOf(where, count, 4, (view, at) => view.getFloat32(at, little)),
    float64s: (where, count) => listOf(where, count, 8, (view, at) => view.getFloat64(at, little)),
    bytes: (where, length) => memory.read(locate(where).address, length ?? lengthOf(where)),
  }
  return {
    state,
    moved(step, depth) {
      now.kind = step.kind === 'end' ? 'end' : 'choice'
      now.ways = step.kind === 'choice' ? step.ways : 0
      now.place = step.kind === 'choice' ? (step.place ?? '') : ''
      now.depth = depth
    },
  }
}
