/**
 * Reads the private memory of a process piece by piece, while it runs.
 *
 * The process is not stopped, so mappings come and go: a page that has vanished since the regions were listed is left
 * out and counted.
 */

import { PageStoreError, type ProcessMemory, pageSize, type Region } from '../index.js'
import { openPagemap, type Pagemap, type PageRun } from '../linux/pagemap.js'
import { ended } from './process-life.js'

export interface Piece {
  /** Whole pages, valid until the next piece is asked for. */
  pages: Buffer
  /** How long reading them took. */
  nanoseconds: number
  /** Pages that vanished before they were read. */
  vanished: number
}

/** What is read here of the memory of a process. */
export type ObservedMemory = Pick<ProcessMemory, 'pid' | 'regions' | 'readInto'>

// Enough to make a call's own cost vanish, little enough to stay in the cache until it is stored.
const pagesAtOnce = Math.max(1, 2 ** 20 / pageSize)

/**
 * All regions of a process, once.
 * @throws ProcessError when it ends, PageStoreError when it may not be read
 */
export function* readPieces(memory: ObservedMemory): Generator<Piece> {
  const pagemap = openPagemap(memory.pid, pageSize)
  try {
    const buffer = Buffer.allocUnsafeSlow(pagesAtOnce * pageSize)
    for (const region of memory.regions) {
      for (const run of runsIn(region, pagemap)) yield* readRun(memory, run, buffer)
    }
  } catch (error) {
    throw error instanceof PageStoreError && error.code === 'ERR_PROCESS_GONE' ? ended(memory.pid) : error
  } finally {
    pagemap?.close()
  }
}

function runsIn(region: Region, pagemap: Pagemap | undefined): Iterable<PageRun> {
  // What has a file behind it exists in full.
  const isAnonymous = region.path === '' || region.path.startsWith('[')
  if (pagemap !== undefined && isAnonymous) return pagemap.runs(region)
  return [{ address: region.start, pages: Number(region.end - region.start) / pageSize }]
}

function* readRun(memory: ObservedMemory, run: PageRun, buffer: Buffer): Generator<Piece> {
  // An empty run, too, is a piece, so that the caller goes on.
  if (run.pages === 0) yield { pages: buffer.subarray(0, 0), nanoseconds: 0, vanished: 0 }
  for (let done = 0; done < run.pages; ) {
    const address = run.address + BigInt(done * pageSize)
    const wanted = Math.min(run.pages - done, pagesAtOnce)
    const start = process.hrtime.bigint()
    let read = wanted
    if (!canRead(memory, address, buffer.subarray(0, wanted * pageSize))) {
      if (!isMapped(memory, address, run.pages - done)) {
        yield { pages: buffer.subarray(0, 0), nanoseconds: 0, vanished: run.pages - done }
        return
      }
      read = readSingly(memory, address, buffer, wanted)
    }
    const nanoseconds = Number(process.hrtime.bigint() - start)
    yield { pages: buffer.subarray(0, read * pageSize), nanoseconds, vanished: wanted - read }
    done += wanted
  }
}

/** Reads those of `count` pages that are still there, one behind the other. @returns how many that are */
function readSingly(memory: ObservedMemory, address: bigint, buffer: Buffer, count: number): number {
  let read = 0
  for (let i = 0; i < count; i++) {
    const page = buffer.subarray(read * pageSize, (read + 1) * pageSize)
    if (canRead(memory, address + BigInt(i * pageSize), page)) read++
  }
  return read
}

function canRead(memory: ObservedMemory, address: bigint, bytes: Buffer): boolean {
  try {
    memory.readInto(address, bytes)
    return true
  } catch (error) {
    if (error instanceof PageStoreError && error.code === 'ERR_ADDRESS') return false
    throw error
  }
}

/** Whether any of a row of pages is mapped now: none is once the process has become another program. */
function isMapped(memory: ObservedMemory, address: bigint, pages: number): boolean {
  const after = address + BigInt(pages * pageSize)
  return memory.regions.some(({ start, end }) => start < after && address < end)
}
