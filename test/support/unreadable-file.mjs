// As a user who may not do everything: a program adds twice to a file, whose mode is another by then, and is rolled back.
// What is printed is what was in the file, or how long it was if it may not be read.
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'

const [program = '', mode, ...steps] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'pagestore-unreadable-'))
const path = join(folder, 'log')
writeFileSync(path, 'so far ')
const store = new PageStore()
const tracee = Tracee.spawn(store, program, steps, { cwd: folder, stdio: [], onWarning: () => {} })
const next = () => {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) return
  }
}
const seen = []
const note = () => {
  const { size, mode } = statSync(path)
  seen.push((mode & 0o400) === 0 ? size : readFileSync(path, 'latin1'))
}
next()
chmodSync(path, Number(mode))
const first = tracee.capture()
next()
const second = tracee.capture()
note()
next()
note()
tracee.restore(second)
note()
tracee.restore(first)
note()
seen.push(first.key === second.key)
tracee.kill()
rmSync(folder, { recursive: true })
process.stdout.write(seen.join(', '))
