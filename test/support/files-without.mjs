// Rolls back what a program does between two calls of getppid, and says whether its descriptors are what they were; or,
// where that is refused, why, and whether all is as the program left it.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

import { PageStore, Tracee } from 'pagestore'

const [program = '', act = '', cwd = '.', limit] = process.argv.slice(2)
const store = new PageStore()
const tracee = Tracee.spawn(store, program, [act, 'own'], { cwd, stdio: [] })

function next() {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) return
  }
}

function openFiles() {
  return readdirSync(`/proc/${tracee.pid}/fd`)
    .map((fd) => {
      const [pos, flags] = readFileSync(`/proc/${tracee.pid}/fdinfo/${fd}`, 'latin1').split('\n')
      return `${fd} ${readlinkSync(`/proc/${tracee.pid}/fd/${fd}`)} ${pos} ${flags}`
    })
    .sort()
    .join('\n')
}

next()
const before = openFiles()
// Of this process alone: the program has the number that it had.
if (limit !== undefined) execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${limit}:${limit}`])
const snapshot = tracee.capture()
next()
const after = openFiles()
try {
  tracee.restore(snapshot)
  console.log(openFiles() === before ? 'restored' : 'not what it was')
} catch (thrown) {
  /** @type {any} */
  const error = thrown
  console.log(error.code, error.message)
  console.log('unchanged:', openFiles() === after)
}
store.close()
