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

/** Every failure of this package. Whatever threw it left the store as it was. */
export class PageStoreError extends Error {
  override readonly name = 'PageStoreError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
