// Processes that a program has started do not roll back. A restore to where a wait would tell the program something else
// of them is refused; what else they do is a warning.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { childOf, end, letGo, program, running, steps } from '../support/children.js'
import { errorOf } from '../support/pages.js'
import { isThere } from '../support/tracees.js'

describe.each([
  ['a filter', false],
  ['stops at every call', true],
])('with %s', (_, detachable) => {
  test.each([
    ['was waited for', 's', 'kw', 'has ended, and was waited for, since the snapshot'],
    ['had ended, and was waited for', 'e', 'v', 'has ended, and was waited for, since the snapshot'],
    ['ended, and nobody had to wait', 'is', 'kg', 'has ended, and was waited for, since the snapshot'],
    ['has ended', 's', 'kz', 'has ended since the snapshot'],
    ['was stopped', 's', 'p', 'was stopped since the snapshot'],
    ['was stopped, and was waited for', 'sp', 'w', 'was waited for since the snapshot'],
    ['was continued', 'spw', 'c', 'was continued since the snapshot'],
    ['was continued, and was waited for', 'spwc', 'w', 'was waited for since the snapshot'],
    ['was stopped and continued', 's', 'b', 'was continued since the snapshot'],
  ])('a child that %s since the snapshot: the restore is refused', (_name, before, since, happened) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [`${before}${since}o`], { detachable })
    steps(tracee, before.length)
    using snapshot = tracee.capture()
    steps(tracee, since.length)
    const error = errorOf(() => tracee.restore(snapshot))
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${childOf(tracee)}, a child process of the program, ${happened}`)
    // Nothing was changed, and from here on it goes both ways.
    using now = tracee.capture()
    tracee.restore(now)
    expect(end(tracee)).toBe(0)
  })

  test('a child that was started since the snapshot, and runs: the restore is refused', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['oskwn'], { detachable })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    steps(tracee, 1)
    const error = errorOf(() => tracee.restore(snapshot))
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${childOf(tracee)}, a child process of the program, was started since`)
    expect(isThere(childOf(tracee))).toBe(true)
    expect(end(tracee)).toBe(0)
  })

  test('a process beside the program (CLONE_PARENT), that was started since and runs: the restore is refused', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['nyn'], { detachable, onWarning: () => undefined })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    steps(tracee, 1)
    for (let i = 0; i < 2; i++) {
      const error = errorOf(() => tracee.restore(snapshot))
      expect(error).toMatchObject({ code: 'ERR_TRACEE' })
      expect(error.message).toContain(`process ${childOf(tracee)}, a process that came of what the program has started`)
    }
    using now = tracee.capture()
    tracee.restore(now)
    expect(end(tracee)).toBe(0)
  })

  test('one that was started since, and has ended: nothing is left of it but a warning', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['oevn'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    for (let i = 0; i < 3; i++) {
      steps(tracee, 1)
      tracee.restore(snapshot)
    }
    expect(warnings).toEqual([expect.stringMatching(/^Processes that the program has started since/)])
    expect(end(tracee)).toBe(0)
  })

  test('one that was started and waited for since: it is started again, and a warning says so', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['oskwo'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    tracee.restore(snapshot)
    expect(warnings).toEqual([])
    for (let i = 0; i < 3; i++) {
      steps(tracee, 3)
      tracee.restore(snapshot)
    }
    expect(warnings).toEqual([expect.stringMatching(/^Processes that the program has started since/)])
    expect(end(tracee)).toBe(0)
  })

  test('one that runs at the snapshot and still runs: a warning names it', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['sokw'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    for (let i = 0; i < 3; i++) tracee.restore(snapshot)
    expect(warnings).toEqual([
      expect.stringContaining(`Process ${childOf(tracee)}, a child process of the program, runs on`),
    ])
    expect(end(tracee)).toBe(0)
  })

  test('one that had ended at the snapshot and was not waited for since: it rolls back, without a warning', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const onWarning = (text: string) => warnings.push(text)
    using tracee = Tracee.spawn(store, program, ['eiiv'], { detachable, onWarning })
    steps(tracee, 1)
    using snapshot = tracee.capture()
    steps(tracee, 2)
    tracee.restore(snapshot)
    expect(end(tracee)).toBe(0)
    expect(warnings).toEqual([])
  })
})

test('a process whose parent, a child of the program, has ended: it is refused before, and named after', () => {
  using store = new PageStore()
  const warnings: string[] = []
  using tracee = Tracee.spawn(store, program, ['ndn'], { stdio: [], onWarning: (text) => warnings.push(text) })
  steps(tracee, 1)
  using before = tracee.capture()
  steps(tracee, 1)
  const last = childOf(tracee)
  running.push(last)
  for (let i = 0; i < 2; i++) {
    const error = errorOf(() => tracee.restore(before))
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${last}, a process that came of what the program has started since`)
  }
  expect(warnings).toEqual([])
  using after = tracee.capture()
  for (let i = 0; i < 2; i++) tracee.restore(after)
  expect(warnings).toEqual([
    expect.stringContaining(`Process ${last}, which came of what the program started, runs on`),
  ])
  process.kill(last, 'SIGKILL')
  while (isThere(last));
  tracee.restore(before)
  expect(warnings).toHaveLength(2)
  steps(tracee, 1)
  expect(childOf(tracee)).not.toBe(last)
  running.push(childOf(tracee))
  expect(end(tracee)).toBe(0)
})

test('of a process that is attached to, the children that it had are known', async () => {
  const other = spawn(program, ['srkwo'], { stdio: 'ignore' })
  await once(other, 'spawn')
  running.push(other.pid!)
  await new Promise((resolve) => setTimeout(resolve, 50))
  using store = new PageStore()
  using tracee = Tracee.attach(store, other.pid!)
  const child = childOf(tracee)
  running.push(child)
  using snapshot = tracee.capture()
  letGo(tracee)
  steps(tracee, 3)
  const error = errorOf(() => tracee.restore(snapshot))
  expect(error.message).toContain(`process ${child}, a child process of the program, has ended, and was waited for`)
})
