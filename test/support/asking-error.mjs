// Run by snapshots/misuse.test.ts: errors whose making calls the store that is being asked.
import { LocalMemory, PageStore, PageStoreError, pageSize } from 'pagestore'

const store = new PageStore({ maxPages: 4 })
const bytes = new Uint8Array(8 * pageSize)
const memory = new LocalMemory(store, bytes)
const snapshot = memory.capture()
Object.setPrototypeOf(
  PageStoreError,
  class extends Error {
    /** @param {string} message */
    constructor(message) {
      super(`${message}, with ${store.size} pages`)
    }
  },
)
for (let page = 0; page < 8; page++) bytes[page * pageSize] = page + 1
let refused = 0
for (const use of [
  () => snapshot.read(2n ** 40n, 1),
  () => snapshot.map(2n ** 40n, 1),
  () => memory.capture(),
  () => store.storePages(bytes),
  () => store.unrefPage(99),
]) {
  try {
    use()
  } catch {
    refused++
  }
}
console.log(refused, 'refused')
