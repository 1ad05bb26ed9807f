// Spawns programs, and throws at the warning that comes with one where the system refuses fixed addresses. Prints what
// came of it: the errors, and the children that are left.
import { readFileSync } from 'node:fs'
import { PageStore, Tracee } from 'pagestore'

const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim()
const store = new PageStore()
const onWarning = () => {
  throw new Error('not now')
}
try {
  Tracee.spawn(store, '/bin/true', [], { onWarning })
  console.log('spawned')
} catch (thrown) {
  /** @type {any} */
  const error = thrown
  console.log(error.message)
}
console.log(`left: ${children()}`)
// And the store and the next tracee are as always.
const tracee = Tracee.spawn(store, '/bin/true', [], { onWarning })
tracee.capture()
console.log(tracee.resume().kind)
tracee.close()
console.log(`left: ${children()}`)
