/** The errors of the package: one class, and one code for each kind of failure. */
import { printable } from './printable.js'

/**
 * What failed, as a stable code to test for.
 *
 * - `ERR_ARGUMENT_TYPE`: the argument is no value that the parameter takes.
 * - `ERR_PAGE_SIZE`: the bytes are not exactly one page, or not whole pages.
 * - `ERR_PAGE_NUMBER`: the number is no unsigned 32-bit integer, was never used, or its page was recycled; or users do not
 *   hold the page as often as it was to be released.
 * - `ERR_REFERENCE_COUNT`: the page has as many references as can be counted (4 294 967 295 of users, and of snapshots).
 * - `ERR_BUFFER_DETACHED`: the buffer was transferred, or has shrunk so that the view reaches beyond it.
 * - `ERR_CAPACITY`: no store can have that `capacity` or `maxPages`.
 * - `ERR_OUT_OF_MEMORY`: the kernel, a limit of the process, or the store's own `maxPages` refused memory.
 * - `ERR_STORE_DAMAGED`: page tables of a snapshot, or what it keeps beside memory, are not what was stored. No call of this
 *   package can do that: native code has written into memory that is not its own. The bytes of memory are not checked.
 * - `ERR_STORE_CLOSED`: the store was closed; of a token, the last handle on its store was.
 * - `ERR_TOKEN`: the token is none that `share()` returned.
 * - `ERR_ADDRESS`: the range is empty, reaches beyond 64 bits, or lies outside of all regions; or it makes the state, and
 *   snapshots do not take all of it.
 * - `ERR_MEMORY_CLOSED`: the memory was closed.
 * - `ERR_MEMORY_SIZE`: the memory is smaller than the snapshot that was to be restored.
 * - `ERR_SNAPSHOT_RELEASED`: the snapshot was released.
 * - `ERR_OTHER_STORE`: the snapshot is in another store.
 * - `ERR_TRACKER`: the kernel, or the privileges of this process, do not allow that tracker.
 * - `ERR_PROCESS_GONE`: there is no such process, it has ended, or it has become another program.
 * - `ERR_PERMISSION`: the kernel does not let this process read that one.
 * - `ERR_PROCESS_MEMORY`: memory of the process could not be read.
 * - `ERR_OTHER_MEMORY`: the snapshot is of another process.
 * - `ERR_SPAWN`: the program could not be started.
 * - `ERR_TRACEE`: the kernel refused something that controlling a process takes.
 * - `ERR_WRONG_THREAD`: the tracee belongs to another thread: the one that made it.
 * - `ERR_THREAD`: the process has no such thread.
 * - `ERR_THREADS`: a thread was started or has ended since the snapshot; or two threads of a program that is explored
 *   make choices.
 * - `ERR_MAPPING`: a mapping cannot be made what it was.
 * - `ERR_FILES`: an open file cannot be made what it was; the message names descriptor and path.
 * - `ERR_CHOICE`: the choice has no such alternative, or `choose` is missing where the program waits for it.
 * - `ERR_SYMBOL`: neither the program nor its libraries have such a symbol.
 * - `ERR_PROGRAM`: the program cannot be explored: it comes to no choice, or does what cannot be rolled back.
 * - `ERR_MODEL`: the module cannot be explored: it lacks an export, or keeps state where it cannot be captured.
 * - `ERR_TRACE`: the file is no trace, or the program does not have its path.
 * - `ERR_ADDON`: there is no native addon for this system, or it does not load; the import itself throws it.
 */
export type ErrorCode =
  | 'ERR_ARGUMENT_TYPE'
  | 'ERR_PAGE_SIZE'
  | 'ERR_PAGE_NUMBER'
  | 'ERR_REFERENCE_COUNT'
  | 'ERR_BUFFER_DETACHED'
  | 'ERR_CAPACITY'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_STORE_DAMAGED'
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
  | 'ERR_FILES'
  | 'ERR_CHOICE'
  | 'ERR_SYMBOL'
  | 'ERR_PROGRAM'
  | 'ERR_MODEL'
  | 'ERR_TRACE'
  | 'ERR_ADDON'

/** What this package throws. A call that throws has left the store as it was. */
export class PageStoreError extends Error {
  /** Identifies the class where two copies of this package are loaded, and `instanceof` does not. */
  override readonly name = 'PageStoreError'
  /** What to test for: messages may change. */
  readonly code: ErrorCode

  /** For this package itself. The message becomes one line, whatever names and texts are in it. */
  constructor(code: ErrorCode, message: string) {
    super(printable(message))
    this.code = code
  }
}
