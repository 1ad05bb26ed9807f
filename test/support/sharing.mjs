// Steps a program twice, by getppid, and says whether it can be captured then: the error, or `captured`.
import { PageStore, Tracee } from 'pagestore'

const [, , program = '', name = ''] = process.argv
const store = new PageStore()
const tracee = Tracee.spawn(store, program, [name], { onWarning: () => undefined })
for (let entries = 0; entries < 2; ) {
  const stop = tracee.resume({ until: { syscall: ['getppid'] } })
  if (stop.kind === 'syscall' && stop.entering) entries++
}
try {
  tracee.capture()
  console.log('captured')
} catch (thrown) {
  /** @type {any} */
  const error = thrown
  console.log(error.code, error.message)
}
store.close()
