/** What all memories have in common, whether of this process or of another one. */

import type { Region, TrackerKind } from './addon/native.js'
import type { Snapshot } from './snapshot.js'

/** What can be captured: memory of this process, or of another one. */
export interface Memory extends Disposable {
  /** Takes a snapshot. It costs what was written since the last capture or restore; the first one costs everything. */
  capture(): Snapshot
  /** The mappings that a capture would take now. */
  readonly regions: readonly Region[]
  /** What finds the pages that were written. */
  readonly tracker: TrackerKind
  /**
   * The bytes at `address` as they are now: a copy.
   * @throws `ERR_ADDRESS` for a range that is empty or lies outside of the memory
   */
  read(address: bigint, length: number): Buffer
  /**
   * Ignores a range: from the next snapshot on, its bytes count as zero in {@link Snapshot.key} and
   * {@link Snapshot.fingerprint}, so that they may differ in equal states.
   */
  ignore(address: bigint, length: number): void
  /**
   * Tracks a range: from the next snapshot on, {@link Snapshot.key} depends on the bytes of tracked ranges alone, in the
   * order of the calls.
   */
  track(address: bigint, length: number): void
  /** Ends tracking the memory. Its snapshots stay. */
  close(): void
}

/** A memory that can be made equal to a snapshot. */
export interface RestorableMemory extends Memory {
  /** Makes the memory equal to a snapshot: writes the pages that differ. */
  restore(snapshot: Snapshot): void
}
