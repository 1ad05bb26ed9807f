/** What the code of a module does to its state: the one walk over all instructions. */

import { Cursor, refuse } from './cursor.js'
import { codes, type Instruction, readInstruction } from './instructions.js'
import type { Body, Module } from './module.js'
import { readValueType } from './types.js'

/** What a module's functions do. Numbers are those of globals, tables and segments. */
export interface Uses {
  writtenGlobals: Set<number>
  /** With the name of an instruction that writes it. */
  writtenTables: Map<number, string>
  growsMemory: boolean
  /** The name of an instruction that changes a struct or an array, if there is one. */
  changesObjects: string | undefined
  droppedData: Set<number>
  /** Data that memory is initialised with, and data that arrays are made of. */
  copiedData: Set<number>
  arrayData: Set<number>
  droppedElements: Set<number>
  arrayElements: Set<number>
}

const tableWriters = new Map<number, string>([
  [codes.tableSet, 'table.set'],
  [codes.tableGrow, 'table.grow'],
  [codes.tableFill, 'table.fill'],
  [codes.tableCopy, 'table.copy'],
])

const objectWriters = new Map<number, string>([
  [codes.structSet, 'struct.set'],
  [codes.arraySet, 'array.set'],
  [codes.arrayFill, 'array.fill'],
  [codes.arrayCopy, 'array.copy'],
  [codes.arrayInitData, 'array.init_data'],
  [codes.arrayInitElements, 'array.init_elem'],
])

/** @throws `ERR_MODEL` for an instruction that is not known */
export function usesOf(module: Module): Uses {
  const uses: Uses = {
    writtenGlobals: new Set(),
    writtenTables: new Map(),
    growsMemory: false,
    changesObjects: undefined,
    droppedData: new Set(),
    copiedData: new Set(),
    arrayData: new Set(),
    droppedElements: new Set(),
    arrayElements: new Set(),
  }
  for (const body of module.bodies) forEachInstruction(module.bytes, body, (instruction) => note(instruction, uses))
  return uses
}

function note({ code, first, second }: Instruction, uses: Uses): void {
  // By far the most are below, and of these two are of interest.
  if (code < 0x100) {
    if (code === codes.globalSet) uses.writtenGlobals.add(first)
    else if (code === codes.tableSet) uses.writtenTables.set(first, 'table.set')
    else if (code === codes.memoryGrow) uses.growsMemory = true
    return
  }
  const tableWriter = tableWriters.get(code)
  if (tableWriter !== undefined) uses.writtenTables.set(first, tableWriter)
  uses.changesObjects ??= objectWriters.get(code)
  if (code === codes.tableInit) uses.writtenTables.set(second, 'table.init')
  if (code === codes.memoryInit) uses.copiedData.add(first)
  if (code === codes.dataDrop) uses.droppedData.add(first)
  if (code === codes.elementsDrop) uses.droppedElements.add(first)
  if (code === codes.arrayNewData || code === codes.arrayInitData) uses.arrayData.add(second)
  if (code === codes.arrayNewElements || code === codes.arrayInitElements) uses.arrayElements.add(second)
}

/** Calls `visit(instruction, where it starts, where it ends)` for each; the instruction is the same object each time. */
export function forEachInstruction(
  bytes: Uint8Array,
  body: Body,
  visit: (instruction: Instruction, start: number, end: number) => void,
): void {
  const cursor = new Cursor(bytes, body.start, body.end)
  cursor.list(() => {
    cursor.index()
    readValueType(cursor)
  })
  const instruction: Instruction = { code: 0, first: 0, second: 0 }
  while (!cursor.isAtEnd()) {
    const start = cursor.at()
    readInstruction(cursor, instruction)
    visit(instruction, start, cursor.at())
  }
  if (instruction.code !== codes.end) refuse(`a function that ends at byte ${body.end} has no end`)
}
