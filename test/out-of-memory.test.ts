import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf, page, pages, upTo } from './support/pages.js'

test('maxPages is the most a store ever holds, and a page it has is stored all the same', () => {
  using store = new PageStore({ maxPages: 3 })
  const [first] = store.storePages(pages(1, 2, 3))
  const error = errorOf(() => store.storePage(page(4)))
  expect(error.code).toBe('ERR_OUT_OF_MEMORY')
  expect(error.message).toContain('maxPages')
  expect(store.storePage(page(1))).toBe(first)
  store.unrefPage(1)
  expect(store.storePage(page(4))).toBe(1)
})

test('a batch that does not fit is not stored at all, and the next one gets the numbers it would have got', () => {
  using store = new PageStore({ maxPages: 10 })
  using twin = new PageStore({ maxPages: 10 })
  for (const either of [store, twin]) {
    either.storePages(pages(...upTo(8)))
    either.unrefPages(Uint32Array.of(2, 5))
  }
  expect(errorOf(() => store.storePages(pages(0, 0, 20, 21, 22, 20, 23, 24))).code).toBe('ERR_OUT_OF_MEMORY')
  expect(store.stats()).toEqual(twin.stats())
  for (const either of [store, twin]) expect([...either.storePages(pages(30, 31, 32, 33))]).toEqual([5, 2, 8, 9])
})

test('a budget may be larger than memory, a capacity may not', () => {
  using store = new PageStore({ maxPages: 2 ** 32 - 1 })
  expect(store.storePage(page(1))).toBe(0)
  const error = errorOf(() => new PageStore({ capacity: 2 ** 40 / pageSize }).close())
  expect(error.code).toBe('ERR_OUT_OF_MEMORY')
})

test('address space that runs out is an error, the store is as it was, and works again with more', () => {
  const script = fileURLToPath(new URL('support/address-space.mjs', import.meta.url))
  const report = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }))
  expect(report).toEqual({ code: 'ERR_OUT_OF_MEMORY', sameStats: true, pagesRight: true, grewAfterwards: true })
})

test('a limit on file size is an error and not the end of the process', () => {
  const script = fileURLToPath(new URL('support/file-size.mjs', import.meta.url))
  const report = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }))
  expect(report).toEqual({ code: 'ERR_OUT_OF_MEMORY', pagesRight: true })
})
