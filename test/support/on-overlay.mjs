// Runs test/programs/file-steps.c in a folder on an overlay file system, in a namespace of mounts of its own, with a
// snapshot after each step, and restores each of them from each other. Prints, as JSON, what was in the file after each
// step, and what a restore has left wrong. Without such a file system it ends with 77, and says why.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'

const [program = '', folder = '', ...steps] = process.argv.slice(2)

/** A folder whose file `log` lies in the lower layer. */
function mountOverlay() {
  const lower = join(folder, 'lower')
  const upper = join(folder, 'layers/upper')
  const work = join(folder, 'layers/work')
  const merged = join(folder, 'merged')
  mkdirSync(join(folder, 'layers'))
  // What is written cannot lie on an overlay itself.
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(folder, 'layers')])
  for (const path of [lower, upper, work, merged]) mkdirSync(path)
  writeFileSync(join(lower, 'log'), 'so far\n')
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  const mounted = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged], { encoding: 'utf8' })
  if (mounted.status === 0) return merged
  console.log(mounted.stderr.trim())
  process.exit(77)
}

const cwd = mountOverlay()
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
