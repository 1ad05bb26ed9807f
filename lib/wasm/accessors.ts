/**
 * Two functions that are added to a module, through which its globals are read and written word by word: JavaScript cannot
 * read a `v128`, and loses bits of a NaN.
 *
 *   (func (param $word i32) (result i32))
 *   (func (param $word i32) (param $value i32))
 */

import { type Piece, sized, unsigned } from './encode.js'
import type { SavedGlobal } from './state.js'

const noLocals = 0x00
const end = 0x0b
const localGet = 0x20
const globalGet = 0x23
const globalSet = 0x24
const i64Const = 0x42

/** Each word of each global, in order. */
function wordsOf(globals: readonly SavedGlobal[]): { global: SavedGlobal; part: number }[] {
  return globals.flatMap((global) => Array.from({ length: global.size / 4 }, (_, part) => ({ global, part })))
}

/** How many words the globals have. */
export function wordCount(globals: readonly SavedGlobal[]): number {
  return globals.reduce((sum, { size }) => sum + size / 4, 0)
}

/** The bodies of both functions. */
export function accessorBodies(globals: readonly SavedGlobal[]): { get: Piece; set: Piece } {
  const words = wordsOf(globals)
  const bodyOf = (code: (word: { global: SavedGlobal; part: number }) => Piece) =>
    sized([noLocals, choiceOf(words.map(code)), end])
  return {
    get: bodyOf(({ global, part }) => readWord(global, part)),
    set: bodyOf(({ global, part }) => writeWord(global, part)),
  }
}

/** Runs the case that the first parameter says, and traps where there is none. */
function choiceOf(cases: readonly Piece[]): Piece {
  const block = [0x02, 0x40]
  const branchTable = 0x0e
  const leave = 0x0f
  const unreachable = 0x00
  const depths = [...cases.keys()].map(unsigned)
  return [
    [block, ...cases.map(() => block)],
    [localGet, 0, branchTable, unsigned(cases.length), depths, unsigned(cases.length), end],
    cases.map((code) => [code, leave, end]),
    unreachable,
  ]
}

const reinterpret = { f32: 0xbc, f64: 0xbd, toF32: 0xbe, toF64: 0xbf }
const wrap = 0xa7
const extend = 0xad
const and = 0x83
const or = 0x84
const shiftLeft = 0x86
const shiftRight = 0x88
const by32 = [i64Const, 0x20]
/** Constants of 64 bits whose lower, or upper, 32 are set. */
const lower = [i64Const, 0xff, 0xff, 0xff, 0xff, 0x0f]
const upper = [i64Const, 0x80, 0x80, 0x80, 0x80, 0x70]
const extractLane = (part: number) => [0xfd, 27, part]
const replaceLane = (part: number) => [0xfd, 28, part]

function readWord({ index, type }: SavedGlobal, part: number): Piece {
  const value = [globalGet, unsigned(index)]
  switch (type) {
    case 'i32':
      return value
    case 'f32':
      return [value, reinterpret.f32]
    case 'v128':
      return [value, extractLane(part)]
    default:
      return [value, type === 'f64' ? reinterpret.f64 : [], part === 1 ? [by32, shiftRight] : [], wrap]
  }
}

function writeWord({ index, type }: SavedGlobal, part: number): Piece {
  const value = [globalGet, unsigned(index)]
  const word = [localGet, 1]
  const set = [globalSet, unsigned(index)]
  switch (type) {
    case 'i32':
      return [word, set]
    case 'f32':
      return [word, reinterpret.toF32, set]
    case 'v128':
      return [value, word, replaceLane(part), set]
    default:
      return [
        [value, type === 'f64' ? reinterpret.f64 : [], part === 1 ? lower : upper, and],
        [word, extend, part === 1 ? [by32, shiftLeft] : [], or],
        [type === 'f64' ? reinterpret.toF64 : [], set],
      ]
  }
}
