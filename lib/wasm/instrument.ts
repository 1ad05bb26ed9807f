/**
 * Makes of a module one whose state can be read and written from outside. What it computes stays the same: its own
 * functions, types and globals keep their numbers, and what is added comes behind them.
 *
 * - Two functions read and write its globals (accessors.ts).
 * - The start function does not run by itself any more but is exported, so that an instance can be made anew in the middle
 *   of a run.
 * - A data segment that code drops is never dropped: a global remembers that it would be, and code that copies from it
 *   copies from an empty segment instead.
 */

import { accessorBodies } from './accessors.js'
import { forEachInstruction } from './code.js'
import { Cursor } from './cursor.js'
import { list, type Piece, sized, text, toBytes, unsigned } from './encode.js'
import { codes } from './instructions.js'
import { type Body, type Module, sectionIds, sectionOrder } from './module.js'
import type { ModuleState, SavedGlobal } from './state.js'

export interface Instrumented {
  bytes: Uint8Array<ArrayBuffer>
  /** The globals, in the order of their words: the module's own, and those that remember what is dropped. */
  saved: SavedGlobal[]
  /** Under which names functions are exported; undefined for one that there is not. */
  get: string | undefined
  set: string | undefined
  start: string | undefined
}

const i32 = 0x7f
const i64 = 0x7e
const functionForm = 0x60
const exportedFunction = 0x00
const constantZero = [0x41, 0x00, 0x0b]
const end = 0x0b
const noLocals = 0x00
const localGet = 0x20
const globalGet = 0x23
const globalSet = 0x24

/** Pieces to append to a section, each an item of its list; or what replaces it. */
type Changes = Map<number, { add: Piece[] } | { become: Piece | undefined }>

export function instrument(module: Module, state: ModuleState): Instrumented {
  const changes: Changes = new Map()
  const add = (section: number, ...pieces: Piece[]) => changes.set(section, { add: pieces })
  const names = exportNames(module)
  const drops = state.droppedData.map((segment, i) => ({ segment, global: module.globals.length + i }))
  const saved: SavedGlobal[] = [
    ...state.saved,
    ...drops.map(({ segment, global: index }): SavedGlobal => {
      return { index, name: `whether data segment ${segment} is dropped`, type: 'i32', size: 4 }
    }),
  ]
  const firstType = module.types.length
  const firstFunction = module.functions.length
  const hasAccessors = saved.length > 0

  const types: Piece[] = []
  const functions: Piece[] = []
  const bodies: Piece[] = []
  const exports: Piece[] = []
  if (hasAccessors) {
    types.push([functionForm, 1, i32, 1, i32], [functionForm, 2, i32, i32, 0])
    functions.push(unsigned(firstType), unsigned(firstType + 1))
    const { get, set } = accessorBodies(saved)
    bodies.push(get, set)
    exports.push(exportOf(names.get, firstFunction), exportOf(names.set, firstFunction + 1))
  }
  if (module.start !== undefined) {
    exports.push(exportOf(names.start, module.start))
    changes.set(sectionIds.start, { become: undefined })
  }
  if (drops.length > 0) {
    const address = module.memories[0]?.hasLongAddresses ? i64 : i32
    types.push([functionForm, 3, address, i32, i32, 0])
    functions.push(...drops.map(() => unsigned(firstType + 2)))
    const empty = module.data.length
    bodies.push(...drops.map(({ segment, global }) => copierOf(segment, empty, global)))
    add(sectionIds.data, [0x01, 0x00])
    changes.set(sectionIds.dataCount, { become: unsigned(module.data.length + 1) })
    add(sectionIds.globals, ...drops.map(() => [i32, 1, constantZero]))
  }
  if (types.length > 0) add(sectionIds.types, ...types)
  if (functions.length > 0) add(sectionIds.functions, ...functions)
  if (exports.length > 0) add(sectionIds.exports, ...exports)
  if (drops.length > 0) {
    const copiers = new Map(drops.map(({ segment, global }, i) => [segment, { global, copier: firstFunction + 2 + i }]))
    const own = module.bodies.map((body) => sized(withoutDrops(module.bytes, body, copiers)))
    changes.set(sectionIds.code, { become: list([...own, ...bodies]) })
  } else if (bodies.length > 0) add(sectionIds.code, ...bodies)

  return {
    bytes: changes.size === 0 ? Uint8Array.from(module.bytes) : rewrite(module, changes),
    saved,
    get: hasAccessors ? names.get : undefined,
    set: hasAccessors ? names.set : undefined,
    start: module.start === undefined ? undefined : names.start,
  }
}

/** Names that the module itself does not export. */
function exportNames({ exports }: Module): Record<'get' | 'set' | 'start', string> {
  let prefix = 'pagestore'
  while (exports.some(({ name }) => name.startsWith(prefix))) prefix += '_'
  return { get: `${prefix} get`, set: `${prefix} set`, start: `${prefix} start` }
}

function exportOf(name: string, index: number): Piece {
  return [text(name), exportedFunction, unsigned(index)]
}

/** A function that does what `memory.init` does with a segment, as if it were dropped once the global says so. */
function copierOf(segment: number, empty: number, global: number): Piece {
  const operands = [localGet, 0, localGet, 1, localGet, 2]
  const copy = (from: number) => [operands, 0xfc, 8, unsigned(from), 0]
  return sized([noLocals, [globalGet, unsigned(global), 0x04, 0x40], [copy(empty), 0x05, copy(segment), end], end])
}

/** A function in which nothing is dropped. */
function withoutDrops(
  bytes: Uint8Array,
  body: Body,
  copiers: ReadonlyMap<number, { global: number; copier: number }>,
): Piece {
  const pieces: Piece[] = []
  let copied = body.start
  forEachInstruction(bytes, body, ({ code, first }, start, stop) => {
    if (code !== codes.dataDrop && code !== codes.memoryInit) return
    const segment = copiers.get(first)
    if (segment === undefined) return
    pieces.push(bytes.subarray(copied, start))
    copied = stop
    if (code === codes.memoryInit) pieces.push([0x10, unsigned(segment.copier)])
    else pieces.push([0x41, 1, globalSet, unsigned(segment.global)])
  })
  return [pieces, bytes.subarray(copied, body.end)]
}

/** The module with its sections changed, and with those that it lacks. */
function rewrite({ bytes, sections }: Module, changes: Changes): Uint8Array<ArrayBuffer> {
  const pieces: Piece[] = [bytes.subarray(0, 8)]
  const rankOf = (id: number) => sectionOrder.indexOf(id as (typeof sectionOrder)[number])
  const missing = [...changes.keys()].filter((id) => sections.every((section) => section.id !== id))
  missing.sort((a, b) => rankOf(a) - rankOf(b))
  const put = (id: number, content: Piece) => pieces.push(id, sized(content))
  const putMissingBefore = (rank: number) => {
    for (let id = missing[0]; id !== undefined && rankOf(id) < rank; id = missing[0]) {
      missing.shift()
      const change = changes.get(id)
      if (change !== undefined && 'add' in change) put(id, list(change.add))
    }
  }
  for (const { id, start, end } of sections) {
    const content = bytes.subarray(start, end)
    if (id !== sectionIds.custom) putMissingBefore(rankOf(id))
    const change = changes.get(id)
    if (change === undefined) put(id, content)
    else if ('add' in change) put(id, appended(content, change.add))
    else if (change.become !== undefined) put(id, change.become)
  }
  putMissingBefore(sectionOrder.length)
  return toBytes(pieces)
}

/** The content of a section that is a list, with more items. */
function appended(content: Uint8Array, pieces: readonly Piece[]): Piece {
  const cursor = new Cursor(content)
  const count = cursor.index()
  return [unsigned(count + pieces.length), content.subarray(cursor.at()), pieces]
}
