import { loadAddon } from './addon.js'
import { PageStoreError } from './errors.js'

/**
 * The memory a store lives in: `huge` pages (a tmpfs of its own; new pages cost a tenth) or a plain `memfd`.
 */
export type MemoryKind = 'huge' | 'memfd'

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
  hash: 'avx512' | 'avx2' | 'sse2' | 'neon' | 'scalar'
}

/**
 * What finds the pages that were written: `write-protect` (userfaultfd, Linux 6.7), `soft-dirty` (kernels built with
 * it), or `none`: everything is compared.
 */
export type TrackerKind = 'write-protect' | 'soft-dirty' | 'none'

/** Addresses from `start` to just before `end`. */
export interface Range {
  /** The address of the first byte. */
  start: bigint
  /** The address behind the last byte. */
  end: bigint
}

/** A contiguous mapping of a memory. */
export interface Region extends Range {
  /** As in `/proc/PID/maps`: `rw-p`. */
  permissions: string
  /** Where in the file at `path` it starts, in bytes. */
  offset: bigint
  /** A file, a name in brackets that the kernel gave, or nothing. ` (deleted)` follows a file that is gone. */
  path: string
}

/** A store, a memory or a snapshot as the addon knows it: a number, checked on every call. */
export type Handle = number

/** The addon's functions (native/binding). Each throws {@link PageStoreError}. */
export interface Native {
  readonly pageSize: number
  /** Pages to a window; the last window of a store may still be shorter. */
  readonly windowPages: number
  setErrorClass(errorClass: typeof PageStoreError): void
  open(capacity: number | undefined, maxPages: number | undefined, memory: MemoryKind | undefined): Handle
  openShared(token: string): Handle
  close(handle: Handle): void
  token(handle: Handle): string
  size(handle: Handle): number
  capacity(handle: Handle): number
  stats(handle: Handle): PageStoreStats
  storePage(handle: Handle, page: Uint8Array): number
  /** `numbers` has room for as many as there are pages, and receives them. */
  storePages(handle: Handle, pages: Uint8Array, numbers: Uint32Array): void
  refPage(handle: Handle, n: number): void
  refPages(handle: Handle, ns: Uint32Array): void
  unrefPage(handle: Handle, n: number): void
  unrefPages(handle: Handle, ns: Uint32Array): void
  refCount(handle: Handle, n: number): number
  handOut(handle: Handle, n: number): void
  copyPage(handle: Handle, n: number): Buffer
  openWindow(handle: Handle, index: number): ArrayBuffer | null

  hasTracker(tracker: TrackerKind): boolean
  openLocalMemory(store: Handle, tracker: TrackerKind | undefined): Handle
  captureLocal(store: Handle, memory: Handle, bytes: Uint8Array): Handle
  restoreLocal(store: Handle, memory: Handle, bytes: Uint8Array, snapshot: Handle): void
  localTracker(memory: Handle, bytes: Uint8Array): TrackerKind
  ignoreRange(memory: Handle, address: bigint, length: number): void
  trackRange(memory: Handle, address: bigint, length: number): void
  closeMemory(memory: Handle): void

  openProcessMemory(store: Handle, pid: number, tracker: TrackerKind | undefined, standsStill: boolean): Handle
  stopProcess(memory: Handle): void
  resumeProcess(memory: Handle): void
  /** All that there are now. */
  processRegions(memory: Handle): Region[]
  /** Of the regions told last, which are captured unless somebody says otherwise. */
  privateRegions(memory: Handle): boolean[]
  /** `keep` has a 1 for each of the regions told last that is to be captured. */
  captureProcess(store: Handle, memory: Handle, keep: Uint8Array): Handle
  /** Fills `bytes`. */
  readProcess(memory: Handle, address: bigint, bytes: Uint8Array): void
  processTracker(memory: Handle): TrackerKind

  /** A stream is a descriptor, or -1 for none; `fixed` are bits: addresses, random bytes, processor, detachable. */
  spawnTracee(
    store: Handle,
    file: string,
    words: readonly string[],
    variables: readonly string[],
    directory: string | undefined,
    streams: readonly number[],
    fixed: number,
    tracker: TrackerKind | undefined,
    timeout: number,
  ): Handle
  attachTracee(store: Handle, pid: number, tracker: TrackerKind | undefined): Handle
  /** -1 stands for no choice, the signal it stopped for, no end of time; 0 for all threads. Fills `stop`. */
  resumeTracee(
    memory: Handle,
    choice: number,
    signal: number,
    calls: Uint8Array | undefined,
    breakpoint: bigint | undefined,
    thread: number,
    timeout: number,
    stop: Float64Array,
  ): void
  captureTracee(store: Handle, memory: Handle): Handle
  restoreTracee(store: Handle, memory: Handle, snapshot: Handle): void
  traceeRegions(memory: Handle): Region[]
  /** Fills `bytes`. */
  readTracee(memory: Handle, address: bigint, bytes: Uint8Array): void
  writeTracee(memory: Handle, address: bigint, bytes: Uint8Array): void
  traceeThreads(memory: Handle): number[]
  registerNames(): string[]
  /** One word for each name; fills `words`. */
  readRegisters(memory: Handle, thread: number, words: BigUint64Array): void
  writeRegisters(memory: Handle, thread: number, words: BigUint64Array): void
  traceePid(memory: Handle): number
  traceeTracker(memory: Handle): TrackerKind
  detachTracee(memory: Handle): void
  killTracee(memory: Handle): void

  snapshotRoot(store: Handle, snapshot: Handle): number
  snapshotKey(store: Handle, snapshot: Handle): number
  keepSnapshotKey(store: Handle, snapshot: Handle): void
  snapshotPageCount(store: Handle, snapshot: Handle): number
  snapshotRegions(store: Handle, snapshot: Handle): Region[]
  snapshotEquals(store: Handle, a: Handle, b: Handle): boolean
  snapshotDiff(store: Handle, a: Handle, b: Handle): Range[]
  /** @throws ERR_ADDRESS for what lies outside of all regions */
  snapshotCheck(store: Handle, snapshot: Handle, address: bigint, length: number): void
  /** Fills `bytes`. */
  snapshotRead(store: Handle, snapshot: Handle, address: bigint, bytes: Uint8Array): void
  /** The whole pages around. */
  snapshotMap(store: Handle, snapshot: Handle, address: bigint, length: number): ArrayBuffer | null
  snapshotFingerprint(store: Handle, snapshot: Handle): string
  releaseSnapshot(snapshot: Handle): void
}

// When memory of ours is given up, the addon has to ask whether its environment ends, and Deno (2.9) does not survive the
// question: it has no handle scope there, or no isolate any more (denoland/deno#35774).
const mustCopy = 'Deno' in globalThis

function load(): Native {
  const addon = loadAddon() as Native
  addon.setErrorClass(PageStoreError)
  return mustCopy ? { ...addon, openWindow: () => null, snapshotMap: () => null } : addon
}

export const native: Native = load()
