// A restore that the kernel refuses half-way leaves nothing of its own in the program.
import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { startFileSteps } from '../support/file-steps.js'
import { openFiles } from '../support/open-files.js'
import { build } from '../support/tracees.js'

const deny = build('deny.c')

/** To the entry of the next call by which the program says that a step is over. */
function next(tracee: Tracee): void {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) return
    expect(stop.kind).toMatch(/syscall|exec/)
  }
}

test.each([
  ['two that were exchanged', 'o:0:r:log o:1:r:other', 'd:0:3 D:4:0 D:5:1 c:3'],
  ['two that were exchanged, and one that was closed', 'o:0:r:log o:1:r:other o:2:r:log', 'd:0:3 D:4:0 D:6:1 c:3 c:2'],
])('%s: descriptors are what they were when dup3 is refused', (_name, before, after) => {
  using store = new PageStore()
  const { tracee: other, program, folder } = startFileSteps(store, [])
  other.kill()
  const args = [before, after].flatMap((step) => [...step.split(' '), '.'])
  const denied = [String(systemCallNumber('dup3')), '--', program, ...args]
  const tracee = Tracee.spawn(store, deny, denied, { cwd: folder, stdio: [] })
  next(tracee)
  using snapshot = tracee.capture()
  next(tracee)
  const open = openFiles(tracee.pid)
  expect(() => tracee.restore(snapshot)).toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
  expect(openFiles(tracee.pid)).toEqual(open)
})
