// Run by interrupted.test.ts: makes stores and uses what they are made of, until it is ended.
import { parentPort } from 'node:worker_threads'

import { LocalMemory, PageStore } from 'pagestore'

import { page } from './page.mjs'

parentPort?.postMessage('constructing')
for (;;) {
  const store = new PageStore()
  store.getPage(store.storePage(page(1)))
  new LocalMemory(store, page(2)).capture().map(0n, 1)
  try {
    store.refPage(99)
  } catch {}
}
