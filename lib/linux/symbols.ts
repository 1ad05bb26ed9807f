/** Finds the symbols of a process: its mapped files give the names, its regions say where the files are loaded. */

import { statSync } from 'node:fs'
import type { Region } from '../addon/native.js'
import { type Elf, type ElfSymbol, readElfFile } from './elf.js'
import { type FileFinder, filesHere } from './process-files.js'

export interface FoundSymbol {
  address: bigint
  /** In bytes; 0 when the file does not say. */
  size: number
  file: string
  /** For a `resolver` (`memcpy` in glibc) the address is that of the code which chooses the function. */
  kind: ElfSymbol['kind']
}

/** An address as `name`+`offset`. */
export interface NamedAddress {
  name: string
  offset: number
  file: string
}

interface CachedFile {
  /** Changes when the file is written. */
  version: string
  /** Undefined for what is no ELF file. */
  elf: Elf | undefined
}

// By device and inode: a path may mean another file to another process. The file that was used last is at the end. A program with more libraries has some of them read again for each call.
const cache = new Map<string, CachedFile>()
const mostCached = 128

/**
 * Where the symbol `name` is in a process: in its program (the first file mapped), or else in the first of its
 * libraries, by address, that has it. Files that were deleted or cannot be read are left out.
 */
export function findSymbol(
  regions: readonly Region[],
  name: string,
  fileOf: FileFinder = filesHere,
): FoundSymbol | undefined {
  for (const [file, mapped] of mappedFiles(regions)) {
    const elf = elfAt(fileOf(mapped))
    const symbol = elf?.find(name)
    if (elf === undefined || symbol === undefined) continue
    const bias = loadBias(elf, mapped)
    if (bias === undefined) continue
    return { address: BigInt.asUintN(64, symbol.value + bias), size: symbol.size, file, kind: symbol.kind }
  }
  return undefined
}

/** The symbol that an address of a process belongs to. */
export function nameOf(
  regions: readonly Region[],
  address: bigint,
  fileOf: FileFinder = filesHere,
): NamedAddress | undefined {
  const region = regions.find(({ start, end }) => start <= address && address < end)
  if (region === undefined) return undefined
  // Variables that start as zero lie behind their file's regions, in memory that is of no file or is called [heap].
  const mapping = region.path.startsWith('/')
    ? region
    : regions.findLast(({ start, path }) => start < region.start && path.startsWith('/'))
  if (mapping === undefined || !hasFile(mapping.path)) return undefined
  const mapped = regions.filter(({ path }) => path === mapping.path)
  const elf = elfAt(fileOf(mapped))
  if (elf === undefined) return undefined
  const bias = loadBias(elf, mapped, mapping)
  if (bias === undefined) return undefined
  const inFile = address - bias
  // Memory that is of no file may belong to something else.
  if (!elf.segments.some((segment) => segment.address <= inFile && inFile < segment.address + segment.memorySize)) {
    return undefined
  }
  const symbol = elf.around(inFile)
  return symbol && { name: symbol.name, offset: Number(inFile - symbol.value), file: mapping.path }
}

function hasFile(path: string): boolean {
  return path.startsWith('/') && !path.endsWith(' (deleted)')
}

function mappedFiles(regions: readonly Region[]): Map<string, Region[]> {
  const files = new Map<string, Region[]>()
  for (const region of regions) {
    if (!hasFile(region.path)) continue
    const mapped = files.get(region.path)
    if (mapped === undefined) files.set(region.path, [region])
    else mapped.push(region)
  }
  return files
}

/**
 * How far a file's addresses in the process are from those in the file. A file may be loaded several times, and also be
 * mapped as plain data: the bias counts that most of its mappings agree with, and a single one must be code.
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
    // A mapping consists of whole pages, so it may begin before its segment; and several segments may be one mapping.
    if (executable !== isCode(region) || offset >= regionEnd || offset + fileSize <= region.offset) continue
    biases.add(region.start - region.offset + offset - address)
  }
  return biases
}

function elfAt(path: string | undefined): Elf | undefined {
  if (path === undefined) return undefined
  let identity: string
  let version: string
  try {
    const status = statSync(path, { bigint: true })
    // Opening a device may have effects.
    if (!status.isFile()) return undefined
    identity = `${status.dev} ${status.ino}`
    version = `${status.size} ${status.mtimeNs}`
  } catch {
    return undefined
  }
  let entry = cache.get(identity)
  if (entry?.version !== version) entry = { version, elf: read(path) }
  cache.delete(identity)
  cache.set(identity, entry)
  if (cache.size > mostCached) cache.delete(cache.keys().next().value!)
  return entry.elf
}

function read(path: string): Elf | undefined {
  try {
    return readElfFile(path)
  } catch {
    // It is no ELF file, or only the process itself may read it.
    return undefined
  }
}
