import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { expect, test } from 'vitest'

import { page } from './support/pages.js'

// vitest's configuration passes --expose-gc.
const collect = (globalThis as unknown as { gc: () => void }).gc

test('memory of a window that was moved to another thread can be read there, and after its own thread has ended', async () => {
  const worker = new Worker(new URL('support/moved-window-worker.mjs', import.meta.url))
  const ended = once(worker, 'exit')
  const [moved] = (await once(worker, 'message')) as [ArrayBuffer]
  await ended
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const bytes = new Uint8Array(moved)
  expect(bytes.length).toBeGreaterThan(page(1).length)
  // What it shows then is not promised, only that it is there.
  expect(bytes.every((byte) => byte === 0) || Buffer.from(bytes.subarray(0, page(1).length)).equals(page(1))).toBe(true)
  bytes.fill(7)
  expect(bytes.every((byte) => byte === 7)).toBe(true)
})
