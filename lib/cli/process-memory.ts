/**
 * Reads the private memory of a process through `/proc/PID/mem`, piece by piece, while it runs.
 *
 * The process is not stopped, so mappings come and go: what has vanished since the list of mappings was made is
 * skipped and counted. Pages that exist in name only (a stack reserved for a thread, an allocator's reserve) are not
 * read: the kernel would have to make page tables in the process for each, and there may be terabytes of them.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

import { pageSize } from '../index.js'
import { ended, ProcessError, readingFailed, type StartTime, stillRuns } from './process-life.js'
import { isAnonymous, isPrivateMemory, parseMaps, type Region } from './process-maps.js'

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

/**
 * All private memory of process `pid`, once.
 * @throws ProcessError when it may not be read, or ends
 */
export function* readPrivateMemory(pid: number, since: StartTime): Generator<Piece> {
  const regions = privateRegions(pid)
  const memory = open(pid, 'mem')
  try {
    const pagemap = openPagemap(pid)
    try {
      const buffer = Buffer.allocUnsafeSlow(pagesAtOnce * pageSize)
      for (const region of regions) {
        for (const run of runsIn(region, pagemap)) {
          yield* readRun(memory, run, buffer, () => {
            stillRuns(pid, since)
            // It runs, yet the memory that we opened is nobody's: it became another program (exec), or is ending.
            privateRegions(pid)
          })
        }
      }
    } finally {
      if (pagemap !== undefined) closeSync(pagemap)
    }
  } finally {
    closeSync(memory)
  }
}

function privateRegions(pid: number): Region[] {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'utf8')
  } catch (error) {
    throw readingFailed(pid, error)
  }
  const all = parseMaps(text)
  if (all.length === 0) throw ended(pid)
  const regions = all.filter(isPrivateMemory)
  if (pid !== process.pid) return regions
  // Reading ourselves: the windows of our own store would show what we have just stored. They are private views of
  // memory that we have mapped shared as well.
  const shared = new Set(all.filter(({ permissions }) => permissions.endsWith('s')).map(({ path }) => path))
  return regions.filter(({ path }) => path === '' || !shared.has(path))
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

/** A region in runs of at most `pagesAtOnce`, without the pages that do not exist. */
function* runsIn(region: Region, pagemap: number | undefined): Generator<Run> {
  const step = BigInt(pagesAtOnce * pageSize)
  const entries = Buffer.allocUnsafe(pagesAtOnce * 8)
  for (let address = region.start; address < region.end; address += step) {
    const bytes = region.end - address < step ? region.end - address : step
    const pages = Number(bytes) / pageSize
    if (pagemap === undefined || !isAnonymous(region.path)) {
      yield { address, pages }
      continue
    }
    let known = 0
    try {
      known = readSync(pagemap, entries, 0, pages * 8, (address / BigInt(pageSize)) * 8n) / 8
    } catch {
      // Then nothing is known, and everything is read.
    }
    let first = 0
    for (let i = 0; i <= pages; i++) {
      // The two upper bits of an entry: in memory, in swap.
      if (i < pages && (i >= known || entries.readUInt8(i * 8 + 7) >= 0x40)) continue
      if (i > first) yield { address: address + BigInt(first * pageSize), pages: i - first }
      first = i + 1
    }
  }
}

function* readRun(memory: number, run: Run, buffer: Buffer, nobodys: () => void): Generator<Piece> {
  for (let done = 0; done < run.pages; ) {
    const wanted = run.pages - done
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
      nobodys()
      yield { pages: buffer.subarray(0, 0), nanoseconds: 0, vanished: wanted }
      return
    }
    // The page at which reading stopped is gone; those behind it need not be.
    const got = Math.floor((bytes ?? 0) / pageSize)
    yield { pages: buffer.subarray(0, got * pageSize), nanoseconds, vanished: got < wanted ? 1 : 0 }
    done += got + 1
  }
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EIO' || code === 'EFAULT' || code === 'ESRCH' || code === 'ENOMEM'
}
