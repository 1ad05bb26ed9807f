/**
 * A real program explored by rolling it back, in a Worker: calls to a tracee are synchronous, and the main thread stays
 * free for progress and Ctrl-C.
 *
 * `node dist/examples/river.js` compiles examples/river.c (it takes `cc`), takes every alternative, breadth first, and
 * prints the shortest path to the other bank.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

import { PageStore, type Snapshot, Tracee } from 'pagestore'

type Message = { explored: number } | { found: number[] } | { states: number }

const passengers = ['wolf', 'goat', 'cabbage', 'nobody']

function explore(program: string, report: (message: Message) => void): void {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, program)
  const first = tracee.resume()
  if (first.kind !== 'choice') throw new Error(`stopped for ${first.kind}`)
  const start = tracee.capture()
  const queue: { snapshot: Snapshot; alternatives: number; path: number[] }[] = [
    { snapshot: start, alternatives: first.alternatives, path: [] },
  ]
  // Snapshots with equal keys are one state. None is released before the end: until then its key names nothing else.
  const seen = new Set([start.key])
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (let choose = 0; choose < next.alternatives; choose++) {
      tracee.restore(next.snapshot)
      const path = [...next.path, choose]
      const stop = tracee.resume({ choose })
      if (stop.kind === 'assertion') report({ found: path })
      if (stop.kind !== 'choice' || stop.alternatives === 0) continue
      const snapshot = tracee.capture()
      if (seen.has(snapshot.key)) {
        snapshot.release()
        continue
      }
      seen.add(snapshot.key)
      queue.push({ snapshot, alternatives: stop.alternatives, path })
    }
    report({ explored: seen.size })
  }
  report({ states: seen.size })
  store.close() // and all that was made with it; the program is killed
}

if (isMainThread) {
  const folder = mkdtempSync(join(tmpdir(), 'river-'))
  const package_ = fileURLToPath(new URL('../..', import.meta.url))
  const program = join(folder, 'river')
  execFileSync('cc', ['-O2', '-I', join(package_, 'include'), '-o', program, join(package_, 'examples/river.c')])
  let isAcross = false
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: program })
  worker.on('message', (message: Message) => {
    if ('explored' in message) process.stderr.write(`\r${message.explored} states`)
    if ('states' in message) console.log(`\n${message.states} states; that was all`)
    if ('found' in message && !isAcross) {
      isAcross = true
      console.log(
        `\nacross after ${message.found.length}: ${message.found.map((choice) => passengers[choice]).join(', ')}`,
      )
    }
  })
  worker.on('exit', () => rmSync(folder, { recursive: true }))
} else {
  explore(workerData as string, (message) => parentPort?.postMessage(message))
}
