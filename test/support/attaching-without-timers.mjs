// Run by tracee/refused-start.test.ts, which has the system refuse timers to us: says what became of that.
import { PageStore, Tracee } from 'pagestore'

import { limit } from './limit.mjs'

const [program = '', pid = ''] = process.argv.slice(2)
limit('sigpending', 0)
const store = new PageStore()

/** @param {() => unknown} action */
function messageOf(action) {
  try {
    action()
    return 'nothing was thrown'
  } catch (error) {
    return `${/** @type {import('pagestore').PageStoreError} */ (error).code} ${error}`
  }
}

console.log(
  JSON.stringify([messageOf(() => Tracee.attach(store, Number(pid))), messageOf(() => Tracee.spawn(store, program))]),
)
// Whatever we would still trace stands still from here on.
process.stdin.resume()
