/** Memory of another process, which is observed and never written to. */

import { type Handle, native, type Region, type TrackerKind } from './addon/native.js'
import { functionOf, optionsOf, wrong } from './arguments.js'
import type { Memory } from './memory.js'
import { handleOf, type PageStore } from './page-store.js'
import { withReleases } from './releases.js'
import { allocate, createSnapshot, type Snapshot } from './snapshot.js'

/** What of a process is captured, and how. */
export interface ProcessMemoryOptions {
  /** Which tracker to insist on. Default: `none`, since `soft-dirty` can miss changes. */
  tracker?: TrackerKind | undefined
  /**
   * Whether the process is stopped while it is captured (default: true). It does not notice, but no debugger may trace it
   * at the same time. If it is not stopped, each page is from some moment of the call. Our own process is never stopped.
   */
  stop?: boolean | undefined
  /**
   * Which regions to capture. Default: private memory that the process may read, except devices and what the kernel
   * maps by itself (vdso, vvar). A region that cannot be read makes a capture fail.
   */
  regions?: ((region: Region) => boolean) | undefined
}

// A memory that nobody closed is closed when it is collected.
const forgotten = new FinalizationRegistry<Handle>((handle) => native.closeMemory(handle))

/**
 * Memory of another process: it can be captured as often as one likes, and is never written to.
 *
 * The kernel allows it to whoever may trace the process: for one's own processes (where Yama forbids that, one's own
 * children), or with CAP_SYS_PTRACE.
 */
export class ProcessMemory implements Memory {
  /** The kernel's number for the process. */
  readonly pid: number
  readonly #store: PageStore
  readonly #handle: Handle
  readonly #stops: boolean
  readonly #wanted: ((region: Region) => boolean) | undefined
  #isAsking = false

  /** @throws `ERR_PROCESS_GONE`, `ERR_PERMISSION`, `ERR_TRACKER`, `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED` */
  constructor(store: PageStore, pid: number, options: ProcessMemoryOptions = {}) {
    const { tracker, stop = true, regions } = optionsOf(options, ['tracker', 'stop', 'regions'])
    this.pid = pid
    this.#store = store
    this.#stops = Boolean(stop)
    this.#wanted = regions === undefined ? undefined : functionOf(regions, 'regions')
    this.#handle = native.openProcessMemory(handleOf(store), pid, tracker, Boolean(stop))
    forgotten.register(this, this.#handle, this)
  }

  get regions(): readonly Region[] {
    return this.#selectRegions().wanted
  }

  get tracker(): TrackerKind {
    return native.memoryTracker(this.#handle)
  }

  /**
   * Takes a snapshot. It reads everything, unless the `tracker` is `soft-dirty`, and stores only what differs from the last
   * one.
   * @throws `ERR_PROCESS_GONE` when it ends, becomes another program, or unmaps what is being read; `ERR_PERMISSION`,
   *   `ERR_PROCESS_MEMORY`, `ERR_OUT_OF_MEMORY`, `ERR_MEMORY_CLOSED`, `ERR_STORE_CLOSED`
   */
  capture(): Snapshot {
    if (this.#isAsking) throw wrong('the function in the regions option must not capture this memory')
    try {
      if (this.#stops) native.stopProcess(this.#handle)
      const { keep } = this.#selectRegions()
      native.selectRegions(this.#handle, keep)
      return createSnapshot(this.#store, native.captureMemory(handleOf(this.#store), this.#handle))
    } finally {
      withReleases(() => native.resumeProcess(this.#handle))
    }
  }

  read(address: bigint, length: number): Buffer {
    const bytes = allocate(length)
    this.readInto(address, bytes)
    return bytes
  }

  /**
   * As {@link read}, into memory that the caller has: to read much, piece by piece.
   * @throws `ERR_ADDRESS` where not all of the range is mapped, and then `bytes` has anything
   */
  readInto(address: bigint, bytes: Uint8Array): void {
    native.readMemory(this.#handle, address, bytes)
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

  /** The regions to capture now; and for each of all regions, whether it is one of them. */
  #selectRegions(): { wanted: Region[]; keep: Uint8Array } {
    if (this.#isAsking) throw wrong('the function in the regions option must not use this memory')
    const all = native.memoryRegions(this.#handle)
    const keep = this.#wanted === undefined ? native.capturedRegions(this.#handle) : this.#filter(all, this.#wanted)
    return { wanted: all.filter((_, i) => keep[i]), keep: Uint8Array.from(keep, Number) }
  }

  #filter(regions: Region[], wants: (region: Region) => boolean): boolean[] {
    this.#isAsking = true
    try {
      return regions.map((region) => {
        const answer: unknown = wants(region)
        if (typeof answer === 'boolean') return answer
        throw wrong('the function in the regions option must return a boolean')
      })
    } finally {
      this.#isAsking = false
    }
  }
}
