// Which file it is that a snapshot knows: never taken for another one, nor forgotten when something fails.

import { PageStore } from 'pagestore'
import { expect, test } from 'vitest'

import { startFileSteps } from '../support/file-steps.js'
import { next } from '../support/open-files.js'
import { page } from '../support/pages.js'

/** Fills a store to its `maxPages`; what is returned makes room again. */
function fill(store: PageStore): () => void {
  const numbers: number[] = []
  try {
    for (let i = 1; ; i++) numbers.push(store.storePage(page(i)))
  } catch {
    return () => store.unrefPages(Uint32Array.from(numbers))
  }
}

test.each([
  ['in memory when it is noted', 'o:0:b:log p:0:5:X c:0'],
  ['there when it is open', 'o:0:b:log p:0:5:X'],
])('a file whose contents were %s is put back, although there was no room at first', (_name, act) => {
  using store = new PageStore({ maxPages: 4000 })
  const { tracee, contents, prepare } = startFileSteps(store, ['', act])
  const text = Buffer.from(Uint32Array.from({ length: 60_000 }, (_, i) => i).buffer).toString('latin1')
  prepare('log', text)
  next(tracee)
  using before = tracee.capture()
  const makeRoom = fill(store)
  next(tracee)
  for (let i = 0; i < 3; i++)
    expect(() => tracee.capture()).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_MEMORY' }))
  makeRoom()
  using after = tracee.capture()
  const changed = contents()
  tracee.restore(before)
  expect(contents() === text).toBe(true)
  tracee.restore(after)
  expect(contents() === changed).toBe(true)
})
