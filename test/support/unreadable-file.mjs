// As a user who may not read everything: a program adds twice to a file that may be written alone, and is rolled back.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'

const folder = mkdtempSync(join(tmpdir(), 'pagestore-unreadable-'))
const path = join(folder, 'log')
writeFileSync(path, 'so far\n', { mode: 0o200 })
const steps = ['.', 'o:0:wa:log', 'w:0:more', 'c:0', '.', 'o:0:wa:log', 'w:0:MORE', 'c:0', '.']
const store = new PageStore()
const tracee = Tracee.spawn(store, process.argv[2] ?? '', steps, { cwd: folder, stdio: [], onWarning: () => {} })
const next = () => {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) return
  }
}
const seen = []
const note = () => seen.push(statSync(path).size)
next()
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
process.stdout.write(seen.join(' '))
