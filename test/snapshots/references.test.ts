import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf, page, pages, upTo } from '../support/pages.js'

/** A store with three pages that nobody but a snapshot holds, and that snapshot. */
function captured() {
  const store = new PageStore()
  const memory = new LocalMemory(store, pages(1, 2, 3))
  return { store, memory, snapshot: memory.capture() }
}

/** Every number that the store has ever used. */
function numbersOf(store: PageStore): number[] {
  return upTo(Number(/\((\d+) were\)/.exec(errorOf(() => store.refCount(2 ** 32 - 1)).message)![1]))
}

test('no call releases what snapshots alone hold, and the message has both counts', () => {
  const { store, snapshot } = captured()
  const before = store.stats()
  const numbers = numbersOf(store)
  // The pages of the memory, and what else the snapshot keeps.
  expect(numbers.length).toBeGreaterThan(3)
  for (const n of numbers) {
    for (const release of [() => store.unrefPage(n), () => store.unrefPages(Uint32Array.of(n))]) {
      const error = errorOf(release)
      expect(error.code).toBe('ERR_PAGE_NUMBER')
      expect(error.message).toContain(`page ${n} has 0 references of users and ${store.refCount(n)} of snapshots`)
    }
  }
  expect(store.stats()).toEqual(before)
  store.storePages(pages(...upTo(50).map((i) => 100 + i)))
  expect(snapshot.read(0n, 3 * pageSize).equals(pages(1, 2, 3))).toBe(true)
  expect(snapshot.regions).toMatchObject([{ start: 0n, end: BigInt(3 * pageSize) }])
  expect(snapshot.map(BigInt(pageSize), pageSize).equals(page(2))).toBe(true)
  store.close()
})

test('a page that both hold is released as often as users hold it, and stays the snapshot’s', () => {
  const { store, memory, snapshot } = captured()
  const n = store.storePage(page(2))
  store.refPage(n)
  const ofSnapshots = store.refCount(n) - 2
  store.unrefPages(Uint32Array.of(n, n))
  const error = errorOf(() => store.unrefPage(n))
  expect(error.code).toBe('ERR_PAGE_NUMBER')
  expect(error.message).toContain(`page ${n} has 0 references of users and ${ofSnapshots} of snapshots`)
  expect(store.refCount(n)).toBe(ofSnapshots)
  // It is known by its number and by its bytes, and what users hold outlives the snapshot.
  store.refPage(n)
  expect(store.storePage(page(2))).toBe(n)
  snapshot.release()
  memory.close()
  expect(store.refCount(n)).toBe(2)
  expect(store.getPage(n).equals(page(2))).toBe(true)
  expect(store.size).toBe(1)
  store.unrefPages(Uint32Array.of(n, n))
  expect(store.size).toBe(0)
  expect(errorOf(() => store.unrefPage(n)).message).toContain('0 of users, 0 of snapshots')
  store.close()
})

test('a batch that releases more than users hold releases nothing', () => {
  const { store } = captured()
  const [mine, shared] = store.storePages(pages(9, 1)) as unknown as [number, number]
  const before = store.stats()
  for (const [batch, users] of [
    [[mine, shared, shared], 1],
    [[shared, mine, mine], 1],
    [[shared, mine, numbersOf(store).find((n) => n !== mine && n !== shared)!], 0],
  ] as const) {
    const error = errorOf(() => store.unrefPages(Uint32Array.from(batch)))
    expect(error.code).toBe('ERR_PAGE_NUMBER')
    expect(error.message).toContain(`page ${batch[2]} has ${users} references of users and `)
    expect(store.stats()).toEqual(before)
    expect(store.getPage(mine).equals(page(9))).toBe(true)
  }
  store.unrefPages(Uint32Array.of(mine, shared))
  store.close()
})

test('all handles of a store together are its users', async () => {
  const { store, snapshot } = captured()
  const n = store.storePage(page(1))
  const worker = new Worker(
    `import { parentPort, workerData } from 'node:worker_threads'
     import { PageStore } from 'pagestore'
     const store = PageStore.open(workerData.token)
     store.unrefPage(workerData.n)
     try {
       store.unrefPage(workerData.n)
     } catch (error) {
       parentPort.postMessage(error.message)
     }`,
    { eval: true, workerData: { token: store.share(), n }, execArgv: ['--input-type=module'] },
  )
  const [message] = await once(worker, 'message')
  expect(message).toContain(`page ${n} has 0 references of users and ${store.refCount(n)} of snapshots`)
  expect(errorOf(() => store.unrefPage(n)).code).toBe('ERR_PAGE_NUMBER')
  expect(snapshot.read(0n, pageSize).equals(page(1))).toBe(true)
  await once(worker, 'exit')
  store.close()
})
