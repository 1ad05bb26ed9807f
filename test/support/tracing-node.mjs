// Run by tracee/lifetime.test.ts, and as a Worker of itself: holds a tracee, says which processes there are, and ends
// in the way that it was told.
import { writeSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { PageStore, Tracee } from 'pagestore'

/**
 * @typedef {object} Plan
 * @property {string} [program] what to start
 * @property {number} [pid] what to attach to
 * @property {string[]} [args]
 * @property {boolean} [detachable]
 * @property {boolean} inWorker
 * @property {boolean} runs in `resume()` at the end, else it stands still
 * @property {'exit' | 'throw' | 'return' | 'wait' | 'tracee' | 'store'} end
 */

/** @type {Plan} */
const plan = isMainThread ? JSON.parse(process.argv[2] ?? '') : workerData

/** @param {unknown} value */
const say = (value) => writeSync(1, `${JSON.stringify(value)}\n`)

function holdTracee() {
  const store = new PageStore()
  const { program, pid, args = [], detachable = false } = plan
  const tracee =
    pid === undefined ? Tracee.spawn(store, program ?? '', args, { stdio: [], detachable }) : Tracee.attach(store, pid)
  tracee.capture()
  const processes = [tracee.pid]
  for (let stop = tracee.resume({ timeout: 50 }); stop.kind !== 'timeout' && stop.kind !== 'choice'; ) {
    if (stop.kind === 'fork') processes.push(stop.pid)
    stop = tracee.resume({ timeout: 50 })
  }
  tracee.capture()
  return { store, tracee, processes }
}

function end() {
  if (plan.end === 'exit') process.exit(3)
  if (plan.end === 'throw') throw new Error('nobody catches this')
}

if (isMainThread && plan.inWorker) {
  const worker = new Worker(new URL(import.meta.url), { workerData: plan })
  worker.once('message', (processes) => {
    say(processes)
    // By then it is in resume().
    if (plan.runs) setTimeout(end, 50)
  })
} else {
  const { store, tracee, processes } = holdTracee()
  if (isMainThread) say(processes)
  else parentPort?.postMessage(processes)
  if (plan.runs) tracee.resume()
  if (plan.end === 'tracee') tracee.close()
  if (plan.end === 'store') store.close()
  if (plan.end !== 'return') setInterval(() => tracee, 1000)
  setTimeout(end, 20)
}
