// Run by out-of-memory.test.ts: fills a store until its process may make no larger file.
import { PageStore, pageSize } from 'pagestore'

import { fillDistinct, isDistinct } from './distinct.mjs'
import { limit } from './limit.mjs'

const store = new PageStore()
limit('fsize', 8 << 20)
const row = Buffer.alloc(256 * pageSize)
let code
for (let batch = 0; batch < 20 && code === undefined; batch++) {
  fillDistinct(row, batch * 256)
  try {
    store.storePages(row)
  } catch (error) {
    code = /** @type {import('pagestore').PageStoreError} */ (error).code
  }
}
let pagesRight = store.size * pageSize === 8 << 20
for (let n = 0; n < store.size; n++) pagesRight &&= isDistinct(store, n)
console.log(JSON.stringify({ code, pagesRight }))
