/**
 * What of a module's state lies outside of its memory: the globals that roll back with it, and what cannot, by name.
 *
 * The rule: a module is taken only if everything that an instruction can change either rolls back or is named here. What
 * no instruction changes is constant; what a host changes is the host's.
 */

import { type Uses, usesOf } from './code.js'
import { refuse } from './cursor.js'
import type { Global, Module } from './module.js'
import type { HeapType, ValueType } from './types.js'

/** A global that the module can change and that rolls back. */
export interface SavedGlobal {
  index: number
  name: string
  type: 'i32' | 'i64' | 'f32' | 'f64' | 'v128'
  /** In bytes. */
  size: number
}

export interface ModuleState {
  saved: SavedGlobal[]
  /** Segments that code copies from and drops, so that whether they are dropped is state. */
  droppedData: number[]
  growsMemory: boolean
  /** Globals that hold references. They do not roll back. */
  uncaptured: Global[]
}

// Engines take no larger branch table, and what reads and writes globals has a branch for each word.
const mostWords = 65_520

const sizes = { v128: 16, i64: 8, f64: 8, i32: 4, f32: 4 } as const

/** @throws `ERR_MODEL` for state that does not roll back, but for globals: who calls decides about these */
export function stateOf(module: Module): ModuleState {
  const uses = usesOf(module)
  if (module.memories.length > 1) {
    refuse(`the module has ${module.memories.length} memories, and only one rolls back: keep its state in one`)
  }
  refuseTables(module, uses)
  refuseObjects(module, uses)
  const { saved, uncaptured } = globalsOf(module, uses)
  const droppedData = droppedDataOf(module, uses)
  refuseTooMany(saved, droppedData)
  return { saved, uncaptured, droppedData, growsMemory: uses.growsMemory }
}

function globalsOf({ globals }: Module, { writtenGlobals }: Uses): Pick<ModuleState, 'saved' | 'uncaptured'> {
  const saved: SavedGlobal[] = []
  const uncaptured: Global[] = []
  for (const [index, global] of globals.entries()) {
    if (!global.isMutable) continue
    const type = global.type.name
    if (!isNumber(type)) uncaptured.push(global)
    else if (global.isExported || global.isImported || writtenGlobals.has(index)) {
      saved.push({ index, name: global.name, type, size: sizes[type] })
    }
  }
  // The largest first: then each lies at a multiple of its size.
  saved.sort((a, b) => b.size - a.size || a.index - b.index)
  return { saved, uncaptured }
}

function refuseTooMany(saved: readonly SavedGlobal[], droppedData: readonly number[]): void {
  const words = saved.reduce((sum, { size }) => sum + size / 4, droppedData.length)
  if (words <= mostWords) return
  refuse(
    `the module has ${saved.length} globals that can change, and drops ${droppedData.length} data segments: of these ` +
      `${words} words only ${mostWords} can roll back`,
  )
}

function isNumber(type: string): type is SavedGlobal['type'] {
  return type in sizes
}

function refuseTables({ tables }: Module, { writtenTables }: Uses): void {
  for (const [index, instruction] of writtenTables) {
    const name = tables[index]?.name ?? `table ${index}`
    refuse(`the module changes ${name} (by ${instruction}), and tables do not roll back: keep its state in memory`)
  }
}

/** Structs and arrays do not roll back: where code changes some, nothing may keep one from one call to the next. */
function refuseObjects({ globals, tables, elements, types }: Module, { changesObjects, ...uses }: Uses): void {
  if (changesObjects !== undefined) {
    const mayKeep = (type: ValueType | undefined) => type?.heap !== undefined && !isConstant(type.heap)
    const isObject = (heap: HeapType) => typeof heap === 'number' && types[heap]?.kind !== 'function'
    const isConstant = (heap: HeapType) => (typeof heap === 'number' ? !isObject(heap) : constantHeaps.has(heap))
    const keeper =
      globals.find(({ type, isMutable }) => !isMutable && mayKeep(type)) ??
      tables.find(({ element }) => mayKeep(element)) ??
      elements.map((each, i) => ({ ...each, name: `element segment ${i}` })).find(({ element }) => mayKeep(element))
    if (keeper !== undefined) {
      refuse(
        `the module changes objects (by ${changesObjects}), which do not roll back, and ${keeper.name} can keep one: ` +
          'keep its state in memory',
      )
    }
  }
  const segment = elements.findIndex(
    ({ isPassive }, i) => isPassive && uses.droppedElements.has(i) && uses.arrayElements.has(i),
  )
  if (segment >= 0) refuse(`the module drops element segment ${segment} (by elem.drop), which does not roll back`)
}

/** What these types refer to never changes, or is nothing. */
const constantHeaps = new Set(['func', 'nofunc', 'none', 'noextern', 'noexn', 'i31'])

function droppedDataOf({ data }: Module, { droppedData, copiedData, arrayData }: Uses): number[] {
  return [...droppedData]
    .filter((index) => data[index]?.isPassive === true)
    .filter((index) => {
      if (!arrayData.has(index)) return copiedData.has(index)
      return refuse(
        `the module drops data segment ${index} (by data.drop), of which it makes arrays: that does not roll back`,
      )
    })
    .sort((a, b) => a - b)
}
