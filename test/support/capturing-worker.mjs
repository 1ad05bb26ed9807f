// Run by snapshots/workers.test.ts: captures and restores memory of its own in a shared store, until it is ended.
import { parentPort, workerData } from 'node:worker_threads'

import { LocalMemory, PageStore, pageSize } from 'pagestore'

const store = PageStore.open(workerData)
const bytes = new Uint8Array(2048 * pageSize)
const memory = new LocalMemory(store, bytes)
const start = memory.capture()
parentPort?.postMessage('capturing')
for (let round = 1; ; round++) {
  for (let page = round % 7; page < 2048; page += 7) bytes[page * pageSize + (round % 100)] = round
  const snapshot = memory.capture()
  snapshot.map(0n, bytes.length)
  snapshot.fingerprint()
  memory.restore(start)
  if (round % 3 === 0) snapshot.release()
}
