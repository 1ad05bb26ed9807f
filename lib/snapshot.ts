import { type Handle, native, type Range, type Region } from './addon/native.js'
import { PageStoreError } from './errors.js'
import { handleOf, type PageStore, pageSize } from './page-store.js'

// A snapshot that nobody released is released when it is collected.
const forgotten = new FinalizationRegistry<Handle>((handle) => native.releaseSnapshot(handle))

/** For the other classes of this package: what the addon knows a snapshot by. */
export let snapshotHandle: (snapshot: Snapshot) => Handle
/** For the other classes of this package. */
export let createSnapshot: (store: PageStore, handle: Handle) => Snapshot

/**
 * A memory at a moment. It shares its pages, and the tables that say where they lie, with every other snapshot that
 * has the same; it holds only what nobody else does.
 *
 * Every method throws `ERR_STORE_CLOSED` after its store was closed and `ERR_SNAPSHOT_RELEASED` after `release()`.
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
   * Stands for the bytes of the memory: within one store, equal numbers mean equal bytes at equal addresses. 0 is
   * memory that is all zero. It means this only while the snapshot is held.
   */
  get root(): number {
    return native.snapshotRoot(handleOf(this.#store), this.#handle)
  }

  /**
   * Stands for the state, for "have I been here before?": the memory with ignored ranges read as zero, and the
   * regions; or, where ranges are tracked, their bytes alone.
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
   * Where the bytes differ, in whole pages, in rising order; neighbours are one range. Costs what differs.
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
   * The same bytes as {@link read}, as contiguous memory of their own, made of the stored pages themselves where that
   * is cheaper than a copy. What you write into it only you see. It stays what it is after `release()`, and holds its
   * pages until it is collected.
   *
   * Its `buffer` may be larger than it: copy it before you post, clone or transfer it.
   * @throws `ERR_ADDRESS`, `ERR_OUT_OF_MEMORY`
   */
  map(start: bigint, length: number): Buffer {
    const buffer = native.snapshotMap(handleOf(this.#store), this.#handle, start, length)
    // Where a runtime allows no memory of ours in a buffer.
    if (buffer === null) return this.read(start, length)
    return Buffer.from(buffer, Number(start % BigInt(pageSize)), length)
  }

  /**
   * A name for the memory that does not depend on store, process or machine: 32 hexadecimal digits, the 128-bit sum
   * over all pages that are not zero of XXH3-128 of the page, seeded with its address divided by the page size.
   * Ignored ranges read as zero. Costs what differs from the snapshot of this memory that was asked last.
   */
  fingerprint(): string {
    return native.snapshotFingerprint(handleOf(this.#store), this.#handle)
  }

  /**
   * Gives back all but what {@link key} stands for, so that a set of keys costs little: the key stays good until
   * `release()`. For everything else the snapshot is released from now on. Twice does nothing.
   */
  keepKey(): void {
    native.keepSnapshotKey(handleOf(this.#store), this.#handle)
  }

  /** Gives back what nobody else holds. Twice does nothing. */
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
 * Room for a range that is to be read.
 * @throws `ERR_ADDRESS` for what is no length, `ERR_OUT_OF_MEMORY`
 */
export function allocate(length: number): Buffer {
  if (typeof length !== 'number') throw new PageStoreError('ERR_ARGUMENT_TYPE', 'a length must be a number')
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new PageStoreError('ERR_ADDRESS', `${length} is no length: a whole number of bytes, at least 1`)
  }
  try {
    return Buffer.allocUnsafeSlow(length)
  } catch {
    throw new PageStoreError('ERR_OUT_OF_MEMORY', `no memory for ${length} bytes`)
  }
}
