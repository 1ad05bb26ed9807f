import type { Region, TrackerKind } from './addon/native.js'
import type { Snapshot } from './snapshot.js'

/** What can be captured: memory of this process, or of another one. */
export interface Memory extends Disposable {
  /** Takes a snapshot. Costs what was written since the last capture or restore; the first one costs everything. */
  capture(): Snapshot
  /** The mappings that a capture takes, as they are now. */
  readonly regions: readonly Region[]
  /** What finds the pages that were written. */
  readonly tracker: TrackerKind
  /**
   * The bytes at `address` as they are now: a copy.
   * @throws `ERR_ADDRESS` for a range that is empty or lies outside of the memory
   */
  read(address: bigint, length: number): Buffer
  /**
   * From the next snapshot on, these bytes read as zero in {@link Snapshot.key} and {@link Snapshot.fingerprint}: they
   * may differ in states that are the same.
   */
  ignore(address: bigint, length: number): void
  /** From the next snapshot on, {@link Snapshot.key} stands for the tracked bytes alone, in the order of the calls. */
  track(address: bigint, length: number): void
  /** Stops following the memory. Its snapshots stay. */
  close(): void
}

/** A memory that can be made equal to a snapshot. */
export interface RestorableMemory extends Memory {
  /** Writes what differs. */
  restore(snapshot: Snapshot): void
}
