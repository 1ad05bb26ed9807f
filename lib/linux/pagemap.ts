/**
 * Which pages of a process exist, from `/proc/PID/pagemap`. A mapping may be much larger than what the process has
 * touched of it (a stack reserved for a thread, an allocator's reserve), and reading a page that does not exist makes
 * the kernel build page tables for it in that process.
 */

import { closeSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'

import type { Range } from '../addon/native.js'

/** A row of pages, by the address of the first. */
export interface PageRun {
  address: bigint
  pages: number
}

export interface Pagemap {
  /**
   * The pages of a range that are in memory or in swap, in runs. Now and then a run is empty, so that the caller goes on
   * even in a terabyte that nobody touched. Pages of which the kernel says nothing count as existing.
   */
  runs(range: Range): Generator<PageRun>
  close(): void
}

// A pagemap has 8 bytes for each page; the two upper bits say whether it is in memory or in swap.
const entryBytes = 8
const entriesAtOnce = 16_384
const upperByte = endianness() === 'LE' ? 7 : 0
const inMemoryOrSwap = 0x40
const untouched = Buffer.alloc(entriesAtOnce * entryBytes)

/** Undefined where the kernel has no pagemap, or does not let us read it. */
export function openPagemap(pid: number, pageSize: number): Pagemap | undefined {
  let file: number
  try {
    file = openSync(`/proc/${pid}/pagemap`, 'r')
  } catch {
    return undefined
  }
  const buffer = Buffer.alloc(entriesAtOnce * entryBytes)

  function readEntries(address: bigint, pages: number): Buffer {
    try {
      const position = (address / BigInt(pageSize)) * BigInt(entryBytes)
      const bytes = readSync(file, buffer, 0, pages * entryBytes, position)
      return buffer.subarray(0, bytes - (bytes % entryBytes))
    } catch {
      return buffer.subarray(0, 0)
    }
  }

  return {
    *runs({ start, end }) {
      for (let address = start; address < end; address += BigInt(entriesAtOnce * pageSize)) {
        const pages = Math.min(Number((end - address) / BigInt(pageSize)), entriesAtOnce)
        for (const { first, count } of existing(readEntries(address, pages), pages)) {
          yield { address: address + BigInt(first * pageSize), pages: count }
        }
        yield { address, pages: 0 }
      }
    },
    close: () => closeSync(file),
  }
}

function* existing(entries: Buffer, pages: number): Generator<{ first: number; count: number }> {
  const known = entries.length / entryBytes
  if (known === pages && entries.equals(untouched.subarray(0, entries.length))) return
  let first = 0
  for (let i = 0; i <= pages; i++) {
    if (i < pages && (i >= known || entries.readUInt8(i * entryBytes + upperByte) >= inMemoryOrSwap)) continue
    if (i > first) yield { first, count: i - first }
    first = i + 1
  }
}
