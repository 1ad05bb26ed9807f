// Run by freed.test.ts: opens stores, takes views, closes nothing.
import { parentPort, workerData } from 'node:worker_threads'

import { PageStore, pageSize } from 'pagestore'

const shared = PageStore.open(workerData.token)
const own = new PageStore()
const views = [shared, own].map((store) => store.getPage(store.storePage(Buffer.alloc(pageSize, 7))))
for (const view of views) view.fill(8)
parentPort?.postMessage('done')
if (workerData.end !== 'by itself') setInterval(() => views, 1000)
