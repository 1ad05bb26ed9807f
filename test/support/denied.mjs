// Rolls a program back where some system calls are refused. Prints the tracker that served, or the error.
import { PageStore, Tracee } from 'pagestore'

/** @type {any} */
const given = process.argv[2]
const store = new PageStore()
try {
  const tracee = Tracee.spawn(store, '/bin/true', [], { tracker: given })
  const start = tracee.capture()
  for (let i = 0; i < 3; i++) {
    if (tracee.resume().kind !== 'exit') throw new Error('it went on elsewhere')
    tracee.restore(start)
  }
  if (!tracee.capture().equals(start)) throw new Error('it is not what it was')
  console.log(tracee.tracker)
} catch (thrown) {
  /** @type {any} */
  const error = thrown
  console.log(error.code, error.message)
}
store.close()
