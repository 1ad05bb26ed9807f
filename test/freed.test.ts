import { readdirSync, readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

import { PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { page } from './support/pages.js'

const MiB = 1 << 20

// vitest's configuration passes --expose-gc.
const collect = (globalThis as unknown as { gc: () => void }).gc

interface Holdings {
  descriptors: number
  mappings: number
  residentBytes: number
}

/** What this process holds, once everything that can be collected has been and its finalizers have run. */
async function holdings(): Promise<Holdings> {
  for (let i = 0; i < 6; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const maps = readFileSync('/proc/self/maps', 'utf8')
  const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1])
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mappings: maps.split('\n').filter((line) => line.includes('(deleted)')).length,
    residentBytes: pages * pageSize,
  }
}

/** Stores 32 MiB, looks at all of it, scribbles on some, keeps a view for as long as it runs. */
function use(store: PageStore): void {
  const count = (32 * MiB) / pageSize
  const row = Buffer.alloc(256 * pageSize)
  for (let n = 0; n < count; n += 256) {
    for (let i = 0; i < 256; i++) row.writeUInt32LE(n + i + 1, i * pageSize)
    store.storePages(row)
  }
  let sum = 0
  for (let n = 0; n < count; n++) sum += store.getPage(n)[8]!
  for (let n = 0; n < count; n += 8) store.getPage(n).fill(sum + 1)
}

async function expectFreed(round: () => unknown): Promise<void> {
  await round()
  const before = await holdings()
  for (let i = 0; i < 8; i++) await round()
  const after = await holdings()
  expect(after.descriptors).toBe(before.descriptors)
  expect(after.mappings).toBe(before.mappings)
  // Eight rounds that kept what they used would be 256 MiB and more. AddressSanitizer keeps what was freed.
  const sanitized = process.env['LD_PRELOAD']?.includes('asan')
  if (!sanitized) expect(after.residentBytes - before.residentBytes).toBeLessThan(64 * MiB)
}

test('a closed store gives back its memory, its windows and its descriptor', async () => {
  const before = await holdings()
  await expectFreed(() => {
    using store = new PageStore()
    use(store)
  })
  const after = await holdings()
  expect(after.descriptors).toBe(before.descriptors)
  expect(after.mappings).toBe(before.mappings)
})

test('a store that nobody closed is closed when it is collected', () =>
  expectFreed(() => {
    use(new PageStore())
  }).then(async () => expect((await holdings()).mappings).toBe(0)))

test('a view keeps its window, and only that, after close', async () => {
  const before = await holdings()
  const kept = (() => {
    using store = new PageStore()
    use(store)
    return store.getPage(store.storePage(page(1)))
  })()
  const during = await holdings()
  expect(during.descriptors).toBe(before.descriptors)
  expect(during.mappings).toBeGreaterThan(before.mappings)
  expect(kept.equals(page(1))).toBe(true)
})

test('a worker that ends, or is terminated, leaves nothing behind', () =>
  expectFreed(async () => {
    using store = new PageStore()
    for (const end of ['by itself', 'terminated']) {
      const worker = new Worker(new URL('support/forgetful-worker.mjs', import.meta.url), {
        workerData: { token: store.share(), end },
      })
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      await new Promise((resolve, reject) => {
        worker.once('message', resolve).once('error', reject)
      })
      if (end === 'terminated') await worker.terminate()
      await ended
    }
  }))

test('pages stored and released leave no bookkeeping behind', () => {
  using store = new PageStore({ capacity: 4096 })
  const empty = store.stats()
  const row = Buffer.alloc(2048 * pageSize)
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 2048; i++) row.writeUInt32LE(round * 2048 + i, i * pageSize)
    store.unrefPages(store.storePages(row))
  }
  expect(store.stats()).toEqual(empty)
})
