import { type Handle, native, type Region, type TrackerKind } from './addon/native.js'
import { PageStoreError } from './errors.js'
import type { Memory } from './memory.js'
import { handleOf, type PageStore } from './page-store.js'
import { allocate, createSnapshot, type Snapshot } from './snapshot.js'

/** What of a process is captured, and how. */
export interface ProcessMemoryOptions {
  /** Which tracker to insist on. Default: the best that serves a process which is only observed. */
  tracker?: TrackerKind | undefined
  /**
   * Whether the process stands still while it is captured (default: true). It does not notice, and nobody else may be
   * tracing it. Without that, each page is from some moment of the call. Our own process never stands still.
   */
  stop?: boolean | undefined
  /**
   * Which regions to capture. Default: private memory that the process may read, but for devices and what the kernel
   * lends (vdso, vvar). A region that cannot be read makes a capture fail.
   */
  regions?: ((region: Region) => boolean) | undefined
}

// A memory that nobody closed is closed when it is collected.
const forgotten = new FinalizationRegistry<Handle>((handle) => native.closeMemory(handle))

/**
 * Memory of another process, observed: it can be captured as often as one likes, and is never written to.
 *
 * That takes the right to trace it: one's own processes (where Yama forbids even that: one's own children), or
 * CAP_SYS_PTRACE.
 */
export class ProcessMemory implements Memory {
  readonly #store: PageStore
  readonly #handle: Handle
  readonly #stops: boolean
  readonly #wanted: ((region: Region) => boolean) | undefined
  #isAsking = false

  /** @throws `ERR_PROCESS_GONE`, `ERR_PERMISSION`, `ERR_TRACKER`, `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED` */
  constructor(store: PageStore, pid: number, options: ProcessMemoryOptions = {}) {
    if (options === null || typeof options !== 'object') {
      throw new PageStoreError('ERR_ARGUMENT_TYPE', 'options must be an object')
    }
    const { tracker, stop = true, regions } = options
    if (regions !== undefined && typeof regions !== 'function') {
      throw new PageStoreError('ERR_ARGUMENT_TYPE', 'regions must be a function')
    }
    this.#store = store
    this.#stops = Boolean(stop)
    this.#wanted = regions
    this.#handle = native.openProcessMemory(handleOf(store), pid, tracker, Boolean(stop))
    forgotten.register(this, this.#handle, this)
  }

  get regions(): readonly Region[] {
    return this.#look().wanted
  }

  get tracker(): TrackerKind {
    return native.memoryTracker(this.#handle)
  }

  /**
   * Takes a snapshot. The first one reads everything; a later one too, unless the kernel tells what was written
   * (`tracker`), but only what differs is stored.
   * @throws `ERR_PROCESS_GONE` when it ends, becomes another program, or unmaps what is being read; `ERR_PERMISSION`,
   *   `ERR_PROCESS_MEMORY`, `ERR_OUT_OF_MEMORY`, `ERR_MEMORY_CLOSED`, `ERR_STORE_CLOSED`
   */
  capture(): Snapshot {
    if (this.#isAsking) throw new PageStoreError('ERR_ARGUMENT_TYPE', 'the regions option may not capture this memory')
    if (this.#stops) native.stopProcess(this.#handle)
    try {
      const { keep } = this.#look()
      native.selectRegions(this.#handle, keep)
      return createSnapshot(this.#store, native.captureMemory(handleOf(this.#store), this.#handle))
    } finally {
      native.resumeProcess(this.#handle)
    }
  }

  read(address: bigint, length: number): Buffer {
    const bytes = allocate(length)
    native.readMemory(this.#handle, address, bytes)
    return bytes
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

  /** Closes it: `using memory = new ProcessMemory(…)`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** Which of the regions there are now are to be captured: the regions, and a 1 for each of them among all. */
  #look(): { wanted: Region[]; keep: Uint8Array } {
    if (this.#isAsking) throw new PageStoreError('ERR_ARGUMENT_TYPE', 'the regions option may not ask this memory')
    const all = native.memoryRegions(this.#handle)
    const keep = this.#wanted === undefined ? native.capturedRegions(this.#handle) : this.#ask(all, this.#wanted)
    return { wanted: all.filter((_, i) => keep[i]), keep: Uint8Array.from(keep, Number) }
  }

  #ask(regions: Region[], wants: (region: Region) => boolean): boolean[] {
    this.#isAsking = true
    try {
      return regions.map((region) => {
        const answer: unknown = wants(region)
        if (typeof answer === 'boolean') return answer
        throw new PageStoreError('ERR_ARGUMENT_TYPE', 'the regions option must answer with a boolean')
      })
    } finally {
      this.#isAsking = false
    }
  }
}
