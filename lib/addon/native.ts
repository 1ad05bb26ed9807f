/** The addon's functions as TypeScript sees them (native/binding has them in C++), and the addon itself. */

import { PageStoreError } from '../errors.js'
import { loadAddon } from './load.js'
import type { HashInstructions, MemoryKind, TrackerKind, WarningKind } from './tables.js'

export type { MemoryKind, TrackerKind }

/** Addresses from `start` to just before `end`. */
export interface Range {
  /** The address of the first byte. */
  start: bigint
  /** The address just after the last byte. */
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

/** What is to be started. Every property has to be there: the addon would ask a prototype for one that is not. */
export interface Spawn {
  file: string
  /** Its own name first. */
  args: readonly string[]
  /** `NAME=value` each. */
  env: readonly string[]
  cwd: string | undefined
  /** Descriptors of ours; undefined for /dev/null. */
  stdin: number | undefined
  stdout: number | undefined
  stderr: number | undefined
  inheritsStdin: boolean
  inheritsStdout: boolean
  inheritsStderr: boolean
  restoresFiles: boolean
  hasDeterministicAddresses: boolean
  hasDeterministicRandom: boolean
  hasKeptClock: boolean
  sharesProcessor: boolean
  isDetachable: boolean
  /** One bit for each system call at which the filter stops the program, beside those that it must. */
  furtherCalls: Uint8Array | undefined
  /** Milliseconds. */
  timeout: number | undefined
}

/** The addon's functions. Each throws {@link PageStoreError}. */
export interface Native {
  readonly trackers: readonly string[]
  readonly memoryKinds: readonly string[]
  readonly statistics: readonly string[]
  readonly stopKinds: readonly string[]
  readonly stopSlots: readonly string[]
  readonly stopFlags: readonly string[]
  readonly resumeSlots: readonly string[]
  readonly warningKinds: readonly string[]

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
  readonly hash: HashInstructions
  /** Fills `statistics`, as tables.ts says. */
  stats(handle: Handle, statistics: Float64Array): void
  storePage(handle: Handle, page: Uint8Array): number
  /** `numbers` has room for as many as there are pages, and receives them. */
  storePages(handle: Handle, pages: Uint8Array, numbers: Uint32Array): void
  refPage(handle: Handle, n: number): void
  refPages(handle: Handle, ns: Uint32Array): void
  unrefPage(handle: Handle, n: number): void
  unrefPages(handle: Handle, ns: Uint32Array): void
  refCount(handle: Handle, n: number): number
  handOut(handle: Handle, n: number): void
  /** Fills `page`. */
  copyPage(handle: Handle, n: number, page: Uint8Array): void
  openWindow(handle: Handle, index: number): ArrayBuffer | null

  hasTracker(tracker: TrackerKind): boolean
  /**
   * Memory of this process may have grown or moved, so each call passes where it is, and the bytes beside it. Other memory
   * has no `location`.
   */
  captureMemory(store: Handle, memory: Handle, location?: Uint8Array, beside?: Uint8Array): Handle
  restoreMemory(store: Handle, memory: Handle, snapshot: Handle, location?: Uint8Array, beside?: Uint8Array): void
  memoryTracker(memory: Handle, location?: Uint8Array, beside?: Uint8Array): TrackerKind
  /** As they are now; of a process that is only observed, all. */
  memoryRegions(memory: Handle, location?: Uint8Array, beside?: Uint8Array): Region[]
  /** Fills `bytes`. */
  readMemory(memory: Handle, address: bigint, bytes: Uint8Array, location?: Uint8Array): void
  ignoreRange(memory: Handle, address: bigint, length: number): void
  trackRange(memory: Handle, address: bigint, length: number): void
  closeMemory(memory: Handle): void

  /** `beside`: the address of the bytes beside it, if there will be any. */
  openLocalMemory(store: Handle, tracker: TrackerKind | undefined, beside?: bigint): Handle

  openProcessMemory(store: Handle, pid: number, tracker: TrackerKind | undefined, stops: boolean): Handle
  stopProcess(memory: Handle): void
  resumeProcess(memory: Handle): void
  /** Of the regions that were listed last, whether captures take them unless others are selected. */
  capturedRegions(memory: Handle): boolean[]
  /** `selected` has a 1 for each of the regions listed last that is to be captured. */
  selectRegions(memory: Handle, selected: Uint8Array): void

  /** `kept`: to start it at the addresses of the first program that was started so. */
  spawnTracee(store: Handle, what: Spawn, tracker: TrackerKind | undefined, kept?: Handle): Handle
  openKeptStart(): Handle
  closeKeptStart(kept: Handle): void
  /** What the system refused when it was spawned or attached to. */
  traceeRefusals(memory: Handle): ('addresses' | 'starts' | 'filter' | 'tracker')[]
  attachTracee(store: Handle, pid: number, tracker: TrackerKind | undefined, restoresFiles: boolean): Handle
  /** `request` and `stop` have the slots that tables.ts says; `calls` has a bit for each system call. Fills `stop`. */
  resumeTracee(
    memory: Handle,
    request: Float64Array,
    calls: Uint8Array | undefined,
    breakpoint: bigint | undefined,
    stop: Float64Array,
  ): void
  writeTracee(memory: Handle, address: bigint, bytes: Uint8Array): void
  /** A warning that was not taken yet. */
  takeWarning(memory: Handle): [kind: WarningKind, text: string] | undefined
  removeMadeFiles(memory: Handle): void
  traceeThreads(memory: Handle): number[]
  traceeChoosers(memory: Handle): number[]
  traceeRestless(memory: Handle): number
  readonly registerNames: readonly string[]
  /** One word for each name; fills `words`. Without a thread, of the one that stopped last. */
  readRegisters(memory: Handle, thread: number | undefined, words: BigUint64Array): void
  writeRegisters(memory: Handle, thread: number | undefined, words: BigUint64Array): void
  /** What the program had declared when it was captured last. */
  traceeDeclared(memory: Handle): Range[]
  traceePid(memory: Handle): number
  detachTracee(memory: Handle): void
  killTracee(memory: Handle): void
  releaseThreads(): boolean

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
