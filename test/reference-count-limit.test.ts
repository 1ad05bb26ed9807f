import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { errorOf, page, pages, upTo } from './support/pages.js'

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

  test('of users, and snapshots have a count of their own', () => {
    using store = full()
    using memory = new LocalMemory(store, page(1))
    using snapshot = memory.capture()
    expect(store.refCount(0)).toBe(256)
    expect(errorOf(() => store.refPage(0)).code).toBe('ERR_REFERENCE_COUNT')
    store.unrefPages(new Uint32Array(255).fill(0))
    expect(store.refCount(0)).toBe(1)
    expect(errorOf(() => store.unrefPage(0)).message).toContain('0 references of users and 1 of snapshots')
    expect(snapshot.read(0n, pageSize).equals(page(1))).toBe(true)
  })

  test('of snapshots, and a capture that needs more leaves all as it was', () => {
    using store = new PageStore()
    const n = store.storePage(page(1))
    // Each page table has the page 15 times, and one that no other has.
    const tables = (count: number) => pages(...upTo(16 * count).map((i) => (i % 16 === 0 ? 2 + i : 1)))
    using memory = new LocalMemory(store, tables(17))
    using snapshot = memory.capture()
    expect(store.refCount(n)).toBe(256)
    const before = store.stats()
    using larger = new LocalMemory(store, tables(18))
    expect(errorOf(() => larger.capture()).code).toBe('ERR_REFERENCE_COUNT')
    const { references, pages: left, tables: tablesLeft } = store.stats()
    expect([references, left, tablesLeft]).toEqual([before.references, before.pages, before.tables])
    store.refPages(new Uint32Array(254).fill(n))
    expect(store.refCount(n)).toBe(510)
    expect(snapshot.read(0n, pageSize).equals(page(2))).toBe(true)
  })
})
