/** Memory of this process: WebAssembly memories and buffers. */

import { types } from 'node:util'
import { type Handle, native, type Region, type TrackerKind } from './addon/native.js'
import { addressOf, bytesOf, lengthOf, optionsOf, shown, wrong } from './arguments.js'
import { PageStoreError } from './errors.js'
import type { RestorableMemory } from './memory.js'
import { handleOf, type PageStore, pageSize } from './page-store.js'
import { allocate, createSnapshot, type Snapshot, snapshotHandle } from './snapshot.js'

/** A `WebAssembly.Memory`: it has another buffer after each growth. */
export interface GrowingSource {
  /** The whole memory, as it is now. */
  readonly buffer: ArrayBuffer | SharedArrayBuffer
  /** Adds so many pages of 64 KiB. */
  grow(delta: number): number
}

/** What a {@link LocalMemory} can capture. */
export type LocalSource = GrowingSource | ArrayBuffer | SharedArrayBuffer | Uint8Array

/** Bytes that belong to a memory and lie elsewhere. */
export interface BesideMemory {
  /** The address at which they are captured: a multiple of the page size, which the memory never reaches. */
  address: bigint
  /** A whole number of pages: the same array at each capture and restore. */
  bytes: Uint8Array
}

/** How a {@link LocalMemory} is tracked, and what is captured with it. */
export interface LocalMemoryOptions {
  /** Which tracker to insist on. Default: `write-protect`, if the kernel has it and the memory is large enough, else `none`. */
  tracker?: TrackerKind | undefined
  /**
   * State that belongs to the memory and lies elsewhere, as a module's globals do. It counts, is captured and is restored as
   * the memory is, in a region of its own. Put it into the bytes before a capture, and take it out of them after a restore.
   */
  beside?: BesideMemory | undefined
}

// A memory that nobody closed is closed when it is collected.
const forgotten = new FinalizationRegistry<Handle>((handle) => native.closeMemory(handle))

/**
 * Memory of this process that is captured and restored: a WebAssembly memory, a buffer, or a part of one.
 *
 * Addresses are offsets: there is one region, from 0 to the length in bytes, and one more for what `beside` names. A last
 * partial page counts as filled up with zeroes. Only bytes roll back: what JavaScript keeps elsewhere (objects, tables,
 * globals of a module) does not, unless you put it into the bytes beside the memory.
 */
export class LocalMemory implements RestorableMemory {
  readonly #store: PageStore
  readonly #handle: Handle
  readonly #source: LocalSource
  readonly #beside: BesideMemory | undefined
  /** How long the memory may become, and how many bytes lie beside it. */
  readonly #most: number
  readonly #besideLength: number

  /** @throws `ERR_TRACKER`, `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED`, `ERR_OUT_OF_MEMORY` */
  constructor(store: PageStore, memory: LocalSource, options: LocalMemoryOptions = {}) {
    const { tracker, beside } = optionsOf(options, ['tracker', 'beside'])
    locate(memory)
    this.#store = store
    this.#source = memory
    this.#beside = beside === undefined ? undefined : plainBeside(beside)
    this.#most = this.#beside === undefined ? Number.POSITIVE_INFINITY : Number(this.#beside.address)
    this.#besideLength = this.#beside?.bytes.length ?? 0
    this.#handle = native.openLocalMemory(handleOf(store), tracker, this.#beside?.address)
    forgotten.register(this, this.#handle, this)
  }

  get regions(): readonly Region[] {
    const bytes = this.#bytesWhileOpen()
    const permissions = types.isSharedArrayBuffer(bytes.buffer) ? 'rw-s' : 'rw-p'
    const region = { start: 0n, end: BigInt(bytes.length), permissions, offset: 0n, path: '' }
    if (this.#beside === undefined) return [region]
    const { address: start, bytes: beside } = this.#beside
    const end = start + BigInt(beside.length)
    return [region, { start, end, permissions: 'rw-p', offset: 0n, path: '[beside]' }]
  }

  get tracker(): TrackerKind {
    return native.memoryTracker(this.#handle, this.#bytes(), this.#beside?.bytes)
  }

  /**
   * Takes a snapshot. It costs what was written since the last capture or restore; the first one costs everything.
   * @throws `ERR_BUFFER_DETACHED`, `ERR_OUT_OF_MEMORY`, `ERR_MEMORY_CLOSED`, `ERR_STORE_CLOSED`, `ERR_STORE_DAMAGED`
   */
  capture(): Snapshot {
    return createSnapshot(
      this.#store,
      native.captureMemory(handleOf(this.#store), this.#handle, this.#bytes(), this.#beside?.bytes),
    )
  }

  /**
   * Makes the memory equal to `snapshot`, which may be of any memory in the same store that was no longer than this one.
   * What this one is longer becomes zero. After `ERR_STORE_DAMAGED` the memory is neither the old nor the new one, until
   * another `restore` succeeds.
   * @throws `ERR_MEMORY_SIZE`, `ERR_OTHER_STORE`, and as {@link capture}
   */
  restore(snapshot: Snapshot): void {
    const handle = snapshotHandle(snapshot)
    native.restoreMemory(handleOf(this.#store), this.#handle, handle, this.#bytes(), this.#beside?.bytes)
  }

  read(address: bigint, length: number): Buffer {
    const count = lengthOf(length)
    const start = addressOf(address)
    const bytes = this.#bytesWhileOpen()
    const beside = this.#beside !== undefined && start >= this.#beside.address ? this.#beside : undefined
    const from = beside?.bytes ?? bytes
    const at = Number(start - (beside?.address ?? 0n))
    if (at + count > from.length) {
      throw new PageStoreError(
        'ERR_ADDRESS',
        `${count} bytes at ${start} are not all within the memory, which has ${bytes.length} bytes`,
      )
    }
    const copy = allocate(count)
    copy.set(from.subarray(at, at + count))
    return copy
  }

  ignore(address: bigint, length: number): void {
    native.ignoreRange(this.#handle, address, length)
  }

  track(address: bigint, length: number): void {
    native.trackRange(this.#handle, address, length)
  }

  close(): void {
    forgotten.unregister(this)
    native.closeMemory(this.#handle)
  }

  /** Closes it: `using memory = new LocalMemory(…)`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #bytes(): Uint8Array {
    const bytes = locate(this.#source)
    if (bytes.length > this.#most) {
      throw new PageStoreError(
        'ERR_MEMORY_SIZE',
        `the memory has ${bytes.length} bytes, and bytes beside it are captured at ${this.#most}`,
      )
    }
    if (this.#beside !== undefined && this.#beside.bytes.length !== this.#besideLength) {
      throw new PageStoreError('ERR_BUFFER_DETACHED', 'the buffer of the bytes beside the memory was transferred')
    }
    return bytes
  }

  #bytesWhileOpen(): Uint8Array {
    const bytes = this.#bytes()
    native.memoryTracker(this.#handle, bytes, this.#beside?.bytes)
    return bytes
  }
}

function plainBeside(given: BesideMemory): BesideMemory {
  const { address, bytes } = optionsOf(given, ['address', 'bytes'], 'beside')
  const plain = { address: addressOf(address), bytes: bytesOf(bytes, 'bytes beside a memory') }
  if (!types.isSharedArrayBuffer(plain.bytes.buffer) && plain.bytes.length % pageSize === 0) return plain
  throw wrong(`bytes beside a memory are a Uint8Array of whole pages of ${pageSize}`)
}

/** Where the bytes are now. */
function locate(source: LocalSource): Uint8Array {
  if (types.isUint8Array(source)) return bytesOf(source, 'memory')
  const buffer = types.isAnyArrayBuffer(source) ? source : bufferIn(source)
  if (!types.isAnyArrayBuffer(buffer)) throw noMemory(source)
  try {
    return new Uint8Array(buffer)
  } catch {
    if (buffer.byteLength === 0) throw new PageStoreError('ERR_BUFFER_DETACHED', 'the buffer was transferred')
    throw wrong(`the buffer has ${buffer.byteLength} bytes: more than a Uint8Array can show`)
  }
}

/** Other views have a buffer, too, and are none. */
function bufferIn(source: GrowingSource): unknown {
  if (source === null || typeof source !== 'object' || ArrayBuffer.isView(source)) throw noMemory(source)
  return optionsOf(source, ['buffer'], 'memory').buffer
}

function noMemory(source: unknown): PageStoreError {
  return wrong(
    `memory must be a WebAssembly.Memory, ArrayBuffer, SharedArrayBuffer or Uint8Array, not ${shown(source)}`,
  )
}
