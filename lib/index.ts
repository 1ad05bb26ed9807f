// The exported types use Buffer, and TypeScript 6 loads no types that are not asked for.
/// <reference types="node" preserve="true" />

/** Page stores, and snapshots of memories: of this process, of other processes, of programs under control. */

export type { Range, Region, TrackerKind } from './addon/native.js'
export type { HashInstructions } from './addon/tables.js'
export { type ErrorCode, PageStoreError } from './errors.js'
export type { SystemCall } from './linux/registers.js'
export {
  type BesideMemory,
  type GrowingSource,
  LocalMemory,
  type LocalMemoryOptions,
  type LocalSource,
} from './local-memory.js'
export type { Memory, RestorableMemory } from './memory.js'
export {
  type MemoryKind,
  PageStore,
  type PageStoreOptions,
  type PageStoreStats,
  type PageStoreToken,
  pageSize,
} from './page-store.js'
export { ProcessMemory, type ProcessMemoryOptions } from './process-memory.js'
export type { ResumeOptions } from './resume-options.js'
export { Snapshot } from './snapshot.js'
export type { AttachOptions, Determinism, Files, SpawnOptions } from './spawn-options.js'
export type { Stop } from './stop.js'
export { Tracee } from './tracee.js'
