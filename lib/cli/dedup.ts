/**
 * `pagestore dedup`: reads a process's memory again and again, stores every page once, and checks that it gets each back.
 *
 * All pages of all rounds stay stored, because the pages that repeat from round to round are what the user wants to see.
 * Every page is read back and compared twice: with the bytes that were read, right after it was stored; and by its
 * digest at the very end, after the store has grown and moved. It prints nothing, but yields how far it is.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'

import { PageStore, PageStoreError, ProcessMemory, pageSize } from '../index.js'
import { createDigests } from './digests.js'
import { readPieces } from './memory-pieces.js'
import { checkStillRuns, startTimeOf } from './process-life.js'

export interface DedupOptions {
  pid: number
  rounds: number
  /** Milliseconds from the end of a round to the next. */
  interval: number
  /** The most distinct pages to keep. */
  maxPages: number
  signal: AbortSignal
}

/** Numbers of pages, unless they say otherwise; they grow while the job runs. */
export interface Tally {
  read: number
  distinct: number
  /** Pages read that were all zero. */
  zero: number
  /** Pages that vanished after the regions were listed and before they were read. */
  vanished: number
  readNanoseconds: number
  storeNanoseconds: number
  /** Distinct pages read back at the end. */
  checked: number
}

export interface Progress {
  /** `read`: within a round; `round`: at the end of one; `check`: reading the store back; `done`. */
  phase: 'read' | 'round' | 'check' | 'done'
  /** From 1. */
  round: number
  tally: Readonly<Tally>
}

/** A page that did not come back as it was stored. */
export class DifferenceError extends Error {
  override readonly name = 'DifferenceError'
}

// Often enough for a smooth display and a prompt end, and no cost.
const restInterval = 40

/**
 * @throws ProcessError when the process cannot be read or ends, DifferenceError when the store was wrong,
 *   PageStoreError when it is full, and the signal's reason when it is aborted
 */
export async function* dedup({ pid, rounds, interval, maxPages, signal }: DedupOptions): AsyncGenerator<Progress> {
  const since = startTimeOf(pid)
  using store = new PageStore({ maxPages })
  using observed = new ProcessMemory(store, pid, { stop: false })
  const digests = createDigests()
  const zero = store.storePage(Buffer.alloc(pageSize))
  const tally: Tally = {
    read: 0,
    distinct: 0,
    zero: 0,
    vanished: 0,
    readNanoseconds: 0,
    storeNanoseconds: 0,
    checked: 0,
  }
  const rested = createRests(signal)

  for (let round = 1; round <= rounds; round++) {
    if (round > 1) {
      await setTimeout(interval, undefined, { signal })
      checkStillRuns(pid, since)
    }
    for (const { pages, nanoseconds, vanished } of readPieces(observed)) {
      tally.read += pages.length / pageSize
      tally.readNanoseconds += nanoseconds
      tally.vanished += vanished

      const start = process.hrtime.bigint()
      const numbers = store.storePages(pages)
      tally.storeNanoseconds += Number(process.hrtime.bigint() - start)

      numbers.forEach((n, i) => {
        const page = pages.subarray(i * pageSize, (i + 1) * pageSize)
        if (!store.getPage(n).equals(page)) throw different(n, 'from what was read just before')
        if (n === zero) tally.zero++
        if (digests.note(n, page)) tally.distinct++
      })
      if (await rested()) yield { phase: 'read', round, tally }
    }
    yield { phase: 'round', round, tally }
  }

  for (const n of digests.numbers()) {
    if (!digests.agrees(n, store.getPage(n))) throw different(n, 'at the end from what was read')
    tally.checked++
    if (await rested()) yield { phase: 'check', round: rounds, tally }
  }
  // Beside the pages read there is the reference that was taken to learn the zero page's number.
  const { references } = store.stats()
  if (references !== tally.read + 1) {
    throw new DifferenceError(`the store counts ${references} references after ${tally.read} pages and one`)
  }
  yield { phase: 'done', round: rounds, tally }
}

export function isOutOfMemory(error: unknown): boolean {
  return error instanceof PageStoreError && error.code === 'ERR_OUT_OF_MEMORY'
}

/** @returns a function that gives the event loop a turn when one is due, and returns whether it did */
function createRests(signal: AbortSignal): () => Promise<boolean> {
  let next = 0
  return async () => {
    if (performance.now() < next) return false
    await setImmediate()
    signal.throwIfAborted()
    next = performance.now() + restInterval
    return true
  }
}

function different(n: number, from: string): DifferenceError {
  return new DifferenceError(`page ${n} reads back different ${from}`)
}
