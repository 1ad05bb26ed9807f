// Run by tracee/lifetime.test.ts: lets a program run, until it is ended or asked to stop.
import { parentPort, workerData } from 'node:worker_threads'

import { PageStore, Tracee } from 'pagestore'

const { program, args, until, attachTo } = workerData
const store = new PageStore()
if (attachTo === undefined) {
  const tracee = Tracee.spawn(store, program, args, { stdio: [] })
  parentPort?.postMessage(tracee.pid)
  for (let stop = tracee.resume(); until === undefined || stop.kind !== until; ) stop = tracee.resume()
  parentPort?.postMessage('done')
} else {
  try {
    Tracee.attach(store, attachTo)
    parentPort?.postMessage('attached')
  } catch (error) {
    parentPort?.postMessage(/** @type {import('pagestore').PageStoreError} */ (error).code)
  }
}
