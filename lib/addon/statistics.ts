/** What a store counts: it crosses the border as numbers in one array, and becomes an object with names here. */

import { type Handle, native } from './native.js'
import { type HashInstructions, type MemoryKind, memoryKinds, statisticsSlots as slot } from './tables.js'

/** Counted since the store was made, by all who share it. */
export interface PageStoreStats {
  /** Distinct pages in use. */
  pages: number
  /** Pages mapped. */
  capacity: number
  /** References to all pages together. */
  references: number
  /** Pages offered to the store that it had already. */
  duplicates: number
  /** Comparisons of pages that shared the 32 bits of hash that are kept, and differed. */
  collisions: number
  /** Page tables that snapshots use; 64 bytes each. */
  tables: number
  /** What snapshots are recognised by, of those that were asked for it; 64 bytes each. */
  keys: number
  /** Bytes beside pages and tables themselves: counts, hash index, marks. */
  bookkeepingBytes: number
  /** How often the memory grew, the first time included. */
  growths: number
  /** How often growing moved the memory to another address. */
  moves: number
  /** What the pages lie in. */
  memory: MemoryKind
  /** What pages are hashed with. */
  hash: HashInstructions
}

// Filled and read without anything in between.
const figures = new Float64Array(Object.keys(slot).length)

function figure(index: number): number {
  return figures[index] ?? 0
}

export function statisticsOf(store: Handle): PageStoreStats {
  native.stats(store, figures)
  return {
    pages: figure(slot.pages),
    capacity: figure(slot.capacity),
    references: figure(slot.references),
    duplicates: figure(slot.duplicates),
    collisions: figure(slot.collisions),
    tables: figure(slot.tables),
    keys: figure(slot.keys),
    bookkeepingBytes: figure(slot.bookkeepingBytes),
    growths: figure(slot.growths),
    moves: figure(slot.moves),
    memory: memoryKinds[figure(slot.memoryKind)] ?? 'memfd',
    hash: native.hash,
  }
}
