// Says whether a program can be captured: the error, or `captured`. `spawn`: after it has made getppid twice; `attach`:
// when it has said something.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { PageStore, Tracee } from 'pagestore'

const [, , start = '', program = '', ...args] = process.argv
const store = new PageStore()
const onWarning = () => undefined

async function attach() {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(/** @type {import('node:stream').Readable} */ (child.stdout), 'data')
  return Tracee.attach(store, Number(child.pid), { onWarning })
}

function run() {
  const tracee = Tracee.spawn(store, program, args, { stdio: [], onWarning })
  for (let entries = 0; entries < 2; ) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) entries++
  }
  return tracee
}

const tracee = start === 'attach' ? await attach() : run()
try {
  const snapshot = tracee.capture()
  tracee.restore(snapshot)
  tracee.capture()
  console.log('captured')
} catch (thrown) {
  /** @type {any} */
  const error = thrown
  console.log(error.code, error.message)
}
tracee.kill()
store.close()
