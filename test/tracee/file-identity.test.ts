// Which file it is that a snapshot knows: never taken for another one, nor forgotten when something fails.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { PageStore } from 'pagestore'
import { expect, test } from 'vitest'

import { startFileSteps } from '../support/file-steps.js'
import { next, openFiles } from '../support/open-files.js'
import { page } from '../support/pages.js'

/** Fills a store to its `maxPages`; what is returned makes room again. */
function fill(store: PageStore): () => void {
  const numbers: number[] = []
  try {
    for (let i = 1; ; i++) numbers.push(store.storePage(page(i)))
  } catch {
    return () => store.unrefPages(Uint32Array.from(numbers))
  }
}

test.each([
  ['in memory when it is noted', 'o:0:b:log p:0:5:X c:0'],
  ['there when it is open', 'o:0:b:log p:0:5:X'],
])('a file whose contents were %s is put back, although there was no room at first', (_name, act) => {
  using store = new PageStore({ maxPages: 4000 })
  const { tracee, contents, prepare } = startFileSteps(store, ['', act])
  const text = Buffer.from(Uint32Array.from({ length: 60_000 }, (_, i) => i).buffer).toString('latin1')
  prepare('log', text)
  next(tracee)
  using before = tracee.capture()
  const makeRoom = fill(store)
  next(tracee)
  for (let i = 0; i < 3; i++)
    expect(() => tracee.capture()).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_MEMORY' }))
  makeRoom()
  using after = tracee.capture()
  const changed = contents()
  tracee.restore(before)
  expect(contents() === text).toBe(true)
  tracee.restore(after)
  expect(contents() === changed).toBe(true)
})

/** Another file at that path, if possible with the inode of one that is gone. */
function putThere(path: string, text: string, inode: bigint): boolean {
  const others: string[] = []
  for (let i = 0; i < 100; i++) {
    const other = `${path}.${i}`
    writeFileSync(other, text)
    if (statSync(other, { bigint: true }).ino === inode) {
      renameSync(other, path)
      break
    }
    others.push(other)
  }
  for (const other of others) rmSync(other)
  return existsSync(path)
}

test.each([
  ['and is open', 'o:0:wa:other w:0:mine', 'foreign'],
  ['and is closed', 'o:0:wa:other w:0:mine c:0', 'foreign'],
  ['and is changed inside', 'o:0:b:other p:0:0:mine c:0', 'foreign'],
])(
  'a file of somebody else that has the inode of one that was removed is another one: it is written to %s',
  (_name, act, text) => {
    using store = new PageStore()
    const { tracee, contents, folder } = startFileSteps(store, ['', 'o:0:wa:log w:0:one c:0', act])
    next(tracee)
    using before = tracee.capture()
    next(tracee)
    using _between = tracee.capture()
    const path = join(folder, 'log')
    const { ino } = statSync(path, { bigint: true })
    rmSync(path)
    rmSync(join(folder, 'other'))
    if (!putThere(join(folder, 'other'), text, ino)) return
    next(tracee)
    tracee.capture().release()
    tracee.restore(before)
    expect(contents('other')).toBe(text)
    expect(contents()).toBe(undefined)
  },
)

test.each([
  [
    'a file that the program may write, but not read, is cut back after it is closed',
    0o200,
    ['', 'o:0:wa:log w:0:more c:0', 'o:0:wa:log w:0:MORE c:0'],
    '11, 15, 11, 7, false',
  ],
  [
    'a file that cannot be opened for writing any more is written by a duplicate, though that is for appending',
    0o400,
    ['o:0:b:log e:0 w:0:one', 'a:0:1 w:0:two', 'a:0:0 t:0:11'],
    'so far onetwo, so far onet, so far onetwo, so far one, false',
  ],
] as const)('%s', (_name, mode, steps, expected) => {
  using store = new PageStore()
  const { tracee, program } = startFileSteps(store, [])
  tracee.kill()
  for (let at = program; at !== '/'; at = dirname(at)) {
    if ((statSync(at).mode & 5) !== 5) chmodSync(at, 0o755)
  }
  const script = fileURLToPath(new URL('../support/unreadable-file.mjs', import.meta.url))
  const user = process.getuid!() === 0 ? { uid: 65534, gid: 65534 } : {}
  const acts = steps.flatMap((step) => [...step.split(' ').filter((act) => act !== ''), '.'])
  const output = execFileSync(process.execPath, [script, program, String(mode), ...acts], { encoding: 'utf8', ...user })
  expect(output).toBe(expected)
})

test.each([
  ['writes', 8],
  ['cuts', 2],
])('a file that is sealed against %s is refused before any descriptor moves', (_name, seals) => {
  using store = new PageStore()
  const { tracee } = startFileSteps(store, ['M:0 w:0:one o:1:r:log', `w:0:two c:1 s:0:${seals}`])
  next(tracee)
  using before = tracee.capture()
  next(tracee)
  const open = openFiles(tracee.pid)
  expect(() => tracee.restore(before)).toThrow(/memory.* may not be changed any more/)
  expect(openFiles(tracee.pid)).toEqual(open)
})
