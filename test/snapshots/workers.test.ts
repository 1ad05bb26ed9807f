import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

const script = new URL('../support/capturing-worker.mjs', import.meta.url)

test('worker.terminate() in the middle of a capture or restore leaves nothing behind, and the store whole', async () => {
  using store = new PageStore()
  const bytes = new Uint8Array(100 * pageSize).fill(1)
  using memory = new LocalMemory(store, bytes)
  using snapshot = memory.capture()
  const { pages, references, tables } = store.stats()
  for (const delay of [0, 1, 2, 5, 10, 20, 40]) {
    const worker = new Worker(script, { workerData: store.share() })
    await once(worker, 'message')
    await new Promise((resolve) => setTimeout(resolve, delay))
    await worker.terminate()
    // What a map shows is held until its buffer is gone, which the end of its thread sees to.
    expect(store.stats()).toMatchObject({ pages, references, tables })
  }
  bytes.fill(2)
  memory.restore(snapshot)
  expect(bytes.every((byte) => byte === 1)).toBe(true)
})

test('snapshots of several threads in one store share what is equal', async () => {
  using store = new PageStore()
  const worker = new Worker(
    `import { parentPort, workerData } from 'node:worker_threads'
     import { LocalMemory, PageStore, pageSize } from 'pagestore'
     const memory = new LocalMemory(PageStore.open(workerData), new Uint8Array(64 * pageSize).fill(3))
     parentPort.postMessage(memory.capture().root)
     setInterval(() => memory, 1000)`,
    { eval: true, workerData: store.share(), execArgv: ['--input-type=module'] },
  )
  const [root] = await once(worker, 'message')
  const before = store.stats()
  using memory = new LocalMemory(store, new Uint8Array(64 * pageSize).fill(3))
  using snapshot = memory.capture()
  expect(snapshot.root).toBe(root)
  expect(store.stats().pages).toBe(before.pages)
  expect(store.stats().tables).toBe(before.tables)
  await worker.terminate()
  expect(snapshot.read(0n, 4)).toEqual(Buffer.alloc(4, 3))
})
