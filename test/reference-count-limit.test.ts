import { PageStore } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { errorOf, page, pages } from './support/pages.js'

// A 32-bit count takes minutes to fill; `npm run test:narrow` runs this on an addon whose counts end at 255.
describe.runIf(process.env['PAGESTORE_COUNTS'] === 'narrow')('a count refuses to overflow', () => {
  function full(): PageStore {
    const store = new PageStore()
    store.storePages(pages(1, 2))
    store.refPages(new Uint32Array(254).fill(0))
    expect(store.refCount(0)).toBe(255)
    return store
  }

  test.each<[string, (store: PageStore) => unknown]>([
    ['storePage', (store) => store.storePage(page(1))],
    ['storePages', (store) => store.storePages(pages(2, 3, 1, 4))],
    ['refPage', (store) => store.refPage(0)],
    ['refPages', (store) => store.refPages(Uint32Array.of(1, 0, 1))],
  ])('in %s, and the store is as it was', (_, action) => {
    using store = full()
    const before = store.stats()
    const error = errorOf(() => action(store))
    expect(error.code).toBe('ERR_REFERENCE_COUNT')
    expect(error.message).toContain('255')
    expect(store.stats()).toEqual(before)
    store.unrefPage(0)
    store.refPage(0)
    expect(store.refCount(0)).toBe(255)
  })
})
