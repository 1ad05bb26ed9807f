// Run by snapshots/holders.test.ts: does in the store that `workerData` names what it is told.
import { parentPort, workerData } from 'node:worker_threads'

import { PageStore } from 'pagestore'

import { Holder } from './holder.mjs'

const store = PageStore.open(workerData)
const holder = new Holder(store)
parentPort?.on('message', (operation) => {
  if (operation !== 'end') return parentPort?.postMessage(holder.do(operation))
  store.close()
  parentPort?.close()
})
parentPort?.postMessage('open')
