import { readdirSync, readlinkSync } from 'node:fs'

import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { expectPutBack, filesProgram, next, openFiles } from '../support/open-files.js'

const { folder, program, start } = filesProgram()

const acts = [
  ['read', 'moves an offset by reading'],
  ['seek', 'moves an offset by lseek'],
  ['deleted', 'reads a file that is deleted'],
  ['shared', 'reads a file that a child of its has, too'],
  ['close', 'closes a descriptor'],
  ['nothing', 'closes one of two descriptors of a file'],
  ['close-all', 'closes everything'],
  ['open', 'opens files'],
  ['swap', 'exchanges two descriptors'],
  ['split', 'gives the number of a duplicate to another file'],
  ['flags', 'changes flags of an open file'],
  ['on-exec', 'changes the flag of a descriptor'],
  ['full', 'has as many descriptors as it may'],
  ['far', 'closes a descriptor of a high number'],
  ['path', 'closes a descriptor that is only a path'],
  ['directory', 'reads a directory to its end'],
  ['proc', 'reads a file of the kernel'],
] as const

test.each(acts)('%s: a program that %s has open after a rollback what it had before', (act) => {
  using store = new PageStore()
  using tracee = start(store, act)
  expectPutBack(tracee, { changes: true })
})

test.each(acts)('%s: a rollback goes both ways, and states with other descriptors are other states', (act) => {
  using store = new PageStore()
  using tracee = start(store, act)
  const before = openFiles(tracee.pid)
  using early = tracee.capture()
  next(tracee)
  const after = openFiles(tracee.pid)
  using late = tracee.capture()
  expect(late.key).not.toBe(early.key)
  for (let i = 0; i < 2; i++) {
    tracee.restore(early)
    expect(openFiles(tracee.pid)).toEqual(before)
    tracee.restore(late)
    expect(openFiles(tracee.pid)).toEqual(after)
  }
})

test('with files: ignore descriptors stay as the program left them', () => {
  using store = new PageStore()
  using tracee = start(store, 'close', { files: 'ignore' })
  using snapshot = tracee.capture()
  next(tracee)
  const after = openFiles(tracee.pid)
  tracee.restore(snapshot)
  expect(openFiles(tracee.pid)).toEqual(after)
})

test('another word for files is refused', () => {
  using store = new PageStore()
  // @ts-expect-error: it must be one of two
  expect(() => Tracee.spawn(store, program, [], { files: 'maybe' })).toThrow(
    expect.objectContaining({ code: 'ERR_ARGUMENT_TYPE' }),
  )
})

test('this process has duplicates of what a snapshot needs, and only as long as it does', () => {
  const target = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  }
  const duplicates = () => readdirSync('/proc/self/fd').filter((fd) => target(fd).startsWith(`${folder}/files.`)).length
  using store = new PageStore()
  using tracee = start(store, 'close')
  expect(duplicates()).toBe(0)
  const snapshot = tracee.capture()
  expect(duplicates()).toBe(2)
  next(tracee)
  expect(duplicates()).toBe(2)
  snapshot.release()
  expect(duplicates()).toBe(0)
})
