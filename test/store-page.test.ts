import { PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { page, pages, upTo } from './support/pages.js'

test('storing an equal page returns the same number and adds a reference', () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  expect(store.storePage(page(1))).toBe(n)
  expect(store.refCount(n)).toBe(2)
  expect(store.size).toBe(1)
})

test('a new page is copied in: changing the source afterwards changes nothing', () => {
  using store = new PageStore()
  const source = page(1)
  const n = store.storePage(source)
  source.fill(0)
  expect(store.getPage(n).equals(page(1))).toBe(true)
})

test('pages that differ in one byte, anywhere, are different', () => {
  using store = new PageStore()
  const source = page(1)
  const numbers = new Set([store.storePage(source)])
  for (const at of [0, 1, pageSize / 2, pageSize - 1]) {
    const changed = Buffer.from(source)
    changed[at] = ~changed[at]! & 0xff
    numbers.add(store.storePage(changed))
  }
  expect(numbers.size).toBe(5)
})

test('a page may start at any address', () => {
  using store = new PageStore()
  const room = new Uint8Array(2 * pageSize)
  const n = store.storePage(page(7))
  for (const offset of [1, 3, 8, 63, 64, 4095 % pageSize]) {
    room.set(page(7), offset)
    expect(store.storePage(room.subarray(offset, offset + pageSize))).toBe(n)
  }
})

test('storePages gives what storePage gives, page by page', () => {
  using one = new PageStore()
  using many = new PageStore()
  const seeds = [1, 2, 1, 3, 3, 3, 2, 9, 1]
  expect([...many.storePages(pages(...seeds))]).toEqual(seeds.map((seed) => one.storePage(page(seed))))
  expect(many.stats()).toEqual(one.stats())
})

test('storePages of no bytes gives no numbers', () => {
  using store = new PageStore()
  const numbers = store.storePages(new Uint8Array(0))
  expect(numbers).toBeInstanceOf(Uint32Array)
  expect(numbers.length).toBe(0)
})

test('thousands of pages keep their numbers and bytes while the store grows', () => {
  using store = new PageStore()
  const seeds = upTo(5000)
  const numbers = store.storePages(pages(...seeds))
  expect(new Set(numbers).size).toBe(seeds.length)
  expect(store.stats().growths).toBeGreaterThan(3)
  for (const seed of seeds) expect(store.getPage(numbers[seed]!).equals(page(seed))).toBe(true)
})

test('a small store stays small, and makes room for the capacity asked for', () => {
  using small = new PageStore()
  expect(small.capacity * pageSize).toBe(2 << 20)
  using large = new PageStore({ capacity: 3000 })
  expect(large.capacity).toBeGreaterThanOrEqual(3000)
  expect(large.stats().growths).toBe(1)
})

test('a resizable buffer is stored as long as it is now', () => {
  using store = new PageStore()
  const buffer = new ArrayBuffer(pageSize, { maxByteLength: 4 * pageSize })
  const view = new Uint8Array(buffer)
  expect(store.storePages(view).length).toBe(1)
  buffer.resize(3 * pageSize)
  expect(store.storePages(view).length).toBe(3)
})

test('stats tell pages, references, duplicates and costs', () => {
  using store = new PageStore()
  store.storePages(pages(1, 2, 1, 1))
  store.refPage(0)
  expect(store.stats()).toMatchObject({ pages: 2, references: 5, duplicates: 2, collisions: 0, growths: 1, moves: 0 })
  expect(store.stats().capacity).toBe(store.capacity)
  expect(store.stats().bookkeepingBytes).toBeGreaterThan(0)
})
