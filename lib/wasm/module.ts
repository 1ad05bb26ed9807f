/**
 * A WebAssembly module as its sections say it: what it has, and where that lies in its bytes. Whoever calls has checked
 * that the module is valid (`WebAssembly.validate`); here nothing relies on it but what the result means.
 */

import { Cursor, refuse } from './cursor.js'
import { skipConstant } from './instructions.js'
import { readNames } from './names.js'
import { type DefinedType, type Limits, readLimits, readTypes, readValueType, type ValueType } from './types.js'

export const sectionIds = {
  custom: 0,
  types: 1,
  imports: 2,
  functions: 3,
  tables: 4,
  memories: 5,
  globals: 6,
  exports: 7,
  start: 8,
  elements: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tags: 13,
} as const

/** In which order sections come. */
export const sectionOrder = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11] as const

export interface Section {
  id: number
  /** Where its content is, without its number and its length. */
  start: number
  end: number
}

export interface Global {
  type: ValueType
  isMutable: boolean
  isImported: boolean
  isExported: boolean
  /** Under which it is exported, else imported, else known to the compiler; or its number. No two have the same. */
  name: string
}

export interface Table {
  element: ValueType
  isImported: boolean
  name: string
}

export interface Memory extends Limits {
  /** Where it is imported from, if it is. */
  from: { module: string; name: string } | undefined
}

/** A segment of data, or of elements. */
export interface Segment {
  /** Whether it stays until it is dropped. Any other is dropped before the module runs. */
  isPassive: boolean
  /** Of an element. */
  element?: ValueType | undefined
}

export interface Export {
  name: string
  kind: 'function' | 'table' | 'memory' | 'global' | 'tag'
  index: number
}

/** The body of a function: from its locals to its `end`. */
export interface Body {
  start: number
  end: number
}

export interface Module {
  bytes: Uint8Array
  sections: Section[]
  types: DefinedType[]
  /** For each function the number of its type; imported ones come first. */
  functions: number[]
  tables: Table[]
  memories: Memory[]
  globals: Global[]
  exports: Export[]
  /** The function that runs when the module is instantiated. */
  start: number | undefined
  elements: Segment[]
  data: Segment[]
  bodies: Body[]
}

const kinds = ['function', 'table', 'memory', 'global', 'tag'] as const
const headerLength = 8

/** @throws `ERR_MODEL` for what is not known, with where it is */
export function readModule(bytes: Uint8Array): Module {
  const module: Module = {
    bytes,
    sections: readSections(bytes),
    types: [],
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    exports: [],
    start: undefined,
    elements: [],
    data: [],
    bodies: [],
  }
  for (const section of module.sections) {
    const read = readers.get(section.id)
    if (section.id === sectionIds.custom) continue
    if (read === undefined) return refuse(`the module has a section of a kind ${section.id} that is not known`)
    const cursor = new Cursor(bytes, section.start, section.end)
    read(cursor, module)
    if (!cursor.isAtEnd()) cursor.fail('a section is longer than what is in it')
  }
  nameAll(module)
  return module
}

function readSections(bytes: Uint8Array): Section[] {
  const sections: Section[] = []
  const cursor = new Cursor(bytes)
  cursor.skip(headerLength)
  while (!cursor.isAtEnd()) {
    const id = cursor.byte()
    const length = cursor.index()
    const start = cursor.at()
    cursor.skip(length)
    sections.push({ id, start, end: start + length })
  }
  return sections
}

type SectionReader = (cursor: Cursor, module: Module) => void

const readers = new Map<number, SectionReader>([
  [
    sectionIds.types,
    (cursor, module) => {
      module.types = readTypes(cursor)
    },
  ],
  [sectionIds.imports, (cursor, module) => cursor.list(() => readImport(cursor, module))],
  [sectionIds.functions, (cursor, module) => cursor.list(() => module.functions.push(cursor.index()))],
  [sectionIds.tables, (cursor, module) => cursor.list(() => module.tables.push(readDefinedTable(cursor)))],
  [
    sectionIds.memories,
    (cursor, module) => cursor.list(() => module.memories.push({ ...readLimits(cursor), from: undefined })),
  ],
  [
    sectionIds.globals,
    (cursor, module) =>
      cursor.list(() => {
        module.globals.push({ ...readGlobalType(cursor), isImported: false })
        skipConstant(cursor)
      }),
  ],
  [sectionIds.exports, (cursor, module) => cursor.list(() => module.exports.push(readExport(cursor)))],
  [
    sectionIds.start,
    (cursor, module) => {
      module.start = cursor.index()
    },
  ],
  [sectionIds.elements, (cursor, module) => cursor.list(() => module.elements.push(readElements(cursor)))],
  [
    sectionIds.code,
    (cursor, module) =>
      cursor.list(() => {
        const length = cursor.index()
        const start = cursor.at()
        cursor.skip(length)
        module.bodies.push({ start, end: start + length })
      }),
  ],
  [sectionIds.data, (cursor, module) => cursor.list(() => module.data.push(readData(cursor)))],
  [sectionIds.dataCount, (cursor) => cursor.index()],
  [sectionIds.tags, (cursor) => cursor.list(() => skipTag(cursor))],
])

function readImport(cursor: Cursor, module: Module): void {
  const from = { module: cursor.name(), name: cursor.name() }
  const name = `${from.module}.${from.name}`
  const kind = kinds[cursor.byte()]
  if (kind === undefined) cursor.fail('an import of a kind that is not known')
  else if (kind === 'function') module.functions.push(cursor.index())
  else if (kind === 'table') module.tables.push({ ...readTable(cursor), isImported: true, name })
  else if (kind === 'memory') module.memories.push({ ...readLimits(cursor), from })
  else if (kind === 'global') module.globals.push({ ...readGlobalType(cursor), isImported: true, name })
  else skipTag(cursor)
}

function readTable(cursor: Cursor): Table {
  const element = readValueType(cursor)
  readLimits(cursor)
  return { element, isImported: false, name: '' }
}

/** A table may have a constant that fills it, which two bytes announce. */
function readDefinedTable(cursor: Cursor): Table {
  if (cursor.peek() !== 0x40) return readTable(cursor)
  cursor.skip(1)
  if (cursor.byte() !== 0) cursor.fail('a table that is not known')
  const table = readTable(cursor)
  skipConstant(cursor)
  return table
}

function readGlobalType(cursor: Cursor): Omit<Global, 'isImported'> {
  const type = readValueType(cursor)
  const flags = cursor.byte()
  if (flags > 1) cursor.fail('a global that is neither constant nor mutable')
  return { type, isMutable: flags === 1, isExported: false, name: '' }
}

function readExport(cursor: Cursor): Export {
  const name = cursor.name()
  const kind = kinds[cursor.byte()] ?? cursor.fail('an export of a kind that is not known')
  return { name, kind, index: cursor.index() }
}

function skipTag(cursor: Cursor): void {
  if (cursor.byte() !== 0) cursor.fail('a tag of a kind that is not known')
  cursor.index()
}

const functionReference: ValueType = { name: 'funcref', heap: 'func' }

/** The three flags: it is passive (or only declares); it names its table (or it only declares); its items are expressions. */
function readElements(cursor: Cursor): Segment {
  const flags = cursor.index()
  if (flags > 7) cursor.fail('a segment of elements of a kind that is not known')
  const isActive = (flags & 1) === 0
  const hasExpressions = (flags & 4) !== 0
  if (isActive) {
    if ((flags & 2) !== 0) cursor.index()
    skipConstant(cursor)
  }
  let element = functionReference
  if ((flags & 3) !== 0) {
    if (hasExpressions) element = readValueType(cursor)
    else if (cursor.byte() !== 0) cursor.fail('elements of a kind that is not known')
  }
  cursor.list(() => (hasExpressions ? skipConstant(cursor) : cursor.index()))
  return { isPassive: (flags & 3) === 1, element }
}

function readData(cursor: Cursor): Segment {
  const flags = cursor.index()
  if (flags > 2) cursor.fail('a segment of data of a kind that is not known')
  if (flags === 2) cursor.index()
  if (flags !== 1) skipConstant(cursor)
  cursor.skip(cursor.index())
  return { isPassive: flags === 1 }
}

/** Gives each global and each table its name. */
function nameAll(module: Module): void {
  const custom = module.sections.filter(({ id }) => id === sectionIds.custom)
  const names = readNames(module.bytes, custom)
  const taken = new Set<string>()
  for (const { name, kind, index } of module.exports) {
    const global = kind === 'global' ? module.globals[index] : undefined
    if (global === undefined || global.isExported) continue
    global.isExported = true
    global.name = name
    taken.add(name)
  }
  for (const [index, global] of module.globals.entries()) {
    if (global.isExported) continue
    const wanted = global.name || names.globals.get(index) || ''
    global.name = wanted === '' || taken.has(wanted) ? `global ${index}` : wanted
    while (taken.has(global.name)) global.name += ' again'
    taken.add(global.name)
  }
  for (const [index, table] of module.tables.entries()) {
    table.name = table.name || names.tables.get(index) || `table ${index}`
  }
}
