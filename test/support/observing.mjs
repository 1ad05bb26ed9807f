// Observes a process in one of several ways, to be killed in the middle of it. What is of interest lies between two
// calls of kill(itself, 0).
import { writeSync } from 'node:fs'

import { PageStore, ProcessMemory, Tracee } from 'pagestore'

const [way, pid] = process.argv.slice(2)
const store = new PageStore()

/** @type {Record<string, () => void>} */
const ways = {
  trace() {
    const tracee = Tracee.attach(store, Number(pid))
    tracee.capture().release()
    tracee.resume({ timeout: 3 })
    tracee.capture().release()
    tracee.detach()
  },
  break() {
    const tracee = Tracee.attach(store, Number(pid))
    for (let i = 0; i < 2; i++) tracee.resume({ until: { symbol: 'beat' }, timeout: 40 })
    tracee.detach()
  },
  stop() {
    const memory = new ProcessMemory(store, Number(pid))
    memory.capture().release()
    memory.capture().release()
  },
  // As a debugger is used: what was captured, run and let go is looked at again and again.
  loop() {
    writeSync(1, 'x')
    for (;;) {
      const tracee = Tracee.attach(store, Number(pid))
      tracee.capture().release()
      tracee.resume({ timeout: 1 })
      tracee.capture().release()
      tracee.detach()
    }
  },
  breaks() {
    const tracee = Tracee.attach(store, Number(pid))
    writeSync(1, 'x')
    for (;;) tracee.resume({ until: { symbol: 'beat' }, timeout: 40 })
  },
}

process.kill(process.pid, 0)
ways[String(way)]?.()
process.kill(process.pid, 0)
