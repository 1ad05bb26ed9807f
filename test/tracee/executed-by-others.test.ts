// Whoever is not traced can execute what a program wrote as soon as no snapshot needs it open for writing.
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore } from 'pagestore'
import { expect, test } from 'vitest'

import { startFileSteps } from '../support/file-steps.js'
import { next } from '../support/open-files.js'

const writes = 'w:0:#!/bin/true'

/** How another process fares that executes what the program has made. */
function execute(folder: string): unknown {
  const path = join(folder, 'new')
  chmodSync(path, 0o700)
  const { error, status } = spawnSync(path) as { error?: { code?: string }; status: number | null }
  return error?.code ?? status
}

test('it is busy while a snapshot lives that was taken when it was open, and no longer', () => {
  using store = new PageStore()
  const { tracee, folder } = startFileSteps(store, [`o:0:wct:new ${writes}`, 'c:0', ''])
  next(tracee)
  const whileOpen = tracee.capture()
  next(tracee)
  using closed = tracee.capture()
  expect(execute(folder)).toBe('ETXTBSY')
  whileOpen.release()
  expect(execute(folder)).toBe(0)
  tracee.restore(closed)
  expect(execute(folder)).toBe(0)
})

test('what is opened and closed between two snapshots is never busy', () => {
  using store = new PageStore()
  const { tracee, folder } = startFileSteps(store, ['', `o:0:wct:new ${writes} c:0`, ''])
  next(tracee)
  using before = tracee.capture()
  next(tracee)
  expect(execute(folder)).toBe(0)
  using after = tracee.capture()
  expect(execute(folder)).toBe(0)
  tracee.restore(before)
  tracee.restore(after)
  expect(execute(folder)).toBe(0)
})
