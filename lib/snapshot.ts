/** Snapshots: what a capture returns, to compare, to read, and to restore. */

import { constants } from 'node:buffer'

import { type Handle, native, type Range, type Region } from './addon/native.js'
import { lengthOf } from './arguments.js'
import { PageStoreError } from './errors.js'
import { handleOf, type PageStore, pageSize } from './page-store.js'

// A snapshot that nobody released is released when it is collected. If the store is damaged then, nobody is there to be
// told.
const forgotten = new FinalizationRegistry<Handle>((handle) => {
  try {
    native.releaseSnapshot(handle)
  } catch {}
})

/** For the other classes of this package: the addon's handle on a snapshot. */
export let snapshotHandle: (snapshot: Snapshot) => Handle
/** For the other classes of this package: makes a snapshot of a handle. */
export let createSnapshot: (store: PageStore, handle: Handle) => Snapshot

/**
 * A memory at one moment. It shares its pages and page tables with every other snapshot that has the same ones, and costs
 * only those that no other has.
 *
 * Every method throws `ERR_STORE_CLOSED` after its store was closed, `ERR_SNAPSHOT_RELEASED` after `release()`, and
 * `ERR_STORE_DAMAGED` where its page tables, or what it keeps beside memory (regions, states of threads), are not what was
 * stored. The bytes of memory are not checked.
 */
export class Snapshot implements Disposable {
  static {
    createSnapshot = (store, handle) => new Snapshot(store, handle)
    snapshotHandle = (snapshot) => {
      if (snapshot === null || typeof snapshot !== 'object' || !(#handle in snapshot)) {
        throw new PageStoreError('ERR_ARGUMENT_TYPE', 'a Snapshot is expected')
      }
      return snapshot.#handle
    }
  }

  readonly #store: PageStore
  readonly #handle: Handle

  private constructor(store: PageStore, handle: Handle) {
    this.#store = store
    this.#handle = handle
    forgotten.register(this, handle, this)
  }

  /**
   * Names the bytes of the memory: within one store, equal numbers mean equal bytes at equal addresses. 0 means that all
   * bytes are zero. The number keeps its meaning until the snapshot is released.
   */
  get root(): number {
    return native.snapshotRoot(handleOf(this.#store), this.#handle)
  }

  /**
   * Names the state, to find out whether it was seen before: the memory, with ignored ranges counted as zero, and the
   * regions; or, where ranges are tracked, their bytes alone. The number keeps its meaning until the snapshot is released.
   */
  get key(): number {
    return native.snapshotKey(handleOf(this.#store), this.#handle)
  }

  /** Pages that are not all zero. */
  get pageCount(): number {
    return native.snapshotPageCount(handleOf(this.#store), this.#handle)
  }

  /** The mappings that were captured, in rising order. */
  get regions(): readonly Region[] {
    return native.snapshotRegions(handleOf(this.#store), this.#handle)
  }

  /**
   * Whether memory, regions and threads are equal: a comparison of three numbers.
   * @throws `ERR_OTHER_STORE`
   */
  equals(other: Snapshot): boolean {
    return native.snapshotEquals(handleOf(this.#store), this.#handle, snapshotHandle(other))
  }

  /**
   * Where the bytes differ, in whole pages, in rising order; adjacent pages are one range. It costs what differs.
   * @throws `ERR_OTHER_STORE`
   */
  diff(other: Snapshot): Range[] {
    return native.snapshotDiff(handleOf(this.#store), this.#handle, snapshotHandle(other))
  }

  /**
   * A copy of `length` bytes at `address`, which must lie in regions without a gap.
   * @throws `ERR_ADDRESS`
   */
  read(address: bigint, length: number): Buffer {
    const store = handleOf(this.#store)
    native.snapshotCheck(store, this.#handle, address, length)
    const bytes = allocate(length)
    native.snapshotRead(store, this.#handle, address, bytes)
    return bytes
  }

  /**
   * The same bytes as {@link read}, mapped from the stored pages themselves where that is cheaper than a copy. What you
   * write into the Buffer only you see. After `release()` it stays as it is, and keeps its pages until it is collected.
   *
   * Its `buffer` may be larger than the range: copy the Buffer before you post, clone or transfer it.
   * @throws `ERR_ADDRESS`, `ERR_OUT_OF_MEMORY`
   */
  map(start: bigint, length: number): Buffer {
    const store = handleOf(this.#store)
    native.snapshotCheck(store, this.#handle, start, length)
    const offset = Number(start % BigInt(pageSize))
    // The engine has no Buffer over more memory.
    if (offset + length > constants.MAX_LENGTH) throw noMemoryFor(length)
    const buffer = native.snapshotMap(store, this.#handle, start, length)
    // The runtime allows no external memory in a buffer.
    if (buffer === null) return this.read(start, length)
    return Buffer.from(buffer, offset, length)
  }

  /**
   * A name for the memory that does not depend on store, process or machine: 32 hexadecimal digits, the 128-bit sum
   * over all pages that are not zero of XXH3-128 of the page, seeded with its address divided by the page size.
   * Ignored ranges count as zero. It costs what differs from the snapshot of this memory whose fingerprint was taken last.
   */
  fingerprint(): string {
    return native.snapshotFingerprint(handleOf(this.#store), this.#handle)
  }

  /**
   * Releases all but the key, so that a set of keys costs little: {@link key} keeps its meaning until `release()`. For
   * everything else the snapshot counts as released. A second call does nothing.
   */
  keepKey(): void {
    native.keepSnapshotKey(handleOf(this.#store), this.#handle)
  }

  /**
   * Gives back the pages that no other snapshot has. A second call does nothing.
   * @throws `ERR_STORE_DAMAGED` where not all of them are there; the others are given back
   */
  release(): void {
    forgotten.unregister(this)
    native.releaseSnapshot(this.#handle)
  }

  /** Releases it: `using snapshot = memory.capture()`. */
  [Symbol.dispose](): void {
    this.release()
  }
}

/**
 * Allocates a Buffer for a range that is to be read.
 * @throws `ERR_ADDRESS` for what can be no length, `ERR_OUT_OF_MEMORY`
 */
export function allocate(length: number): Buffer {
  const bytes = lengthOf(length)
  try {
    return Buffer.allocUnsafeSlow(bytes)
  } catch {
    throw noMemoryFor(bytes)
  }
}

function noMemoryFor(bytes: number): PageStoreError {
  return new PageStoreError('ERR_OUT_OF_MEMORY', `there is no memory for ${bytes} bytes`)
}
