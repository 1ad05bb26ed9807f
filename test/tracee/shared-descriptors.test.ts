// Another process that shares the program's descriptors (CLONE_FILES without CLONE_THREAD) goes on opening and closing
// while the program is stopped: as long as it does, there is no snapshot and no rollback.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { childOf, end, letGo, program, running, steps } from '../support/children.js'
import { captureWithout } from '../support/denied.js'
import { errorOf } from '../support/pages.js'

const onWarning = () => undefined
const untilLater = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const hasOpened = (tracee: Tracee) => existsSync(`/proc/${tracee.pid}/fd/100`)

async function start(letters: string): Promise<number> {
  const other = spawn(program, [letters], { stdio: 'ignore' })
  await once(other, 'spawn')
  running.push(other.pid!)
  await untilLater(100)
  return other.pid!
}

/** From the step before `f` on. */
function refusedUntilTheEnd(tracee: Tracee): void {
  using before = tracee.capture()
  steps(tracee, 1)
  const child = childOf(tracee)
  running.push(child)
  for (const refused of [() => tracee.capture(), () => tracee.restore(before)]) {
    const error = errorOf(refused)
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${child} shares the program's descriptors (CLONE_FILES)`)
  }
  steps(tracee, 2)
  expect(hasOpened(tracee)).toBe(true)
  using after = tracee.capture()
  tracee.restore(before)
  expect(hasOpened(tracee)).toBe(false)
  steps(tracee, 3)
  tracee.restore(before)
  tracee.restore(after)
  expect(hasOpened(tracee)).toBe(true)
  tracee.restore(before)
}

describe.each([
  ['a filter', false],
  ['stops at every call', true],
])('with %s', (_, detachable) => {
  test('capture and restore are refused until it has ended, and what it opened is closed', () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['nfkwn'], { detachable, onWarning })
    steps(tracee, 1)
    refusedUntilTheEnd(tracee)
    expect(end(tracee)).toBe(0)
  })

  test('where files are ignored, one warning says that they are not as they were', () => {
    using store = new PageStore()
    const warnings: string[] = []
    const options = { detachable, files: 'ignore', onWarning: (text: string) => warnings.push(text) } as const
    using tracee = Tracee.spawn(store, program, ['nfsn'], options)
    steps(tracee, 2)
    running.push(childOf(tracee))
    using snapshot = tracee.capture()
    tracee.restore(snapshot)
    expect(warnings).toEqual([expect.stringContaining('runs on by itself')])
  })
})

test('of a program that was attached to, too', async () => {
  using store = new PageStore()
  using tracee = Tracee.attach(store, await start('rnfkwn'), { onWarning })
  letGo(tracee)
  steps(tracee, 2)
  refusedUntilTheEnd(tracee)
})

test('a program is attached to that its parent shares descriptors with', async () => {
  const parent = await start('fr')
  const child = Number(readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1'))
  running.push(child)
  using store = new PageStore()
  using tracee = Tracee.attach(store, child, { onWarning })
  const refusal = `process ${parent} shares the program's descriptors (CLONE_FILES)`
  expect(errorOf(() => tracee.capture()).message).toContain(refusal)
  process.kill(parent, 'SIGKILL')
  while (existsSync(`/proc/${parent}/exe`)) await untilLater(10)
  using snapshot = tracee.capture()
  tracee.restore(snapshot)
})

// A container's profile may refuse the call that tells.
test.each([
  ['nf', /^ERR_TRACEE process [0-9]+ shares the program's descriptors/],
  ['ns', /^captured$/m],
])('without kcmp: %s', (letters, said) => {
  expect(captureWithout(['kcmp'], 'spawn', program, letters)).toMatch(said)
})
