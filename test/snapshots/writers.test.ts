/** A LocalMemory misses nothing of what other threads write: Node's thread pool for `fs.read`, and workers. */
import { closeSync, openSync, read, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'

import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { trackers } from '../support/local-sources.js'
import { ownFolder } from '../support/programs.js'

const pages = 2048
const file = join(ownFolder(), 'bytes')
writeFileSync(
  file,
  Uint8Array.from({ length: pages * pageSize }, (_, i) => (i >> 12) + (i % 251)),
)

/** Whether the last snapshot is what a memory says that knows nothing of what came before. */
function expectAllSeen(store: PageStore, memory: LocalMemory, bytes: Uint8Array): void {
  using seen = memory.capture()
  using whole = new LocalMemory(store, bytes, { tracker: 'none' })
  using expected = whole.capture()
  expect(seen.root).toBe(expected.root)
}

// `soft-dirty` misses what is written during a capture, and says so.
describe.each(trackers.filter((each) => each !== 'soft-dirty'))('tracker %s', (tracker) => {
  test('what `fs.read` puts into the buffer while it is captured', async () => {
    using store = new PageStore()
    const bytes = new Uint8Array(pages * pageSize)
    using memory = new LocalMemory(store, bytes, { tracker })
    memory.capture().release()
    const fd = openSync(file, 'r')
    for (let round = 0; round < 3; round++) {
      bytes.fill(round)
      let isDone = false
      const reading = promisify(read)(fd, bytes, 0, bytes.length, 0).then(() => {
        isDone = true
      })
      while (!isDone) {
        memory.capture().release()
        await new Promise(setImmediate)
      }
      await reading
      expectAllSeen(store, memory, bytes)
    }
    closeSync(fd)
  })

  test('what a worker writes while shared memory is captured', async () => {
    using store = new PageStore()
    const buffer = new SharedArrayBuffer(pages * pageSize)
    const bytes = new Uint8Array(buffer)
    using memory = new LocalMemory(store, buffer, { tracker })
    memory.capture().release()
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads')
       const bytes = new Uint8Array(workerData)
       for (let i = 0; i < 20000; i++) bytes[(i * 31 % ${pages}) * ${pageSize} + i % ${pageSize}] += i`,
      { eval: true, workerData: buffer },
    )
    let isDone = false
    const ended = new Promise((resolve) => worker.once('exit', resolve)).then(() => {
      isDone = true
    })
    while (!isDone) {
      memory.capture().release()
      await new Promise(setImmediate)
    }
    await ended
    expectAllSeen(store, memory, bytes)
  })
})
