// Duplicates in this process: there are not too many, a program does not notice them, and where there are none it is said.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { expectPutBack, expectRefused, next, openFiles } from '../support/open-files.js'
import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const folder = ownFolder()
const many = build('many-files.c')
const locks = build('locks.c')
const script = fileURLToPath(new URL('../support/files-without.mjs', import.meta.url))

describe.each(['own', 'same'])('a program that has many files open: %s', (which) => {
  test('has all of them again, in the time that reading the list takes', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, many, ['3000', which], { cwd: folder, stdio: [] })
    next(tracee)
    const before = openFiles(tracee.pid)
    using snapshot = tracee.capture()
    next(tracee)
    expect(openFiles(tracee.pid).length).toBe(before.length - 3000)
    tracee.restore(snapshot)
    expect(openFiles(tracee.pid)).toEqual(before)
  })
})

/** What a script prints that spawns a program with so many files, and then may have no more descriptors than that. */
function runLimited(limit: number, count: number): string {
  const args = [script, many, String(count), folder, String(limit)]
  const { stdout, stderr } = spawnSync(process.execPath, args)
  expect(stderr.toString()).toBe('')
  return stdout.toString()
}

test('a process with few descriptors has duplicates of some, and refuses before anything is changed', () => {
  expect(runLimited(400, 1000)).toMatch(
    /^ERR_FILES .*was closed since the snapshot, and this process could not keep a duplicate of it\n.*unchanged: true\n$/,
  )
})

test('enough of them are left to this process', () => {
  expect(runLimited(400, 100)).toBe('restored\n')
})

describe('a lock that a program takes and gives up by closing the file', () => {
  test.each(['flock', 'open-file'])('%s: is not kept by a duplicate', (act) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, locks, [act], { cwd: folder, stdio: [] })
    next(tracee)
    expectRefused(tracee, /locks/)
  })

  test('a lock of the process that is lost is refused', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, locks, ['process-before'], { cwd: folder, stdio: [] })
    next(tracee)
    expectRefused(tracee, /other locks/)
  })

  test('a lock of the process that would be lost by the rollback itself is refused', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, locks, ['process-open'], { cwd: folder, stdio: [] })
    next(tracee)
    expectRefused(tracee, /has a lock that is lost when/)
  })
})

test('a program that was written is executed although a snapshot needs it, and is put back all the same', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, locks, ['program'], { cwd: folder, stdio: [] })
  next(tracee)
  expectPutBack(tracee)
})

test.each([['pidfd_getfd'], ['kcmp'], ['pidfd_getfd', 'kcmp']])(
  'where %s %s is refused, the program passes them',
  (...calls) => {
    const deny = build('deny.c')
    const files = build('files.c')
    const run = (act: string) => {
      const numbers = calls.map((name) => String(systemCallNumber(name)))
      const args = [...numbers, '--', process.execPath, script, files, act, folder]
      const { stdout, stderr } = spawnSync(deny, args)
      expect(stderr.toString()).toBe('')
      return stdout.toString()
    }
    for (const act of ['read', 'seek', 'open', 'flags', 'on-exec', 'grow', 'close']) expect(run(act)).toBe('restored\n')
    expect(readdirSync(folder)).not.toEqual([])
  },
)
