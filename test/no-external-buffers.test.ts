import { PageStore } from 'pagestore'
import { expect, test, vi } from 'vitest'

import { native } from '../dist/lib/addon/native.js'
import { errorOf, page } from './support/pages.js'

test('where a runtime allows no memory of ours in a Buffer, getPage gives a copy', () => {
  // The one thing that Node cannot be made to do: the addon's answer in Electron.
  const openWindow = vi.spyOn(native, 'openWindow').mockReturnValue(null)
  using store = new PageStore()
  const n = store.storePage(page(1))
  const copy = store.getPage(n)
  expect(openWindow).toHaveBeenCalled()
  expect(copy.equals(page(1))).toBe(true)
  copy.fill(0)
  expect(store.getPage(n).equals(page(1))).toBe(true)
  expect(errorOf(() => store.getPage(n + 1)).code).toBe('ERR_PAGE_NUMBER')
})
