import { statSync } from 'node:fs'
import type { Region } from '../addon/native.js'
import { type Elf, type ElfSymbol, readElfFile } from './elf.js'

export interface FoundSymbol {
  address: bigint
  /** In bytes; 0 when the file does not say. */
  size: number
  file: string
  /** The address of a `resolver` (`memcpy` in glibc) is not the function's, which is chosen when the program starts. */
  kind: ElfSymbol['kind']
}

/** What lies at an address: `name`+`offset`. */
export interface SymbolPlace {
  name: string
  offset: number
  file: string
}

interface Known {
  /** Changes when somebody writes the file. */
  version: string
  /** Undefined for what is no ELF file. */
  elf: Elf | undefined
}

// What was used last is at the end. A program with more libraries reads some of them again for every question.
const known = new Map<string, Known>()
const mostKnown = 128

/**
 * Where the symbol `name` is in a process: in its program (the first file mapped), or else in the first of its
 * libraries, by address, that has it. Files that are gone or cannot be read are passed over.
 */
export function findSymbol(regions: readonly Region[], name: string): FoundSymbol | undefined {
  for (const [file, mapped] of mappedFiles(regions)) {
    const elf = elfAt(file)
    const symbol = elf?.find(name)
    if (elf === undefined || symbol === undefined) continue
    const bias = loadBias(elf, mapped)
    if (bias === undefined) continue
    return { address: BigInt.asUintN(64, symbol.value + bias), size: symbol.size, file, kind: symbol.kind }
  }
  return undefined
}

/** Which symbol an address of a process belongs to. */
export function nameOf(regions: readonly Region[], address: bigint): SymbolPlace | undefined {
  const region = regions.find(({ start, end }) => start <= address && address < end)
  if (region === undefined) return undefined
  // Variables that start as zero lie in memory of no file, behind the rest of theirs; some kernels call it heap.
  const of = region.path.startsWith('/')
    ? region
    : regions.findLast(({ start, path }) => start < region.start && path.startsWith('/'))
  if (of === undefined || !isThere(of.path)) return undefined
  const elf = elfAt(of.path)
  if (elf === undefined) return undefined
  const mapped = regions.filter(({ path }) => path === of.path)
  const bias = loadBias(elf, mapped, of)
  if (bias === undefined) return undefined
  const place = address - bias
  // Memory of no file may be anybody's.
  if (!elf.segments.some((segment) => segment.address <= place && place < segment.address + segment.memorySize)) {
    return undefined
  }
  const symbol = elf.around(place)
  return symbol && { name: symbol.name, offset: Number(place - symbol.value), file: of.path }
}

function isThere(path: string): boolean {
  return path.startsWith('/') && !path.endsWith(' (deleted)')
}

function mappedFiles(regions: readonly Region[]): Map<string, Region[]> {
  const files = new Map<string, Region[]>()
  for (const region of regions) {
    if (!isThere(region.path)) continue
    const mapped = files.get(region.path)
    if (mapped === undefined) files.set(region.path, [region])
    else mapped.push(region)
  }
  return files
}

/**
 * How far from the addresses in the file it was loaded. A file may be loaded several times, and also be mapped as plain
 * data: what most of its mappings agree with counts, and one alone must be of code.
 * @param mapped all mappings of the file
 * @param inside one of them, which must agree
 */
function loadBias(elf: Elf, mapped: readonly Region[], inside?: Region): bigint | undefined {
  const votes = new Map<bigint, number>()
  for (const region of mapped) {
    const weight = isCode(region) ? 2 : 1
    for (const bias of possibleBiases(elf, region)) votes.set(bias, (votes.get(bias) ?? 0) + weight)
  }
  let best: bigint | undefined
  let most = 1
  for (const bias of inside === undefined ? votes.keys() : possibleBiases(elf, inside)) {
    const count = votes.get(bias) ?? 0
    if (count > most) {
      best = bias
      most = count
    }
  }
  return best
}

function isCode({ permissions }: Region): boolean {
  return permissions[2] === 'x'
}

function possibleBiases(elf: Elf, region: Region): Set<bigint> {
  const biases = new Set<bigint>()
  const regionEnd = region.offset + region.end - region.start
  for (const { address, offset, fileSize, executable } of elf.segments) {
    // A mapping is whole pages, and so begins before its segment; several segments may be one mapping.
    if (executable !== isCode(region) || offset >= regionEnd || offset + fileSize <= region.offset) continue
    biases.add(region.start - region.offset + offset - address)
  }
  return biases
}

function elfAt(path: string): Elf | undefined {
  let version: string
  try {
    const status = statSync(path, { bigint: true })
    // Opening a device may do things.
    if (!status.isFile()) return undefined
    version = `${status.dev} ${status.ino} ${status.size} ${status.mtimeNs}`
  } catch {
    return undefined
  }
  let entry = known.get(path)
  if (entry?.version !== version) entry = { version, elf: read(path) }
  known.delete(path)
  known.set(path, entry)
  if (known.size > mostKnown) known.delete(known.keys().next().value!)
  return entry.elf
}

function read(path: string): Elf | undefined {
  try {
    return readElfFile(path)
  } catch {
    // No ELF file, or one that only the process itself may read.
    return undefined
  }
}
