/**
 * The instructions of WebAssembly: what follows each opcode. It knows those of version 3.0 (references, objects,
 * exceptions, tail calls, SIMD and its relaxed part, several memories, 64-bit addresses), atomics, exceptions as they
 * were before, and wide arithmetic. Any other is refused.
 */

import type { Cursor } from './cursor.js'
import { readHeapType, readValueType, skipBlockType } from './types.js'

/** An instruction that was read. There is one of these, which each read fills. */
export interface Instruction {
  /** The opcode; for those behind a prefix, the prefix times 65 536, and the number behind it. */
  code: number
  /** The first two indices that follow it, as far as it has any. */
  first: number
  second: number
}

export const prefixes = { objects: 0xfb, bulk: 0xfc, simd: 0xfd, atomics: 0xfe } as const

function behind(prefix: number, number: number): number {
  return prefix * 0x10000 + number
}

/** Those that somebody asks about. */
export const codes = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  try: 0x06,
  delegate: 0x18,
  end: 0x0b,
  tryTable: 0x1f,
  globalSet: 0x24,
  tableSet: 0x26,
  memoryGrow: 0x40,
  structSet: behind(prefixes.objects, 5),
  arrayNewData: behind(prefixes.objects, 9),
  arrayNewElements: behind(prefixes.objects, 10),
  arraySet: behind(prefixes.objects, 14),
  arrayFill: behind(prefixes.objects, 16),
  arrayCopy: behind(prefixes.objects, 17),
  arrayInitData: behind(prefixes.objects, 18),
  arrayInitElements: behind(prefixes.objects, 19),
  memoryInit: behind(prefixes.bulk, 8),
  dataDrop: behind(prefixes.bulk, 9),
  tableInit: behind(prefixes.bulk, 12),
  elementsDrop: behind(prefixes.bulk, 13),
  tableCopy: behind(prefixes.bulk, 14),
  tableGrow: behind(prefixes.bulk, 15),
  tableFill: behind(prefixes.bulk, 17),
} as const

/** What follows an opcode; `read` fills `first` and `second` where these are indices. */
type Immediates = (cursor: Cursor, instruction: Instruction) => void

const nothing: Immediates = () => {}
const one: Immediates = (cursor, instruction) => {
  instruction.first = cursor.index()
}
const two: Immediates = (cursor, instruction) => {
  instruction.first = cursor.index()
  instruction.second = cursor.index()
}
const bytes =
  (count: number): Immediates =>
  (cursor) =>
    cursor.skip(count)
const blockType: Immediates = skipBlockType
const heapType: Immediates = (cursor) => {
  readHeapType(cursor)
}
/** An alignment, the number of a memory if it is not the first, an offset. */
const memoryArgument: Immediates = (cursor) => {
  const alignment = cursor.index()
  if (alignment >= 0x80) cursor.fail('an alignment that is not known')
  if ((alignment & 0x40) !== 0) cursor.index()
  cursor.unsigned(64)
}
const memoryArgumentAndLane: Immediates = (cursor, instruction) => {
  memoryArgument(cursor, instruction)
  cursor.byte()
}
const branchTable: Immediates = (cursor) => {
  cursor.list(() => cursor.index())
  cursor.index()
}
const catches: Immediates = (cursor) => {
  skipBlockType(cursor)
  cursor.list(() => {
    const kind = cursor.byte()
    if (kind > 3) cursor.fail('a catch of a kind that is not known')
    if (kind < 2) cursor.index()
    cursor.index()
  })
}
const castBranch: Immediates = (cursor) => {
  cursor.byte()
  cursor.index()
  readHeapType(cursor)
  readHeapType(cursor)
}

type Row = [first: number, last: number, immediates: Immediates]

function tableOf(rows: readonly Row[]): (Immediates | undefined)[] {
  const table: (Immediates | undefined)[] = []
  for (const [first, last, immediates] of rows) {
    for (let code = first; code <= last; code++) table[code] = immediates
  }
  return table
}

const plain = tableOf([
  [0x00, 0x01, nothing],
  [0x02, 0x04, blockType],
  [0x05, 0x05, nothing],
  [0x06, 0x06, blockType],
  [0x07, 0x09, one],
  [0x0a, 0x0b, nothing],
  [0x0c, 0x0d, one],
  [0x0e, 0x0e, branchTable],
  [0x0f, 0x0f, nothing],
  [0x10, 0x10, one],
  [0x11, 0x11, two],
  [0x12, 0x12, one],
  [0x13, 0x13, two],
  [0x14, 0x15, one],
  [0x18, 0x18, one],
  [0x19, 0x1b, nothing],
  [0x1c, 0x1c, (cursor) => cursor.list(() => readValueType(cursor))],
  [0x1f, 0x1f, catches],
  [0x20, 0x26, one],
  [0x28, 0x3e, memoryArgument],
  [0x3f, 0x40, one],
  [0x41, 0x41, (cursor) => cursor.signed(32)],
  [0x42, 0x42, (cursor) => cursor.signed(64)],
  [0x43, 0x43, bytes(4)],
  [0x44, 0x44, bytes(8)],
  [0x45, 0xc4, nothing],
  [0xd0, 0xd0, heapType],
  [0xd1, 0xd1, nothing],
  [0xd2, 0xd2, one],
  [0xd3, 0xd4, nothing],
  [0xd5, 0xd6, one],
])

const prefixed = new Map<number, (Immediates | undefined)[]>([
  [
    prefixes.objects,
    tableOf([
      [0, 1, one],
      [2, 5, two],
      [6, 7, one],
      [8, 10, two],
      [11, 14, one],
      [15, 15, nothing],
      [16, 16, one],
      [17, 19, two],
      [20, 23, heapType],
      [24, 25, castBranch],
      [26, 30, nothing],
    ]),
  ],
  [
    prefixes.bulk,
    tableOf([
      [0, 7, nothing],
      [8, 8, two],
      [9, 9, one],
      [10, 10, two],
      [11, 11, one],
      [12, 12, two],
      [13, 13, one],
      [14, 14, two],
      [15, 17, one],
      [19, 22, nothing],
    ]),
  ],
  [
    prefixes.simd,
    tableOf([
      [0, 11, memoryArgument],
      [12, 13, bytes(16)],
      [14, 20, nothing],
      [21, 34, bytes(1)],
      [35, 83, nothing],
      [84, 91, memoryArgumentAndLane],
      [92, 93, memoryArgument],
      [94, 0x113, nothing],
    ]),
  ],
  [
    prefixes.atomics,
    tableOf([
      [0, 2, memoryArgument],
      [3, 3, bytes(1)],
      [0x10, 0x4e, memoryArgument],
    ]),
  ],
])

/** Reads one instruction. */
export function readInstruction(cursor: Cursor, instruction: Instruction): void {
  const opcode = cursor.byte()
  const behindPrefix = prefixed.get(opcode)
  const number = behindPrefix === undefined ? opcode : cursor.index()
  instruction.code = behindPrefix === undefined ? opcode : behind(opcode, number)
  const immediates = (behindPrefix ?? plain)[number]
  if (immediates === undefined) {
    const name = behindPrefix === undefined ? '' : ` 0x${number.toString(16)}`
    cursor.fail(`an instruction 0x${opcode.toString(16)}${name} that is not known`)
  } else {
    immediates(cursor, instruction)
  }
}

/** Reads a constant expression to its end. */
export function skipConstant(cursor: Cursor): void {
  const instruction: Instruction = { code: 0, first: 0, second: 0 }
  while (instruction.code !== codes.end) readInstruction(cursor, instruction)
}
