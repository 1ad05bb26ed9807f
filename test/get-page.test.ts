import { PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { page, pages, upTo } from './support/pages.js'

test('getPage copies nothing: pages next to each other are views of one buffer', () => {
  using store = new PageStore()
  const [a, b] = store.storePages(pages(1, 2))
  const first = store.getPage(a!)
  expect(first.length).toBe(pageSize)
  expect(store.getPage(b!).buffer).toBe(first.buffer)
  expect(store.getPage(a!).byteOffset).toBe(first.byteOffset)
})

test('what JavaScript writes into a view harms no stored page', () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  const view = store.getPage(n)
  view.fill(0xaa)
  expect(view.every((byte) => byte === 0xaa)).toBe(true)
  expect(store.storePage(page(1))).toBe(n)
  expect(store.storePage(view)).not.toBe(n)
})

test('a scribble shows in every view of the handle that it came through, and nowhere else', () => {
  using store = new PageStore()
  using other = PageStore.open(store.share())
  const n = store.storePage(page(1))
  const [early, view] = [store.getPage(n), store.getPage(n)]
  view.fill(0xaa, 100, 200)
  expect(early.equals(view)).toBe(true)
  expect(store.getPage(n).equals(view)).toBe(true)
  expect(other.getPage(n).equals(page(1))).toBe(true)
  expect(store.storePage(page(1))).toBe(n)
})

test('a scribble is gone once the slot is used again, and every time after', () => {
  using store = new PageStore()
  const n = store.storePage(page(0))
  const view = store.getPage(n)
  for (const seed of [1, 2, 3]) {
    view.fill(0xee)
    store.unrefPage(n)
    expect(store.storePage(page(seed))).toBe(n)
    expect(view.equals(page(seed))).toBe(true)
    expect(store.getPage(n).equals(page(seed))).toBe(true)
  }
})

test('Buffers from before the memory moved still read right', () => {
  using store = new PageStore()
  const early = store.storePages(pages(...upTo(400)))
  const views = [...early].map((n) => store.getPage(n))
  const batch = 2000
  for (let round = 0; store.stats().moves < 3; round++) {
    expect(round, 'the memory never moved').toBeLessThan(20)
    store.storePages(pages(...upTo(batch).map((i) => 1000 + round * batch + i)))
  }
  for (const [seed, view] of views.entries()) expect(view.equals(page(seed))).toBe(true)
  for (const [seed, n] of early.entries()) expect(store.getPage(n).equals(page(seed))).toBe(true)
})

test('a Buffer stays readable after close', () => {
  const store = new PageStore()
  const view = store.getPage(store.storePage(page(5)))
  store.close()
  expect(view.equals(page(5))).toBe(true)
  view.fill(1)
})

test('a window that was transferred away is replaced by a new one', () => {
  using store = new PageStore()
  const n = store.storePage(page(5))
  const window = store.getPage(n).buffer as ArrayBuffer & { transfer?: () => ArrayBuffer }
  if (window.transfer === undefined) {
    // Before Node 22 nothing detaches a window: it is copied instead.
    structuredClone(window, { transfer: [window] })
    expect(window.byteLength).toBeGreaterThan(0)
  } else {
    window.transfer()
    expect(window.byteLength).toBe(0)
  }
  expect(store.getPage(n).equals(page(5))).toBe(true)
})

test('a copy of a view is one page, as the documentation advises before posting', () => {
  using store = new PageStore()
  const copy = Buffer.from(store.getPage(store.storePage(page(5))))
  expect(structuredClone(new Uint8Array(copy))).toEqual(new Uint8Array(page(5)))
})

test('pages of several windows read right', () => {
  using store = new PageStore()
  const perWindow = (64 << 20) / pageSize
  const row = Buffer.alloc(1000 * pageSize)
  const total = perWindow + 3000
  for (let from = 0; from < total; from += 1000) {
    for (let i = 0; i < 1000; i++) row.writeDoubleLE(from + i + 0.5, i * pageSize + 8)
    store.storePages(row)
  }
  for (const n of [0, perWindow - 1, perWindow, perWindow + 1, total - 1]) {
    expect(store.getPage(n).readDoubleLE(8)).toBe(n + 0.5)
  }
  expect(store.getPage(perWindow).buffer).not.toBe(store.getPage(perWindow - 1).buffer)
})
