import { Worker } from 'node:worker_threads'

import { PageStore, type PageStoreToken } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf, page, pages, upTo } from './support/pages.js'

const script = new URL('support/store-worker.mjs', import.meta.url)

/** A worker that has opened the store and answers each message with what it did. */
async function start(token: PageStoreToken): Promise<{ worker: Worker; ask: (message: unknown) => Promise<unknown> }> {
  const worker = new Worker(script, { workerData: token })
  const answer = () =>
    new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject)
    })
  expect(await answer()).toBe('open')
  return {
    worker,
    ask(message) {
      const answered = answer()
      worker.postMessage(message)
      return answered
    },
  }
}

test('a token opens the same store in another thread', async () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  const { worker, ask } = await start(store.share())
  expect(await ask({ store: [1, 2] })).toEqual([n, 1])
  expect(await ask({ read: n })).toEqual(new Uint8Array(page(1)))
  expect(store.refCount(n)).toBe(2)
  expect(store.getPage(1).equals(page(2))).toBe(true)
  await worker.terminate()
})

test('a token is small and can be cloned', () => {
  using store = new PageStore()
  using same = PageStore.open(structuredClone(store.share()))
  expect(JSON.stringify(store.share()).length).toBeLessThan(100)
  expect(same.storePage(page(1))).toBe(store.storePage(page(1)))
})

test('the store lives until the last handle closes, and a token holds nothing', async () => {
  const store = new PageStore()
  const token = store.share()
  const { worker, ask } = await start(token)
  const n = store.storePage(page(1))
  store.close()
  expect(await ask({ read: n })).toEqual(new Uint8Array(page(1)))
  const again = PageStore.open(token)
  expect(again.getPage(n).equals(page(1))).toBe(true)
  again.close()
  expect(await ask('close')).toBe('closed')
  expect(errorOf(() => PageStore.open(token)).code).toBe('ERR_STORE_CLOSED')
  await worker.terminate()
})

test('references taken by a worker that was terminated stay', async () => {
  using store = new PageStore()
  const { worker, ask } = await start(store.share())
  await ask({ store: [1, 2, 3] })
  await worker.terminate()
  expect(upTo(3).map((n) => store.refCount(n))).toEqual([1, 1, 1])
})

test('a scribble in one thread is not seen in another, and is gone in both when the slot is used again', async () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  const { worker, ask } = await start(store.share())
  const view = store.getPage(n)
  view.fill(1)
  expect(await ask({ read: n })).toEqual(new Uint8Array(page(1)))
  expect(await ask({ scribble: n })).toBe('scribbled')
  store.unrefPage(n)
  expect(store.storePage(page(9))).toBe(n)
  expect(view.equals(page(9))).toBe(true)
  expect(await ask('reread')).toEqual(new Uint8Array(page(9)))
  await worker.terminate()
})

test('how many distinct pages there are never depends on timing', async () => {
  using store = new PageStore()
  const workers = await Promise.all([1, 2, 3].map(() => start(store.share())))
  const stored = workers.map(({ ask }) => ask({ storeMany: 500, rounds: 20 }))
  for (let round = 0; round < 20; round++) store.storePages(pages(...upTo(500)))
  await Promise.all(stored)
  expect(store.size).toBe(500)
  expect(store.stats().references).toBe(4 * 20 * 500)
  await Promise.all(workers.map(({ worker }) => worker.terminate()))
})

test('worker.terminate() at any moment leaves the store whole', async () => {
  using store = new PageStore()
  store.storePages(pages(...upTo(100)))
  for (const delay of [0, 1, 2, 3, 5, 8, 13, 21, 34, 55]) {
    const { worker } = await start(store.share())
    worker.postMessage('churn')
    await new Promise((resolve) => setTimeout(resolve, delay))
    await worker.terminate()
    const references = store.stats().references
    const again = store.storePages(pages(...upTo(100)))
    expect([...again]).toEqual(upTo(100))
    expect(store.stats().references).toBe(references + 100)
    for (const n of again) expect(store.getPage(n).equals(page(n))).toBe(true)
    store.unrefPages(again)
  }
})

test('worker.terminate() in the middle of any call ends the worker and nothing else', async () => {
  using store = new PageStore()
  store.storePage(page(1))
  for (let round = 0; round < 40; round++) {
    const { worker } = await start(store.share())
    worker.postMessage('everything')
    await new Promise((resolve) => setTimeout(resolve, round % 8))
    expect(await worker.terminate()).toBe(1)
  }
  expect(store.storePage(page(1))).toBe(0)
})

test('worker.terminate() while the addon is being loaded ends the worker and nothing else', async () => {
  using store = new PageStore()
  for (let delay = 0; delay < 60; delay += 3) {
    const worker = new Worker(script, { workerData: store.share() })
    await new Promise((resolve) => setTimeout(resolve, delay))
    await worker.terminate()
  }
  expect(store.storePage(page(1))).toBe(0)
})
