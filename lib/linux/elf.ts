/**
 * Reads the symbol tables of ELF files, programs and shared libraries: of Node's own binary, too, in milliseconds. Files
 * are not trusted: whatever a file contains, reading it ends, with a table or with an Error that says what is wrong.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

export interface ElfSegment {
  /** The address at which it is loaded, without the load bias. */
  address: bigint
  memorySize: bigint
  offset: bigint
  fileSize: bigint
  executable: boolean
}

export interface ElfSymbol {
  /** Without its version. */
  name: string
  /** Its address, without the load bias. */
  value: bigint
  /** In bytes; 0 when the file does not say. */
  size: number
  /** `resolver` is what finds a function when the program starts (GNU_IFUNC): its code is not the function's. */
  kind: 'function' | 'object' | 'resolver' | 'unknown'
}

/**
 * A program or a shared library. Its symbols are those that have one address in memory: undefined, absolute and
 * thread-local ones are left out.
 *
 * Symbols come from `.symtab`, and from `.dynsym`, which is all that a stripped file has. Of several with the same name
 * the one counts that the linker would take, else the first.
 */
export interface Elf {
  /** `shared` is a position-independent program too. */
  type: 'executable' | 'shared'
  entry: bigint
  /** The parts that are loaded, in the order of the file, which is that of their addresses. */
  segments: readonly ElfSegment[]
  /** All symbols, by name. Costs much more than {@link find} in a large file. */
  symbols(): Map<string, ElfSymbol>
  find(name: string): ElfSymbol | undefined
  /** The innermost symbol around an address; of several names for one address, the best known. */
  around(address: bigint): ElfSymbol | undefined
}

/** Reads `length` bytes at `offset`, which the caller has checked to lie inside of the file. */
type Read = (offset: number, length: number) => Buffer

interface SymbolTable {
  entries: Buffer
  names: Buffer
  /** The version of each symbol; `.symtab` has it in the names instead. */
  versions: Buffer | undefined
  sections: Buffer
}

interface Section {
  type: number
  executable: boolean
  address: number
  offset: number
  size: number
  link: number
}

const fileHeaderSize = 64
const segmentHeaderSize = 56
const sectionHeaderSize = 64
const entrySize = 24

const sectionType = { symtab: 2, strtab: 3, dynsym: 11, versions: 0x6fffffff }
const symbolType = { unknown: 0, object: 1, function: 2, resolver: 10 }
const firstReservedSection = 0xff00
/** Stands for a section number that does not fit into 16 bits. */
const extendedSection = 0xffff
const nonDefaultVersion = 0x8000

const at = '@'.charCodeAt(0)
const dollar = '$'.charCodeAt(0)

// Longer names are cut. Thus a file in which all names overlap costs no more than this for each.
const longestName = 4096
// What the tables of one file may take in all. No real program comes near it.
const mostBytes = 2 ** 30
// A file system may compress what it stores, but not more than that; what a file has beyond is holes.
const mostCompressed = 16
const smallFile = 2 ** 24

function broken(what: string): Error {
  return new Error(`no usable ELF file: ${what}`)
}

/** @throws an Error that says what is wrong with the file */
export function readElf(file: Buffer): Elf {
  return parse({ size: file.length, stored: file.length }, (offset, length) => file.subarray(offset, offset + length))
}

/**
 * Reads the tables only, not the whole file.
 * @throws an Error that says what is wrong with the file, and those of the file system
 */
export function readElfFile(path: string): Elf {
  // The path may have become a pipe, and opening a pipe would wait for a writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw broken('not a regular file')
    return parse({ size: status.size, stored: status.blocks * 512 }, (offset, length) => {
      const bytes = Buffer.allocUnsafe(length)
      // The file may have been truncated since.
      if (readSync(fd, bytes, 0, length, offset) !== length) throw broken('it ends too early')
      return bytes
    })
  } finally {
    closeSync(fd)
  }
}

/** How long a file is, and how much of it is stored anywhere. */
interface FileSize {
  size: number
  stored: number
}

function parse({ size: fileSize, stored }: FileSize, readUnchecked: Read): Elf {
  let left = Math.min(mostBytes, stored * mostCompressed + smallFile)
  const read = (offset: number, length: number, what: string): Buffer => {
    // Offsets beyond 2^53 are not exact, and far outside.
    if (offset + length > fileSize) throw broken(`${what} beyond its end`)
    left -= length
    if (left < 0) throw broken(`${what} too large`)
    return readUnchecked(offset, length)
  }

  const header = read(0, fileHeaderSize, 'header')
  if (header.readUInt32BE(0) !== 0x7f454c46) throw broken('other format')
  if (header[4] !== 2 || header[5] !== 1) throw broken('not 64-bit little-endian')
  const kind = header.readUInt16LE(16)
  if (kind !== 2 && kind !== 3) throw broken('neither a program nor a shared library')

  const segmentCount = header.readUInt16LE(56)
  if (segmentCount > 0 && header.readUInt16LE(54) !== segmentHeaderSize) throw broken('odd program headers')
  const segments = loadedSegments(read(unsigned(header, 32), segmentCount * segmentHeaderSize, 'program headers'))

  const sectionCount = header.readUInt16LE(60)
  if (sectionCount > 0 && header.readUInt16LE(58) !== sectionHeaderSize) throw broken('odd section headers')
  const sections = read(unsigned(header, 40), sectionCount * sectionHeaderSize, 'section headers')
  const tables = symbolTables(sections, read)

  return {
    type: kind === 2 ? 'executable' : 'shared',
    entry: header.readBigUInt64LE(24),
    segments,
    symbols: () => allSymbols(tables),
    find: (name) => findSymbol(tables, name),
    around: (address) => symbolAround(tables, Number(address)),
  }
}

/** Reads eight bytes as a number, which is not exact beyond 2^53: no file and no process reaches so far. */
function unsigned(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * 2 ** 32 + bytes.readUInt32LE(offset)
}

function loadedSegments(headers: Buffer): ElfSegment[] {
  const segments: ElfSegment[] = []
  for (let i = 0; i < headers.length; i += segmentHeaderSize) {
    if (headers.readUInt32LE(i) !== 1) continue
    segments.push({
      executable: (headers.readUInt32LE(i + 4) & 1) !== 0,
      offset: headers.readBigUInt64LE(i + 8),
      address: headers.readBigUInt64LE(i + 16),
      fileSize: headers.readBigUInt64LE(i + 32),
      memorySize: headers.readBigUInt64LE(i + 40),
    })
  }
  return segments
}

function sectionAt(sections: Buffer, index: number): Section | undefined {
  const i = index * sectionHeaderSize
  if (i >= sections.length) return undefined
  return {
    type: sections.readUInt32LE(i + 4),
    executable: (sections.readUInt32LE(i + 8) & 4) !== 0,
    address: unsigned(sections, i + 16),
    offset: unsigned(sections, i + 24),
    size: unsigned(sections, i + 32),
    link: sections.readUInt32LE(i + 40),
  }
}

function symbolTables(sections: Buffer, read: (offset: number, length: number, what: string) => Buffer): SymbolTable[] {
  const all: Section[] = []
  for (let i = 0, section = sectionAt(sections, 0); section !== undefined; section = sectionAt(sections, ++i)) {
    all.push(section)
  }
  const tables: SymbolTable[] = []
  for (const type of [sectionType.symtab, sectionType.dynsym]) {
    const table = all.find((section) => section.type === type)
    if (table === undefined) continue
    const names = all[table.link]
    if (names?.type !== sectionType.strtab) throw broken('symbols without names')
    const count = Math.floor(table.size / entrySize)
    const versions = all.find((section) => section.type === sectionType.versions && all[section.link] === table)
    tables.push({
      entries: read(table.offset, count * entrySize, 'symbols'),
      names: read(names.offset, names.size, 'names of symbols'),
      versions: versions && read(versions.offset, Math.min(versions.size, count * 2), 'versions of symbols'),
      sections,
    })
  }
  return tables
}

const nameOffset = ({ entries }: SymbolTable, i: number): number => entries.readUInt32LE(i)
const typeOf = ({ entries }: SymbolTable, i: number): number => entries.readUInt8(i + 4) & 15
const isLocal = ({ entries }: SymbolTable, i: number): boolean => entries.readUInt8(i + 4) >> 4 === 0
const sectionOf = ({ entries }: SymbolTable, i: number): number => entries.readUInt16LE(i + 6)
const addressOf = ({ entries }: SymbolTable, i: number): number => unsigned(entries, i + 8)
const sizeOf = ({ entries }: SymbolTable, i: number): number => unsigned(entries, i + 16)

/** The offsets of the entries of symbols that have a name and an address. */
function* addressable(table: SymbolTable): Generator<number> {
  for (let i = 0; i < table.entries.length; i += entrySize) {
    const type = typeOf(table, i)
    if (type > symbolType.function && type !== symbolType.resolver) continue
    const section = sectionOf(table, i)
    if (section === 0 || (section >= firstReservedSection && section !== extendedSection)) continue
    // A number beyond 2^53 is not exact.
    if (!Number.isSafeInteger(addressOf(table, i)) || !Number.isSafeInteger(sizeOf(table, i))) continue
    const first = table.names[nameOffset(table, i)]
    // An ARM assembler marks code and data with $x and $d.
    if (first === undefined || first === 0 || first === at) continue
    if (first === dollar && type === symbolType.unknown && isLocal(table, i)) continue
    yield i
  }
}

/** Where the name of a symbol ends: before its version. */
function endOfName({ names }: SymbolTable, start: number): number {
  const text = names.subarray(start, start + longestName)
  const end = text.indexOf(0)
  const version = text.subarray(0, end < 0 ? text.length : end).indexOf(at)
  return start + (version > 0 ? version : end < 0 ? text.length : end)
}

/** Of symbols with the same name, the one with the highest rank counts. */
function rank(table: SymbolTable, i: number, end: number): number {
  const { names, versions } = table
  const versionAt = (i / entrySize) * 2
  const isOld =
    versions !== undefined && versionAt + 2 <= versions.length
      ? (versions.readUInt16LE(versionAt) & nonDefaultVersion) !== 0
      : names[end] === at && names[end + 1] !== at
  return (isLocal(table, i) ? 0 : 2) + (isOld ? 0 : 1)
}

function describe(table: SymbolTable, i: number, end: number): ElfSymbol {
  const type = typeOf(table, i)
  return {
    name: table.names.toString('utf8', nameOffset(table, i), end),
    value: BigInt(addressOf(table, i)),
    size: sizeOf(table, i),
    kind:
      type === symbolType.function
        ? 'function'
        : type === symbolType.object
          ? 'object'
          : type === symbolType.resolver
            ? 'resolver'
            : 'unknown',
  }
}

function allSymbols(tables: readonly SymbolTable[]): Map<string, ElfSymbol> {
  const symbols = new Map<string, ElfSymbol>()
  const ranks = new Map<string, number>()
  for (const table of tables) {
    // Linkers let names share their ends, but not so that a small file would fill our memory.
    let room = table.names.length * 16 + longestName
    for (const i of addressable(table)) {
      const end = endOfName(table, nameOffset(table, i))
      room -= end - nameOffset(table, i)
      if (room < 0) throw broken('names of symbols overlap')
      const symbol = describe(table, i, end)
      const ranked = rank(table, i, end)
      if (ranked <= (ranks.get(symbol.name) ?? -1)) continue
      ranks.set(symbol.name, ranked)
      symbols.set(symbol.name, symbol)
    }
  }
  return symbols
}

function findSymbol(tables: readonly SymbolTable[], name: string): ElfSymbol | undefined {
  const wanted = Buffer.from(name)
  if (wanted.length === 0 || wanted.includes(0) || wanted.includes(at)) return undefined
  let found: ElfSymbol | undefined
  let highest = -1
  for (const table of tables) {
    const { names } = table
    for (const i of addressable(table)) {
      const start = nameOffset(table, i)
      const end = start + wanted.length
      // Names are compared where they are: making strings of all takes eight times as long.
      if (end > names.length || names[start] !== wanted[0]) continue
      if (end < names.length && names[end] !== 0 && names[end] !== at) continue
      if (names.compare(wanted, 0, wanted.length, start, end) !== 0) continue
      const ranked = rank(table, i, end)
      if (ranked <= highest) continue
      highest = ranked
      found = describe(table, i, end)
    }
  }
  return found
}

function symbolAround(tables: readonly SymbolTable[], address: number): ElfSymbol | undefined {
  for (const table of tables) {
    let best: number | undefined
    for (const i of addressable(table)) {
      if (!contains(table, i, address)) continue
      if (best === undefined || isBetter(table, i, best)) best = i
    }
    best ??= labelBefore(table, address)
    if (best !== undefined) return describe(table, best, endOfName(table, nameOffset(table, best)))
  }
  return undefined
}

function contains(table: SymbolTable, i: number, address: number): boolean {
  const value = addressOf(table, i)
  return value <= address && address < value + sizeOf(table, i)
}

/** Whether symbol `a` says more than `b` about an address that both contain. */
function isBetter(table: SymbolTable, a: number, b: number): boolean {
  if (addressOf(table, a) !== addressOf(table, b)) return addressOf(table, a) > addressOf(table, b)
  if (isLocal(table, a) !== isLocal(table, b)) return isLocal(table, b)
  const lengthOf = (i: number): number => endOfName(table, nameOffset(table, i)) - nameOffset(table, i)
  // `malloc` rather than `__libc_malloc`.
  return lengthOf(a) < lengthOf(b)
}

/** Assembly without sizes: the label before an address, if nothing else lies between and it is the same code. */
function labelBefore(table: SymbolTable, address: number): number | undefined {
  let last: number | undefined
  for (const i of addressable(table)) {
    const value = addressOf(table, i)
    if (value > address) continue
    const before = last === undefined ? -1 : addressOf(table, last)
    if (value > before || (value === before && sizeOf(table, i) > 0)) last = i
  }
  if (last === undefined || sizeOf(table, last) > 0) return undefined
  const section = sectionAt(table.sections, sectionOf(table, last))
  if (section === undefined || !section.executable) return undefined
  const isInside = section.address <= addressOf(table, last) && address < section.address + section.size
  return isInside ? last : undefined
}
