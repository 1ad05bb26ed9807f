import { Worker } from 'node:worker_threads'

import { PageStore, type PageStoreError, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { page } from './support/pages.js'

test('pages in a SharedArrayBuffer are stored like any others', () => {
  using store = new PageStore()
  const shared = new Uint8Array(new SharedArrayBuffer(9 * pageSize))
  for (let i = 0; i < 9; i++) shared.set(page(i % 7), i * pageSize)
  expect([...store.storePages(shared)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1])
  expect(store.storePage(shared.subarray(pageSize, 2 * pageSize))).toBe(1)
  expect(store.storePage(page(6))).toBe(6)
})

test('page numbers that change while they are being read are all released, or none is', async () => {
  using store = new PageStore()
  store.storePage(page(1))
  const shared = new Uint32Array(new SharedArrayBuffer(4096))
  const writer = new Worker(
    `const { workerData: shared } = require('node:worker_threads')
     for (let n = 0; shared[0] !== 0xffffffff; n++) shared.fill(n % 3 === 0 ? 9 : 0, 1)`,
    { eval: true, workerData: shared },
  )
  await new Promise((resolve) => writer.once('online', resolve))
  const outcomes = { done: 0, refused: 0 }
  const deadline = performance.now() + 2000
  while ((outcomes.done < 50 || outcomes.refused < 50) && performance.now() < deadline) {
    const before = store.refCount(0)
    try {
      store.refPages(shared)
      outcomes.done++
      expect(store.refCount(0)).toBe(before + shared.length)
    } catch (error) {
      expect((error as PageStoreError).code).toBe('ERR_PAGE_NUMBER')
      outcomes.refused++
      expect(store.refCount(0)).toBe(before)
    }
  }
  expect(outcomes.done + outcomes.refused).toBeGreaterThan(0)
  shared[0] = 0xffffffff
  await new Promise((resolve) => writer.once('exit', resolve))
})

test('a page that changes while it is being stored leaves the store whole: what is kept is what was hashed', async () => {
  using store = new PageStore()
  const shared = new Uint8Array(new SharedArrayBuffer(64 * pageSize))
  // Rewrites the memory, without pause, until it is told to stop.
  const writer = new Worker(
    `const { workerData: shared } = require('node:worker_threads')
     const words = new Uint32Array(shared.buffer)
     for (let word = 1; words[0] !== 0xffffffff; word++) words.fill(word, 1)`,
    { eval: true, workerData: shared },
  )
  await new Promise((resolve) => writer.once('online', resolve))
  const numbers = new Set<number>()
  while (numbers.size < 300) for (const n of store.storePages(shared)) numbers.add(n)
  new Uint32Array(shared.buffer)[0] = 0xffffffff
  await new Promise((resolve) => writer.once('exit', resolve))

  // Were a page indexed under the hash of other bytes, storing its own bytes would not find it.
  for (const n of numbers) expect(store.storePage(Buffer.from(store.getPage(n)))).toBe(n)
})
