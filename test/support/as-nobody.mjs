// Run by tracee/attach.test.ts as a user without privileges: does with tracees what such a user may.
import { closeSync, openSync, readFileSync } from 'node:fs'

import { PageStore, Tracee } from 'pagestore'

const [program = '', theirs = '', output = ''] = process.argv.slice(2)

/** @param {() => unknown} action */
function codeOf(action) {
  try {
    action()
    return 'nothing was thrown'
  } catch (error) {
    return /** @type {import('pagestore').PageStoreError} */ (error).code
  }
}

const store = new PageStore()
const fd = openSync(output, 'w')
const tracee = Tracee.spawn(store, program, ['functions'], { stdio: ['ignore', fd, 'ignore'] })
closeSync(fd)
const start = tracee.capture()
const stops = []
for (let i = 0; i < 3; i++) {
  const { kind } = tracee.resume({ until: { symbol: 'add' } })
  const before = tracee.capture()
  const end = tracee.resume()
  tracee.restore(before)
  stops.push(kind, end.kind, tracee.resume().kind)
  tracee.restore(start)
}
const again = tracee.capture()
console.log(
  JSON.stringify({
    user: readFileSync('/proc/self/status', 'latin1').match(/^Uid:\t(\d+)/m)?.[1],
    attaching: codeOf(() => Tracee.attach(store, Number(theirs))),
    tracker: tracee.tracker,
    insisting: Tracee.spawn(store, program, ['functions'], { tracker: tracee.tracker }).tracker,
    stops,
    same: again.equals(start),
  }),
)
store.close()
