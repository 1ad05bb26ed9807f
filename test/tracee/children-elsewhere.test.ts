// Processes know each other by other numbers in a PID namespace of their own: whoever is meant is the same.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { childOf, end, letGo, program, running, steps } from '../support/children.js'
import { errorOf } from '../support/pages.js'
import { build } from '../support/tracees.js'

const namespaced = build('namespaced.c')
const hasNamespaces = spawnSync(namespaced, ['/bin/true']).status === 0

/** The program in a namespace of its own, that waits in its first step `r`. */
async function attach(store: PageStore, letters: string, warnings: string[] = []): Promise<Tracee> {
  const outer = spawn(namespaced, [program, letters], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [text] = (await once(outer.stdout, 'data')) as [Buffer]
  running.push(outer.pid!, Number(text))
  while (!readFileSync(`/proc/${Number(text)}/cmdline`, 'latin1').startsWith(program)) await untilLater()
  await untilLater(50)
  return Tracee.attach(store, Number(text), { files: 'ignore', onWarning: (said) => warnings.push(said) })
}

const untilLater = (milliseconds = 1) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const childrenOf = (tracee: Tracee) =>
  readFileSync(`/proc/${tracee.pid}/task/${tracee.pid}/children`, 'latin1').trim().split(' ').map(Number)

describe.runIf(hasNamespaces)('a program in a PID namespace of its own', () => {
  test('a child that has ended since the snapshot: the restore is refused', async () => {
    using store = new PageStore()
    using tracee = await attach(store, 'srkzv')
    const [child] = childrenOf(tracee)
    using snapshot = tracee.capture()
    expect(childOf(tracee)).not.toBe(child)
    letGo(tracee)
    steps(tracee, 3)
    const error = errorOf(() => tracee.restore(snapshot))
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toContain(`process ${child}, a child process of the program, has ended since the snapshot`)
  })

  test('one that was started since, and has ended: nothing is left of it, and others stay', async () => {
    using store = new PageStore()
    using tracee = await attach(store, 'srevn')
    letGo(tracee)
    using snapshot = tracee.capture()
    for (let i = 0; i < 3; i++) {
      steps(tracee, 2)
      expect(childrenOf(tracee)).toHaveLength(2)
      tracee.restore(snapshot)
      expect(childrenOf(tracee)).toHaveLength(1)
    }
  })
})

describe.runIf(hasNamespaces && process.getuid?.() === 0)('a program whose children are in a deeper one', () => {
  test.each([
    ['ended', 'us', 'kz', 'has ended since the snapshot'],
    ['was waited for', 'us', 'kw', 'has ended, and was waited for, since the snapshot'],
  ])('a child that %s since the snapshot: the restore is refused', (_, before, since, happened) => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, [`${before}${since}`])
    steps(tracee, before.length)
    using snapshot = tracee.capture()
    steps(tracee, since.length)
    expect(errorOf(() => tracee.restore(snapshot)).message).toContain(happened)
    expect(end(tracee)).toBe(0)
  })
})

test('where the program may not ask for its children, capture and restore are refused', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, ['xsk'])
  steps(tracee, 1)
  using before = tracee.capture()
  tracee.restore(before)
  steps(tracee, 1)
  for (const refused of [() => tracee.capture(), () => tracee.restore(before)]) {
    const error = errorOf(refused)
    expect(error).toMatchObject({ code: 'ERR_TRACEE' })
    expect(error.message).toMatch(/^asking for a child process \(waitid\): Operation not permitted/)
  }
})

test('a child that has slept all the time is not asked for again', async () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, ['qxk'], { onWarning: () => undefined })
  steps(tracee, 1)
  while (!/\) S /.test(readFileSync(`/proc/${childOf(tracee)}/stat`, 'latin1'))) await untilLater()
  using before = tracee.capture()
  steps(tracee, 1)
  using after = tracee.capture()
  tracee.restore(after)
  steps(tracee, 1)
  for (const refused of [() => tracee.capture(), () => tracee.restore(before)]) {
    expect(errorOf(refused).message).toMatch(/^asking for a child process \(waitid\)/)
  }
})
