// Run by moved-window.test.ts: moves the memory behind a page to the main thread, in the one way that there is.
import { parentPort } from 'node:worker_threads'

import { PageStore } from 'pagestore'

import { page } from './page.mjs'

/**
 * @param {ArrayBuffer} window
 * @returns {Promise<ArrayBuffer>}
 */
async function move(window) {
  if ('transfer' in window) return /** @type {{ transfer: () => ArrayBuffer }} */ (window).transfer()
  // Before Node 22 only a byte stream transfers what it is given.
  const stream = new ReadableStream({
    type: 'bytes',
    pull: (controller) => /** @type {ReadableStreamBYOBRequest} */ (controller.byobRequest).respond(1),
  })
  const { value } = await stream.getReader({ mode: 'byob' }).read(new Uint8Array(window))
  return /** @type {ArrayBuffer} */ (value?.buffer)
}

const store = new PageStore()
const moved = await move(/** @type {ArrayBuffer} */ (store.getPage(store.storePage(page(1))).buffer))
parentPort?.postMessage(moved, [moved])
