import { PageStore } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf, page, pages, upTo } from './support/pages.js'

test('refPage adds a reference without looking at the bytes', () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  store.refPage(n)
  store.refPages(Uint32Array.of(n, n))
  expect(store.refCount(n)).toBe(4)
  expect(store.stats().duplicates).toBe(0)
})

test('a page whose last reference is released is recycled: gone from the index, its slot used next', () => {
  using store = new PageStore()
  const [a, b] = store.storePages(pages(1, 2))
  store.unrefPage(a!)
  expect(store.refCount(a!)).toBe(0)
  expect(store.size).toBe(1)
  expect(store.storePage(page(3))).toBe(a)
  expect(store.storePage(page(1))).not.toBe(a)
  expect(store.storePage(page(2))).toBe(b)
})

test('the free list is used before the top', () => {
  using store = new PageStore()
  const numbers = store.storePages(pages(...upTo(100)))
  store.unrefPages(numbers.subarray(10, 20))
  const again = store.storePages(pages(...upTo(10).map((i) => 1000 + i)))
  expect(new Set(again)).toEqual(new Set(numbers.subarray(10, 20)))
})

test('releasing one reference too many is refused, and counts stay', () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  store.unrefPage(n)
  expect(errorOf(() => store.unrefPage(n)).code).toBe('ERR_PAGE_NUMBER')
  expect(store.size).toBe(0)
  expect(store.storePage(page(2))).toBe(n)
})

test('a batch that releases one too many releases nothing, and recycling goes on as if it had not been', () => {
  using store = new PageStore()
  using twin = new PageStore()
  const numbers = store.storePages(pages(...upTo(20)))
  twin.storePages(pages(...upTo(20)))
  const tooMany = Uint32Array.of(3, 4, 5, 4)
  expect(errorOf(() => store.unrefPages(tooMany)).code).toBe('ERR_PAGE_NUMBER')
  expect(store.stats()).toEqual(twin.stats())
  for (const n of numbers) expect(store.getPage(n).equals(page(n))).toBe(true)
  for (const either of [store, twin]) expect(either.storePages(pages(...upTo(20)))).toEqual(numbers)
  for (const either of [store, twin]) either.unrefPages(Uint32Array.of(7, 7, 8, 8, 9))
  expect(store.storePages(pages(50, 51))).toEqual(twin.storePages(pages(50, 51)))
})

test('a batch that refers to one recycled page refers to none', () => {
  using store = new PageStore()
  const [a, b, c] = store.storePages(pages(1, 2, 3)) as unknown as [number, number, number]
  store.unrefPage(b)
  expect(errorOf(() => store.refPages(Uint32Array.of(a, c, b))).code).toBe('ERR_PAGE_NUMBER')
  expect([store.refCount(a), store.refCount(b), store.refCount(c)]).toEqual([1, 0, 1])
})

test('numbers that another thread may change are taken at one moment', () => {
  using store = new PageStore()
  const shared = new Uint32Array(new SharedArrayBuffer(8))
  shared.set(store.storePages(pages(1, 2)))
  store.refPages(shared)
  store.unrefPages(shared)
  expect([...shared].map((n) => store.refCount(n))).toEqual([1, 1])
})

test('no numbers change nothing', () => {
  using store = new PageStore()
  store.refPages(new Uint32Array(0))
  store.unrefPages(new Uint32Array(0))
  expect(store.stats().references).toBe(0)
})
