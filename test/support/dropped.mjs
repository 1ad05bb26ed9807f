// A host that was started as root and gave that up, so that nobody may read its memory. It starts a program, rolls it
// back and lets it end.
import { PageStore, Tracee } from 'pagestore'

const [program = '', ...args] = process.argv.slice(2)
process.setgroups?.([])
process.setgid?.(65534)
process.setuid?.(65534)
const store = new PageStore()
const tracee = Tracee.spawn(store, program, args, { onWarning: () => {} })
const start = tracee.capture()
const { kind } = tracee.resume()
tracee.restore(start)
const again = tracee.capture()
console.log(kind, again.equals(start), tracee.resume().kind, tracee.resume().kind)
store.close()
