/** What a store takes, as a search with a bound on it asks now and then. */

import { type PageStore, pageSize } from '../page-store.js'

const tableBytes = 64

/** Pages, page tables, and the store's bookkeeping. */
export function bytesOf(store: PageStore): number {
  const { pages, tables, keys, bookkeepingBytes } = store.stats()
  return pages * pageSize + (tables + keys) * tableBytes + bookkeepingBytes
}
