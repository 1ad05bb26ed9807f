/**
 * The enumerations that C++ and TypeScript exchange as numbers: the names, in the order of the numbers.
 * native/binding/tables.h has the same, and the addon exports it; test/tables.test.ts checks that they agree.
 */

/**
 * What finds the pages that were written: `write-protect` (userfaultfd, Linux 6.7), `none` (everything is
 * compared), or, only on request, `soft-dirty` (kernels built with it), which can miss changes.
 */
export type TrackerKind = 'write-protect' | 'soft-dirty' | 'none'

export const trackers = ['write-protect', 'soft-dirty', 'none'] as const satisfies readonly TrackerKind[]

/**
 * The memory a store lives in: `huge` pages (a tmpfs of its own; new pages cost a tenth) or a plain `memfd`.
 */
export type MemoryKind = 'huge' | 'memfd'

export const memoryKinds = ['huge', 'memfd'] as const satisfies readonly MemoryKind[]

/** Vector instructions: on x86-64 the first three, on arm64 `neon`. */
export type HashInstructions = 'avx512' | 'avx2' | 'sse2' | 'neon' | 'scalar'

/** Where each figure of a store is in its statistics. */
export const statisticsSlots = {
  pages: 0,
  capacity: 1,
  references: 2,
  duplicates: 3,
  collisions: 4,
  tables: 5,
  keys: 6,
  bookkeepingBytes: 7,
  growths: 8,
  moves: 9,
  memoryKind: 10,
} as const

export const stopKinds = [
  'choice',
  'assertion',
  'syscall',
  'signal',
  'breakpoint',
  'exec',
  'clone',
  'fork',
  'timeout',
  'exit',
  'thread-exit',
  'killed',
] as const

/** Where each part of a stop is; the bits in the last slot are those of a 64-bit integer. */
export const stopSlots = { kind: 0, tid: 1, value: 2, flags: 3, text: 4, file: 5, line: 6, address: 7 } as const

export const stopFlags = { entering: 1, hasAddress: 2, ended: 4 } as const

/** Where each part of what `resume` asks for is; NaN for what it does not ask for. */
export const resumeSlots = { choose: 0, signal: 1, tid: 2, timeout: 3, onlyEntries: 4, settle: 5, goesOn: 6 } as const

/**
 * What a warning is about: streams that the host passed on, written and read; files that are ignored; names, shared mappings
 * and files of the kernel; files that are mapped privately; a thread's own descriptors; processes.
 */
export const warningKinds = ['outside', 'input', 'ignored', 'names', 'private-files', 'threads', 'processes'] as const

export type WarningKind = (typeof warningKinds)[number]
