import { PageStore } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf, page } from './support/pages.js'

test.each(['huge', 'memfd'] as const)('memory can be insisted on: %s', (memory) => {
  let store: PageStore
  try {
    store = new PageStore({ memory })
  } catch (error) {
    // Only huge pages may be forbidden, and then a store that does not insist takes the other kind.
    expect(memory).toBe('huge')
    expect(errorOf(() => new PageStore({ memory })).code).toBe('ERR_OUT_OF_MEMORY')
    expect(new PageStore().stats().memory).toBe('memfd')
    console.warn(`huge pages are forbidden here: ${(error as Error).message}`)
    return
  }
  expect(store.stats().memory).toBe(memory)
  expect(store.getPage(store.storePage(page(1))).equals(page(1))).toBe(true)
  store.close()
})

test('the environment variable PAGESTORE_MEMORY changes the default', () => {
  const before = process.env['PAGESTORE_MEMORY']
  try {
    process.env['PAGESTORE_MEMORY'] = 'memfd'
    using store = new PageStore()
    expect(store.stats().memory).toBe('memfd')
    process.env['PAGESTORE_MEMORY'] = 'tape'
    expect(errorOf(() => new PageStore()).code).toBe('ERR_ARGUMENT_TYPE')
  } finally {
    process.env['PAGESTORE_MEMORY'] = before
  }
})
