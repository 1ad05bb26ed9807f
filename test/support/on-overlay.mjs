// Runs test/programs/file-steps.c in a folder on an overlay file system, in a namespace of mounts of its own, with a
// snapshot after each step, and restores each of them from each other. Prints, as JSON, what was in the file after each
// step, and what a restore has left wrong.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'

import { mountOverlay } from './overlay.mjs'

const [program = '', folder = '', ...steps] = process.argv.slice(2)

const cwd = mountOverlay(folder)
const store = new PageStore()
const tracee = Tracee.spawn(store, program, steps, { cwd, stdio: [], onWarning: () => undefined })
const contents = () => readFileSync(join(cwd, 'log'), 'latin1')

/** To the entry of the call by which the program says that a step is over. */
function step() {
  let stop
  do stop = tracee.resume({ until: { syscall: ['getppid'] } })
  while (stop.kind !== 'syscall' || !stop.entering)
}

const snapshots = []
const was = []
for (const _ of steps.filter((act) => act === '.')) {
  step()
  snapshots.push(tracee.capture())
  was.push(contents())
}
const wrong = []
for (const from of snapshots) {
  for (const [i, to] of snapshots.entries()) {
    tracee.restore(from)
    tracee.restore(to)
    if (contents() !== was[i]) wrong.push([i, contents()])
  }
}
store.close()
console.log(JSON.stringify({ was, wrong }))
