import { PageStore } from 'pagestore'
import { afterEach, beforeEach, expect } from 'vitest'

/** Another one for each test of the file, which must leave nothing in it. */
export let store: PageStore

beforeEach(() => {
  store = new PageStore()
})
afterEach(() => {
  expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
  store.close()
})
