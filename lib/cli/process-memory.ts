/**
 * Reads the private memory of a process through `/proc/PID/mem`, piece by piece, while it runs.
 *
 * The process is not stopped, so mappings come and go: what has vanished since the list of mappings was made is
 * skipped and counted. Pages that exist in name only (a stack reserved for a thread, an allocator's reserve) are not
 * read: the kernel would have to make page tables in the process for each, and there may be terabytes of them.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'

import { PageStoreError, type ProcessMemory, pageSize, type Region } from '../index.js'
import { ended, readingFailed, type StartTime, stillRuns } from './process-life.js'

export interface Piece {
  /** Whole pages, valid until the next piece is asked for. */
  pages: Buffer
  /** How long reading them took. */
  nanoseconds: number
  /** Pages that were gone when their turn came. */
  vanished: number
}

/** A row of pages, by the address of the first. */
interface Run {
  address: bigint
  pages: number
}

// Enough to make a call's own cost vanish, little enough to stay in the cache until it is stored.
const pagesAtOnce = Math.max(1, 2 ** 20 / pageSize)

const nothing = Buffer.alloc(0)

// A pagemap has 8 bytes for each page; the two upper bits say whether it is in memory or in swap.
const entriesAtOnce = 16_384
const upperByte = endianness() === 'LE' ? 7 : 0
const inMemoryOrSwap = 0x40
const entryBuffer = Buffer.alloc(entriesAtOnce * 8)
const untouched = Buffer.alloc(entriesAtOnce * 8)

/**
 * All of the regions of process `pid` that `observed` tells of, once.
 * @throws ProcessError when it may not be read, or ends
 */
export function* readPrivateMemory(
  pid: number,
  since: StartTime,
  observed: Pick<ProcessMemory, 'regions'>,
): Generator<Piece> {
  const regions = regionsOf(pid, observed)
  const memory = open(pid, 'mem')
  try {
    const pagemap = openPagemap(pid)
    try {
      const buffer = Buffer.allocUnsafeSlow(pagesAtOnce * pageSize)
      let there = true
      for (const region of regions) {
        for (const run of runsIn(region, pagemap)) {
          if (!there || run.pages === 0) {
            yield { pages: nothing, nanoseconds: 0, vanished: run.pages }
            continue
          }
          there = yield* readRun(memory, run, buffer)
          if (!there) {
            // Nobody uses the memory that we opened: the process has ended, or became another program (exec).
            stillRuns(pid, since)
            regionsOf(pid, observed)
          }
        }
      }
    } finally {
      if (pagemap !== undefined) closeSync(pagemap)
    }
  } finally {
    closeSync(memory)
  }
}

function regionsOf(pid: number, observed: Pick<ProcessMemory, 'regions'>): readonly Region[] {
  try {
    return observed.regions
  } catch (error) {
    throw error instanceof PageStoreError && error.code === 'ERR_PROCESS_GONE' ? ended(pid) : error
  }
}

/** Whether nothing lies behind a region, so that a page never touched does not exist. */
function isAnonymous({ path }: Region): boolean {
  return path === '' || path.startsWith('[')
}

function open(pid: number, file: string): number {
  try {
    return openSync(`/proc/${pid}/${file}`, 'r')
  } catch (error) {
    throw readingFailed(pid, error)
  }
}

// Some kernels and containers have none: then everything is read.
function openPagemap(pid: number): number | undefined {
  try {
    return open(pid, 'pagemap')
  } catch {
    return undefined
  }
}

/** The pages of a region that exist, in runs; now and then an empty one, for whoever waits while there are none. */
function* runsIn(region: Region, pagemap: number | undefined): Generator<Run> {
  if (pagemap === undefined || !isAnonymous(region)) {
    yield { address: region.start, pages: pagesIn(region.start, region.end) }
    return
  }
  for (let address = region.start; address < region.end; address += BigInt(entriesAtOnce * pageSize)) {
    const pages = Math.min(pagesIn(address, region.end), entriesAtOnce)
    const entries = readEntries(pagemap, address, pages)
    const known = entries.length / 8
    let first = 0
    // A terabyte of nothing must not take its time entry by entry.
    if (known === pages && entries.equals(untouched.subarray(0, entries.length))) first = pages
    for (let i = first; i <= pages; i++) {
      if (i < pages && (i >= known || entries.readUInt8(i * 8 + upperByte) >= inMemoryOrSwap)) continue
      if (i > first) yield { address: address + BigInt(first * pageSize), pages: i - first }
      first = i + 1
    }
    yield { address, pages: 0 }
  }
}

function pagesIn(start: bigint, end: bigint): number {
  return Number(end - start) / pageSize
}

// What cannot be found out is taken to exist.
function readEntries(pagemap: number, address: bigint, pages: number): Buffer {
  try {
    const bytes = readSync(pagemap, entryBuffer, 0, pages * 8, (address / BigInt(pageSize)) * 8n)
    return entryBuffer.subarray(0, bytes - (bytes % 8))
  } catch {
    return nothing
  }
}

/** @returns whether the memory was somebody's to the end */
function* readRun(memory: number, run: Run, buffer: Buffer): Generator<Piece, boolean> {
  for (let done = 0; done < run.pages; ) {
    const wanted = Math.min(run.pages - done, pagesAtOnce)
    const position = run.address + BigInt(done * pageSize)
    const start = process.hrtime.bigint()
    let bytes: number | undefined
    try {
      bytes = readSync(memory, buffer, 0, wanted * pageSize, position)
    } catch (error) {
      if (!isGone(error)) throw error
    }
    const nanoseconds = Number(process.hrtime.bigint() - start)
    if (bytes === 0) {
      yield { pages: nothing, nanoseconds: 0, vanished: run.pages - done }
      return false
    }
    const got = Math.floor((bytes ?? 0) / pageSize)
    // The page at which reading stopped is gone; those behind it need not be.
    const vanished = got < wanted ? 1 : 0
    yield { pages: buffer.subarray(0, got * pageSize), nanoseconds, vanished }
    done += got + vanished
  }
  return true
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EIO' || code === 'EFAULT' || code === 'ESRCH'
}
