// What is in files goes back and forth with snapshots, byte by byte, or a restore is refused: never silently wrong.
import { closeSync, openSync, readFileSync, readSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Snapshot, type SpawnOptions } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { startFileSteps as start } from '../support/file-steps.js'
import { next, openFiles } from '../support/open-files.js'

/** A snapshot after each step, with what was in the files then. */
function run(steps: readonly string[], options: SpawnOptions = {}) {
  const store = new PageStore()
  const started = start(store, steps, options)
  const { tracee, contents } = started
  const seen = () => ({
    log: contents(),
    other: contents('other'),
    new: contents('new') ?? '', // a name stays
    open: openFiles(tracee.pid),
  })
  const snapshots: Snapshot[] = []
  const was: ReturnType<typeof seen>[] = []
  for (const _ of steps) {
    next(tracee)
    snapshots.push(tracee.capture())
    was.push(seen())
  }
  const restore = (i: number) => tracee.restore(snapshots[i]!)
  return { ...started, store, seen, was, snapshots, restore, [Symbol.dispose]: () => store.close() }
}

/** What a long file ends with. */
function tail(path: string, from: number): string {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(100)
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, from))
  } finally {
    closeSync(fd)
  }
}

const exact = [
  ['a file that is open twice', ['o:0:r:log o:1:r:log', 'l:1:3', 'c:0 o:0:r:other', 'c:1 o:1:r:log l:1:5']],
  ['a file that is opened once more', ['o:0:r:other o:1:r:log', '', 'c:0 o:0:r:log l:0:5']],
  ['what is added to a file', ['o:0:wa:log', 'w:0:one', 'w:0:two', 'w:0:three']],
  ['what is added by an offset', ['o:0:w:log e:0', 'w:0:one', 'w:0:two']],
  ['what is added by two descriptors', ['o:0:wa:log o:1:w:log e:1', 'w:0:one', 'w:1:two', 'w:0:three']],
  ['what is added by a duplicate', ['o:0:wa:log d:0:1', 'w:1:one', 'c:0 w:1:two']],
  ['what is added to a file that is closed then', ['o:0:wa:log', 'w:0:one c:0', 'o:0:r:other', '']],
  ['a file that is opened, added to and closed in one step', ['', 'o:0:wa:log w:0:one c:0', 'o:0:wa:log w:0:two c:0']],
  ['a file that is written anew in one step', ['', 'o:0:wt:log w:0:one c:0', 'o:0:wct:log w:0:two c:0']],
  ['a file that is changed inside and closed in one step', ['', 'o:0:b:log w:0:1 c:0', 'o:0:b:log w:0:2 c:0']],
  ['a file that is cut by its path', ['', 'T:2:log', 'T:100:log', 'T:0:log']],
  ['a new file', ['', 'o:0:wct:new w:0:one', 'w:0:two', 'c:0', 'o:0:wa:new w:0:three c:0']],
  ['a file that was empty', ['o:0:wct:new', 'w:0:one', 'p:0:0:two', 't:0:1', 't:0:9', 'w:0:end']],
  ['what is rewritten behind what was there', ['o:0:b:log e:0', 'w:0:one', 'p:0:7:two', 't:0:8', 'l:0:7 w:0:x']],
  ['bytes behind a hole', ['o:0:w:log e:0', 'l:0:100000 w:0:one', 'l:0:50000 w:0:two', 't:0:8']],
  ['room that was allocated', ['o:0:w:log e:0', 'f:0:0:10000', 'l:0:9000 w:0:one']],
  [
    'a long file that is changed here and there',
    [
      '',
      'o:0:wct:new l:0:300000 w:0:end',
      'p:0:0:a',
      'p:0:4095:bb p:0:150000:b p:0:299000:b',
      'p:0:0:c p:0:299990:a-long-end l:0:70000 w:0:here',
      't:0:200000 p:0:10000:d p:0:20000:d p:0:30000:d p:0:40000:d p:0:50000:d p:0:199999:ddd',
    ],
  ],
  ['a file that is cut and grows', ['o:0:wct:new', 'w:0:0123456789', 't:0:4', 'w:0:ab', 'l:0:4 w:0:cd']],
  [
    'a file that is opened for appending, and then not',
    ['', 'o:0:wct:new w:0:first', 'o:1:wa:new', 'a:1:0 w:1:X', 'a:1:1'],
  ],
] as const

describe.each([false, true])('detachable: %s', (detachable) => {
  test.each(exact)('%s is put back both ways', (_name, steps) => {
    using running = run(steps, { detachable })
    const { restore, seen, was, snapshots, tracee } = running
    const last = was.length - 1
    for (let i = 0; i <= last; i++) {
      for (const to of [i, last, 0, last, i]) {
        restore(to)
        expect(seen()).toEqual(was[to]!)
        using again = tracee.capture()
        expect(again.equals(snapshots[to]!)).toBe(true)
        expect(again.key).toBe(snapshots[to]!.key)
      }
    }
  })

  test.each([
    ['inside', ['o:0:b:log', 'w:0:X'], /descriptor 3 \(.*log\) was changed inside/],
    ['inside and closed', ['o:0:b:log', 'w:0:X c:0'], /descriptor 3 \(.*log\) was changed inside/],
    ['by another descriptor', ['o:0:r:log o:1:w:log', 'w:1:X c:1'], /descriptor 4 \(.*log\) was changed inside/],
    ['written anew', ['o:0:wa:log', 'o:1:wct:log w:1:X'], /\(.*log\) was changed inside/],
    ['cut', ['o:0:wa:log', 'T:1:log'], /\(.*log\) was changed inside/],
  ] as const)('%s: refused, and what follows is put back', (_name, steps, message) => {
    using running = run([...steps, 'o:5:wa:log w:5:more', 'w:5:again'], { detachable })
    const { restore, seen, was } = running
    expect(() => restore(0)).toThrow(expect.objectContaining({ code: 'ERR_FILES' }))
    expect(() => restore(0)).toThrow(message)
    for (const to of [3, 1, 2, 3]) {
      restore(to)
      expect(seen()).toEqual(was[to])
    }
  })
})

test('a long file that is written anew in one step is refused by its path', () => {
  using store = new PageStore()
  const { tracee, prepare } = start(store, ['', 'o:0:wt:log w:0:one c:0'])
  prepare('log', 'x'.repeat(2 << 20))
  next(tracee)
  using before = tracee.capture()
  next(tracee)
  expect(() => tracee.restore(before)).toThrow(/the file .*log was changed inside/)
})

test('what is added and closed is cut off as often as it is', () => {
  using store = new PageStore()
  const { tracee, contents } = start(store, ['o:0:wa:log', 'w:0:one c:0'])
  next(tracee)
  using snapshot = tracee.capture()
  for (let i = 0; i < 3; i++) {
    next(tracee)
    expect(contents()).toBe('so far\none')
    tracee.restore(snapshot)
    expect(contents()).toBe('so far\n')
  }
})

test('with files: ignore what was written stays, and a warning says so', () => {
  using running = run(['', 'o:0:wa:log w:0:one c:0'], { files: 'ignore' })
  running.restore(0)
  expect(running.contents()).toBe('so far\none')
  expect(running.warnings).toHaveLength(1)
})

test.each([
  ['a file that was removed', 'u:other', 'other'],
  ['a file that was renamed', 'r:other:new', 'other'],
  ['a file that was made', 'o:0:wc:new c:0', 'new'],
  ['what is written through a shared mapping', 'o:0:b:log m:0:0:X c:0', 'log'],
  ['a file of the kernel', 'o:0:w:/proc/self/comm w:0:name c:0', 'comm'],
])('%s stays so, and a warning says that', (_name, act, file) => {
  using running = run(['', act])
  running.restore(1)
  expect(running.warnings).toEqual([])
  running.restore(0)
  expect(running.warnings).toEqual([expect.stringMatching(new RegExp(`with .*${file} stays`))])
})

test.each([
  ['a file that nobody has opened', ['', 'r:other:new', 'o:0:r:new']],
  ['one that is added to', ['o:0:wa:log w:0:one', 'r:log:new', 'w:0:two']],
  ['one that was added to and closed', ['', 'o:0:wa:log w:0:one c:0', 'r:log:new o:0:wct:log w:0:x c:0']],
  ['one that takes the name of another', ['', 'o:0:wct:new w:0:one c:0', 'r:new:log', 'o:0:wa:log w:0:two c:0']],
  [
    'one that takes the name of one that is open',
    ['o:1:wa:log w:1:a', 'o:0:wct:new w:0:one c:0', 'r:new:log', 'w:1:b'],
  ],
])('a rename is no change of what is in %s', (_name, steps) => {
  using running = run(steps)
  const { restore, tracee } = running
  // Where it is, is not put back, so that a restore to before may be refused: that it cannot be found.
  for (const to of [steps.length - 1, 0, steps.length - 1]) {
    try {
      restore(to)
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_FILES', message: expect.stringMatching(/cannot be opened/) })
    }
  }
  tracee.capture().release()
})

test('a file that is moved in the place of another has what that had, when it is put back', () => {
  using running = run(['', 'o:0:wct:new w:0:one c:0 r:new:log', 'o:0:wct:new w:0:two c:0 r:new:log', ''])
  const { restore, contents, was } = running
  expect(was.map(({ log }) => log)).toEqual(['so far\n', 'one', 'two', 'two'])
  for (const to of [0, 1, 2, 0, 3, 1, 0]) {
    restore(to)
    expect(contents()).toBe(was[to]!.log)
  }
})

test('a file that is removed while it is open has what it had, under no name', () => {
  using running = run(['o:0:wct:new w:0:one', 'u:new', 'w:0:two', 'w:0:three'])
  const { restore, tracee } = running
  for (const [to, text] of [
    [0, 'one'],
    [3, 'onetwothree'],
    [2, 'onetwo'],
    [0, 'one'],
    [2, 'onetwo'],
  ] as const) {
    restore(to)
    expect(readFileSync(`/proc/${tracee.pid}/fd/3`, 'latin1')).toBe(text)
  }
})

test('what was written through a mapping that was there before stays, and a warning says that', () => {
  using running = run(['o:0:b:log n:0', 'N:X'])
  running.restore(0)
  expect(running.warnings).toEqual([expect.stringMatching(/with .*log stays/)])
})

test('a name that could not be changed is no change', () => {
  using running = run(['', 'u:nothing r:nothing:else o:0:r:nothing'])
  running.restore(0)
  expect(running.warnings).toEqual([])
})

test('a sparse file of two gigabytes costs what is added to it', () => {
  using store = new PageStore()
  const { tracee, folder } = start(store, ['o:0:wa:log', 'w:0:one', 'w:0:two'])
  truncateSync(join(folder, 'log'), 2 ** 31)
  next(tracee)
  using first = tracee.capture()
  const { size } = store
  next(tracee)
  using second = tracee.capture()
  next(tracee)
  tracee.restore(first)
  tracee.restore(second)
  expect(store.size - size).toBeLessThan(40)
  expect(tail(join(folder, 'log'), 2 ** 31)).toBe('one')
})

test('a hole of two gigabytes is none to be kept', () => {
  using store = new PageStore()
  const { tracee, folder } = start(store, ['o:0:wct:new', `t:0:${2 ** 31} l:0:${2 ** 31} w:0:end`, ''])
  next(tracee)
  using first = tracee.capture()
  next(tracee)
  using second = tracee.capture()
  tracee.restore(first)
  expect(readFileSync(join(folder, 'new')).length).toBe(0)
  tracee.restore(second)
  expect(tail(join(folder, 'new'), 2 ** 31)).toBe('end')
})

test('what is added is kept as long as a snapshot is', () => {
  using store = new PageStore()
  const { tracee } = start(store, ['o:0:wct:new', 'w:0:text'])
  next(tracee)
  using first = tracee.capture()
  next(tracee)
  const { size } = store
  const second = tracee.capture()
  expect(store.size).toBeGreaterThan(size)
  tracee.restore(first)
  second.release()
  using again = tracee.capture()
  expect(again.equals(first)).toBe(true)
  expect(store.size).toBeLessThanOrEqual(size)
})
