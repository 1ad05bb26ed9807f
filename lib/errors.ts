/**
 * What went wrong, as a stable word to test for.
 *
 * - `ERR_ARGUMENT_TYPE`: not the kind of value that the parameter takes.
 * - `ERR_PAGE_SIZE`: bytes that are not exactly one page, or not whole pages.
 * - `ERR_PAGE_NUMBER`: no unsigned 32-bit integer, never stored, or recycled.
 * - `ERR_REFERENCE_COUNT`: one more reference than a count can hold (4 294 967 295).
 * - `ERR_BUFFER_DETACHED`: a view whose buffer was transferred, or has shrunk beneath it.
 * - `ERR_CAPACITY`: a `capacity` or `maxPages` that no store can have.
 * - `ERR_OUT_OF_MEMORY`: the system, a limit of the process, or the store's own `maxPages` refused.
 * - `ERR_STORE_CLOSED`: the store was closed, here or (for a token) by its last holder.
 * - `ERR_TOKEN`: not a token that `share()` gave.
 * - `ERR_ADDRESS`: a range that is empty, goes beyond 64 bits, or lies outside of all regions.
 * - `ERR_MEMORY_CLOSED`: the memory was closed.
 * - `ERR_MEMORY_SIZE`: a memory smaller than the snapshot that it is to become.
 * - `ERR_SNAPSHOT_RELEASED`: the snapshot was released.
 * - `ERR_OTHER_STORE`: a snapshot of another store.
 * - `ERR_TRACKER`: a tracker that this kernel, or these privileges, do not give.
 * - `ERR_PROCESS_GONE`: there is no such process, it ended, or became another program.
 * - `ERR_PERMISSION`: the system does not let us read that process.
 * - `ERR_PROCESS_MEMORY`: memory of a process that could not be read.
 * - `ERR_OTHER_MEMORY`: a snapshot of another process than the one to be restored.
 * - `ERR_SPAWN`: a program that could not be started.
 * - `ERR_TRACEE`: the system refused something that controlling a process takes.
 * - `ERR_WRONG_THREAD`: a tracee belongs to the thread that made it.
 * - `ERR_THREAD`: the process has no such thread.
 * - `ERR_THREADS`: a thread was started or has ended since the snapshot.
 * - `ERR_MAPPING`: a mapping that cannot be made what it was.
 * - `ERR_CHOICE`: an answer that was not offered, or none where one is waited for.
 * - `ERR_SYMBOL`: no such symbol in the program and its libraries.
 * - `ERR_PROGRAM`: a program that cannot be explored: it comes to no choice, or does what cannot be rolled back.
 * - `ERR_MODEL`: a model that cannot be explored: it keeps state where it cannot be captured.
 * - `ERR_TRACE`: a recorded way that does not fit the program.
 * - `ERR_ADDON`: no native addon for this system, or one that does not load here; thrown by the import itself.
 */
export type ErrorCode =
  | 'ERR_ARGUMENT_TYPE'
  | 'ERR_PAGE_SIZE'
  | 'ERR_PAGE_NUMBER'
  | 'ERR_REFERENCE_COUNT'
  | 'ERR_BUFFER_DETACHED'
  | 'ERR_CAPACITY'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_STORE_CLOSED'
  | 'ERR_TOKEN'
  | 'ERR_ADDRESS'
  | 'ERR_MEMORY_CLOSED'
  | 'ERR_MEMORY_SIZE'
  | 'ERR_SNAPSHOT_RELEASED'
  | 'ERR_OTHER_STORE'
  | 'ERR_TRACKER'
  | 'ERR_PROCESS_GONE'
  | 'ERR_PERMISSION'
  | 'ERR_PROCESS_MEMORY'
  | 'ERR_OTHER_MEMORY'
  | 'ERR_SPAWN'
  | 'ERR_TRACEE'
  | 'ERR_WRONG_THREAD'
  | 'ERR_THREAD'
  | 'ERR_THREADS'
  | 'ERR_MAPPING'
  | 'ERR_CHOICE'
  | 'ERR_SYMBOL'
  | 'ERR_PROGRAM'
  | 'ERR_MODEL'
  | 'ERR_TRACE'
  | 'ERR_ADDON'

/** Every failure of this package. Whatever threw it left the store as it was. */
export class PageStoreError extends Error {
  /** Tells it apart where two copies of this package are loaded, and `instanceof` does not. */
  override readonly name = 'PageStoreError'
  /** What to test for; messages may change. */
  readonly code: ErrorCode

  /** For this package itself. */
  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
