// Run by out-of-memory.test.ts: fills a store until its process may map no more.
import { readFileSync } from 'node:fs'

import { PageStore, pageSize } from 'pagestore'

import { fillDistinct, isDistinct } from './distinct.mjs'
import { limit } from './limit.mjs'

const store = new PageStore()
const row = Buffer.alloc(256 * pageSize)
const batches = 200
fillDistinct(row, 0)
store.storePages(row)
store.getPage(0)

const mapped = Number(/VmSize:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
limit('as', mapped + (48 << 20))
let code
let before = store.stats()
for (let batch = 1; batch < batches && code === undefined; batch++) {
  fillDistinct(row, batch * 256)
  before = store.stats()
  try {
    store.storePages(row)
  } catch (error) {
    code = /** @type {import('pagestore').PageStoreError} */ (error).code
  }
}
const after = store.stats()
const counted = /** @type {const} */ (['pages', 'references', 'duplicates', 'capacity', 'growths'])
const sameStats = counted.every((name) => before[name] === after[name])
limit('as', 'unlimited')
store.storePages(row)
const grewAfterwards = store.stats().growths > before.growths
let pagesRight = store.size > 256
for (let n = 0; n < store.size; n++) pagesRight &&= isDistinct(store, n)
console.log(JSON.stringify({ code, sameStats, pagesRight, grewAfterwards }))
