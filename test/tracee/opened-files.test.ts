// Whatever way a file is opened, what is done to it is put back or refused; what only was opened is neither.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Snapshot, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('file-steps.c', { flags: ['-O1', '-pthread'] })
const parent = ownFolder()
const long = 'x'.repeat(2 << 20)

/** A snapshot after each step, a line of acts, with what was in the file then. */
function run(text: string, steps: readonly string[], options: SpawnOptions = {}, lacksRoom = false) {
  const folder = mkdtempSync(join(parent, 'opened-'))
  writeFileSync(join(folder, 'log'), text)
  writeFileSync(join(folder, 'other'), 'another file')
  symlinkSync('/log', join(folder, 'link'))
  symlinkSync('log', join(folder, 'near'))
  const warnings: string[] = []
  const store = new PageStore()
  const args = steps.flatMap((step) => [...step.split(' ').filter((act) => act !== ''), '.'])
  const onWarning = (warning: string) => void warnings.push(warning)
  const tracee = Tracee.spawn(store, program, args, { cwd: folder, stdio: [], onWarning, ...options })
  const contents = (name = 'log') => readFileSync(join(folder, name), 'latin1')
  const snapshots: Snapshot[] = []
  const was: string[] = []
  const step = () => {
    snapshots.push(tracee.capture())
    was.push(contents())
  }
  steps.forEach((_, i) => {
    if (i === steps.length - 1 && lacksRoom) withoutRoom(() => nextOfAnyThread(tracee))
    else nextOfAnyThread(tracee)
    step()
  })
  const restore = (i: number) => tracee.restore(snapshots[i]!)
  return { folder, tracee, contents, was, warnings, restore, [Symbol.dispose]: () => store.close() }
}

/** The main thread may end on the way. */
function nextOfAnyThread(tracee: Tracee): void {
  for (;;) {
    const stop = tracee.resume({ until: { syscall: ['getppid'] } })
    if (stop.kind === 'syscall' && stop.entering) return
    expect(stop.kind).toMatch(/syscall|clone|thread-exit/)
  }
}

/** While this process can open nothing. */
function withoutRoom(what: () => void): void {
  const limit = (most: string) => spawnSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${most}`])
  const [, before] = /Max open files +(\d+)/.exec(readFileSync('/proc/self/limits', 'latin1'))!
  const highest = Math.max(...readdirSync('/proc/self/fd').map(Number))
  limit(`${highest + 30}:`)
  const opened: number[] = []
  try {
    for (let i = 0; i <= highest + 30; i++) opened.push(openSync('/dev/null', 'r'))
  } catch (error) {
    expect(error).toMatchObject({ code: 'EMFILE' })
  }
  try {
    what()
  } finally {
    opened.forEach(closeSync)
    limit(`${before}:`)
  }
}

const exact: [string, string, string[]][] = [
  ['appending, and cut then', 'abcdefgh', ['', 'o:0:wa:log t:0:0 w:0:XXXXXXXX c:0']],
  ['appending, and written inside then', 'abcdefgh', ['', 'o:0:ba:log a:0:0 w:0:XX c:0']],
  ['appending, and room made then', 'abcdefgh', ['', 'o:0:wa:log f:0:0:100 c:0']],
  ['a long file, to be read', long, ['', 'o:0:b:log g:0 c:0', 'o:0:b:log g:0']],
  ['a long file, to be added to', long, ['', 'o:0:b:log e:0 w:0:one c:0', 'o:0:wa:log w:0:two c:0', 'o:0:b:log']],
  ['a long file that was open', long, ['o:0:b:log', 'o:1:b:log g:1 c:1', 'o:1:wa:log w:1:more c:1']],
]

const refused: [string, string, string[]][] = [
  ['a long file, written inside', long, ['', 'o:0:b:log w:0:X c:0']],
  ['a long file, written inside by an offset', long, ['', 'o:0:b:log p:0:7:X c:0']],
  ['a long file, by a duplicate', long, ['', 'o:0:b:log d:0:1 c:0 w:1:X c:1']],
  ['a long file, by another descriptor at its number', long, ['o:5:b:other', 'c:5 o:5:b:log w:5:X c:5']],
  ['a long file, appending, and cut then', long, ['', `o:0:wa:log t:0:0 w:0:X c:0`]],
  ['a long file, appending, and written inside then', long, ['', 'o:0:wa:log a:0:0 w:0:X c:0']],
  ['a long file, appending, with a hole made', long, ['', 'o:0:wa:log a:0:0 l:0:5 w:0:X c:0']],
  ['after a duplicate that failed', 'abcdefgh', ['o:0:b:log', 'D:-1:0 p:0:0:XX']],
  ['after a range that was not closed', 'abcdefgh', ['o:0:b:log', 'R:0 p:0:0:XX']],
]

describe.each([false, true])('detachable: %s', (detachable) => {
  test.each(exact)('%s: is put back both ways', (_name, text, steps) => {
    using running = run(text, steps, { detachable })
    const last = steps.length - 1
    for (const to of [0, last, 0, 1, last]) {
      running.restore(to)
      expect(running.contents() === running.was[to]).toBe(true)
    }
  })

  test.each(refused)('%s: is refused', (_name, text, steps) => {
    using running = run(text, steps, { detachable })
    expect(running.contents() === running.was[0]).toBe(false)
    expect(() => running.restore(0)).toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
    expect(() => running.restore(0)).toThrow(/log.* was changed inside/)
  })
})

describe.runIf(process.getuid?.() === 0)('in a root directory of its own', () => {
  test.each([
    ['to append', ['C', 'o:0:wac:/link w:0:one c:0']],
    ['to write anew', ['C', 'o:0:wct:/link w:0:one c:0']],
    ['to append, from its folder', ['C', 'o:0:wac:link w:0:one c:0']],
    ['to write, from its folder', ['C', 'o:0:b:link w:0:one c:0']],
    ['a near one', ['C', 'o:0:wct:/near w:0:one c:0']],
    ['to be cut', ['C', 'T:2:/link']],
  ])('a file that a symbolic link leads to, %s, is put back', (_name, steps) => {
    using running = run('so far', steps)
    for (const to of [0, 1, 0]) {
      running.restore(to)
      expect(running.contents()).toBe(running.was[to])
    }
  })

  test('a file that cannot be found before it is cut is refused', () => {
    using running = run('so far', ['C', 'o:0:wct:link w:0:one c:0'])
    expect(() => running.restore(0)).toThrow(/log.* was changed inside/)
  })

  test('a file that is made is empty before', () => {
    using running = run('so far', ['C', 'o:0:wct:new w:0:one c:0', 'o:0:wct:/newer w:0:two c:0'])
    running.restore(0)
    expect([running.contents('new'), running.contents('newer')]).toEqual(['', ''])
    running.restore(2)
    expect([running.contents('new'), running.contents('newer')]).toEqual(['one', 'two'])
  })
})

describe('once the main thread has ended', () => {
  test('what is written to a new file is put back, and a warning says that the file stays', () => {
    using running = run('so far', ['x', 'o:0:wct:new w:0:text c:0'])
    running.restore(0)
    expect(running.contents('new')).toBe('')
    expect(running.warnings).toEqual([expect.stringMatching(/new stays/)])
  })

  test('files that were closed are put back', () => {
    using running = run('so far', ['o:0:b:log x', 'e:0 w:0:one c:0'])
    running.restore(0)
    expect(running.contents()).toBe('so far')
    nextOfAnyThread(running.tracee)
    expect(running.contents()).toBe('so farone')
  })

  test('no duplicate keeps a lock', () => {
    using running = run('so far', ['o:0:b:log', 'x', 'k:0 c:0'])
    expect(spawnSync('flock', ['-n', join(running.folder, 'log'), 'true']).status).toBe(0)
  })
})

test.each([
  ['a write', ['o:0:b:log', 'w:0:X']],
  ['a write by an offset', ['o:0:b:log', 'p:0:0:XX']],
  ['what is written to a file that is opened', ['', 'o:0:b:log w:0:X c:0']],
  ['what is done to a file that is opened for appending', ['', 'o:0:wa:log a:0:0 w:0:X c:0']],
  ['a file that is written anew', ['', 'o:0:wct:log w:0:abcdefgX c:0']],
])('%s is not missed where Node can open nothing', (_name, steps) => {
  using running = run('abcdefgh', steps, {}, true)
  expect(running.contents()).toContain('X')
  expect(() => running.restore(0)).toThrow(/log.* was changed inside/)
})
