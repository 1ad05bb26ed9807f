// Run by workers.test.ts: opens the store that `workerData` names, then does what it is told.
import { parentPort, workerData } from 'node:worker_threads'

import { PageStore } from 'pagestore'

import { page } from './page.mjs'

const store = PageStore.open(workerData)
/** @type {Buffer} */
let view

/** @param {any} message */
function obey(message) {
  if (message === 'close') {
    store.close()
    return 'closed'
  }
  if (message === 'reread') return new Uint8Array(view)
  if (message === 'churn') {
    const churned = Buffer.concat(Array.from({ length: 300 }, (_, i) => page(1000 + i)))
    for (;;) store.unrefPages(store.storePages(churned))
  }
  if (message === 'everything') {
    const two = Buffer.concat([page(1), page(2)])
    for (;;) {
      const numbers = store.storePages(two)
      store.stats()
      store.getPage(numbers[0] ?? 0)
      store.unrefPages(numbers)
      PageStore.open(store.share()).close()
      try {
        store.getPage(99999)
      } catch {}
    }
  }
  if ('store' in message) return [...store.storePages(Buffer.concat(message.store.map(page)))]
  if ('storeMany' in message) {
    const many = Buffer.concat(Array.from({ length: message.storeMany }, (_, i) => page(i)))
    for (let round = 0; round < message.rounds; round++) store.storePages(many)
    return 'stored'
  }
  view = store.getPage(message.read ?? message.scribble)
  if ('scribble' in message) {
    view.fill(0x77)
    return 'scribbled'
  }
  return new Uint8Array(view)
}

parentPort?.on('message', (message) => parentPort?.postMessage(obey(message)))
parentPort?.postMessage('open')
