import { readFileSync } from 'node:fs'

import {
  LocalMemory,
  PageStore,
  ProcessMemory,
  pageSize,
  type Region,
  type Snapshot,
  type TrackerKind,
} from 'pagestore'
import { describe, expect, test } from 'vitest'

import { start, startNode } from '../support/cli-run.js'
import { trackers } from '../support/local-sources.js'
import { errorOf } from '../support/pages.js'

const held = 3000

/** A program that keeps memory whose contents are known, and changes one page of it for each line that it gets. */
function startHolder() {
  return startNode(`
    globalThis.held = Buffer.alloc(${held * pageSize})
    for (let i = 0; i < ${held}; i++) held.write('<page ' + i + '>', i * ${pageSize} + 8)
    process.stdin.on('data', (line) => { held.write('<changed ' + line + '>', Number(line) * ${pageSize} + 8); console.log('done') })
  `)
}

/** Where each of the pages lies that a holder keeps. */
function pagesIn(snapshot: Snapshot): Map<number, bigint> {
  const found = new Map<number, bigint>()
  for (const { start, end } of snapshot.regions) {
    const bytes = snapshot.read(start, Number(end - start)).toString('latin1')
    for (const match of bytes.matchAll(/<page (\d+)>/g)) found.set(Number(match[1]), start + BigInt(match.index))
  }
  return found
}

// From outside, nothing can be armed.
const kinds: TrackerKind[] = trackers.filter((tracker) => tracker !== 'write-protect')

describe.each(kinds)('tracker %s', (tracker) => {
  test('a snapshot holds what the process holds, and the next one differs where it wrote', async () => {
    using store = new PageStore()
    const { pid, child, printed } = await startHolder()
    using memory = new ProcessMemory(store, pid, { tracker })
    expect(memory.tracker).toBe(tracker)
    using first = memory.capture()
    const found = pagesIn(first)
    expect(found.size).toBeGreaterThanOrEqual(held)

    child.stdin!.write('1234')
    await printed(/done/)
    using second = memory.capture()
    const at = found.get(1234)!
    expect(second.read(at, 14).toString()).toBe('<changed 1234>')
    expect(first.read(at, 11).toString()).toBe('<page 1234>')
    const differences = first.diff(second)
    expect(differences.some(({ start, end }) => start <= at && at < end)).toBe(true)
    const untouched = found.get(77)!
    expect(differences.some(({ start, end }) => start <= untouched && untouched < end)).toBe(false)
    expect(memory.read(at, 14).toString()).toBe('<changed 1234>')
  })

  test('what one capture left out and the next one takes is there, written between the two or not', async () => {
    using store = new PageStore()
    const { pid } = await startHolder()
    let wantsAll = true
    const isLarge = ({ start, end }: Region) => end - start >= 2n ** 20n
    const isPrivate = ({ permissions, path }: Region) => permissions === 'rw-p' && !path.startsWith('/')
    const regions = (region: Region) => isPrivate(region) && (wantsAll || !isLarge(region))
    using memory = new ProcessMemory(store, pid, { tracker, regions })
    const [first, less, again] = [true, false, true].map((all) => {
      wantsAll = all
      using snapshot = memory.capture()
      return snapshot.pageCount
    })
    expect(first! - less!).toBeGreaterThanOrEqual(held)
    expect(again! - less!).toBeGreaterThanOrEqual(held)
  })

  test('of a process that does nothing, two snapshots are equal', async () => {
    using store = new PageStore()
    // The kernel notes in each thread's memory on which processor it runs, unless glibc does without.
    const { child, printed } = start('cat', [], { env: { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' } })
    child.stdin!.write('up')
    await printed(/up/)
    await new Promise((resolve) => setTimeout(resolve, 50))
    using memory = new ProcessMemory(store, child.pid!, { tracker })
    using a = memory.capture()
    using b = memory.capture()
    expect(b.equals(a)).toBe(true)
    expect(b.root).toBe(a.root)
    expect(b.diff(a)).toEqual([])
    expect(b.fingerprint()).toBe(a.fingerprint())
  })
})

test('by default every capture compares everything, whatever the kernel has', () => {
  using store = new PageStore()
  const { child } = start('sleep', ['60'])
  using memory = new ProcessMemory(store, child.pid!)
  expect(memory.tracker).toBe('none')
  child.kill()
})

describe('the process', () => {
  test('runs on as before, is nobody’s tracee, and its parent is told nothing', async () => {
    using store = new PageStore()
    const { pid, child, printed, ended } = await startHolder()
    using memory = new ProcessMemory(store, pid)
    for (let i = 0; i < 5; i++) memory.capture().release()
    expect(readFileSync(`/proc/${pid}/status`, 'latin1')).toMatch(/TracerPid:\t0/)
    expect(child.exitCode).toBe(null)
    child.stdin!.write('7')
    await printed(/done/)
    child.kill()
    expect((await ended).signal).toBe('SIGTERM')
  })

  test('that somebody else traces is refused with the stop, and observed without', async ({ skip }) => {
    const traced = start('python3', [
      '-c',
      `import ctypes, os, signal, time
child = os.fork()
if child == 0:
    while True: time.sleep(1)
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
if libc.ptrace(0x4206, child, 0, 0) != 0: print("no", flush=True)
print("child", child, flush=True)
time.sleep(60)`,
    ])
    traced.child.on('error', () => {})
    const text = await traced.printed(/child (\d+)/).catch(() => undefined)
    if (text === undefined) return skip('there is no python3')
    const pid = Number(/child (\d+)/.exec(text)![1])
    using store = new PageStore()
    using stopping = new ProcessMemory(store, pid)
    expect(errorOf(() => stopping.capture()).code).toBe('ERR_PERMISSION')
    expect(store.stats().references).toBe(0)
    using observing = new ProcessMemory(store, pid, { stop: false })
    using snapshot = observing.capture()
    expect(snapshot.pageCount).toBeGreaterThan(100)
    process.kill(pid, 'SIGKILL')
  })

  test('that ends gives a clear error, and leaves no reference behind', async () => {
    using store = new PageStore()
    const { pid, child, ended } = await startHolder()
    using memory = new ProcessMemory(store, pid)
    memory.capture().release()
    child.kill('SIGKILL')
    await ended
    expect(errorOf(() => memory.capture()).code).toBe('ERR_PROCESS_GONE')
    memory.close()
    expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
  })

  test('may end at any moment of a capture', async () => {
    using store = new PageStore()
    for (const delay of [0, 1, 2, 3, 5, 8, 12, 20]) {
      for (const stop of [true, false]) {
        const { pid, ended } = await startHolder()
        const memory = new ProcessMemory(store, pid, { stop })
        const killer = start('sh', ['-c', `sleep 0.0${String(delay).padStart(2, '0')}; kill -9 ${pid}`])
        try {
          for (;;) memory.capture().release()
        } catch (error) {
          expect((error as { code: string }).code).toBe('ERR_PROCESS_GONE')
        }
        await killer.ended
        memory.close()
        // Its parent, we, hears of it as if nobody had looked.
        expect(await ended).toMatchObject({ signal: 'SIGKILL' })
        expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
      }
    }
  })

  test('may become another program: the next snapshot shows that one', async () => {
    using store = new PageStore()
    const shell = start('sh', ['-c', 'echo up; read line; exec sleep 60'])
    await shell.printed(/up/)
    using memory = new ProcessMemory(store, shell.child.pid!)
    using before = memory.capture()
    shell.child.stdin!.write('\n')
    await new Promise((resolve) => setTimeout(resolve, 300))
    using after = memory.capture()
    expect(after.regions.some(({ path }) => path.endsWith('/sleep'))).toBe(true)
    expect(before.regions.some(({ path }) => path.endsWith('/sleep'))).toBe(false)
    expect(after.equals(before)).toBe(false)
  })

  test('may be our own: it is not stopped, and the store’s own windows are left out', () => {
    using store = new PageStore()
    const mark = Buffer.alloc(4 * pageSize, 'a mark of our own')
    store.getPage(store.storePage(mark.subarray(0, pageSize)))
    using memory = new ProcessMemory(store, process.pid)
    using snapshot = memory.capture()
    expect(snapshot.pageCount).toBeGreaterThan(1000)
    expect(snapshot.regions.some(({ path }) => path.startsWith('/memfd:pagestore'))).toBe(false)
    expect(mark[0]).toBe(97)
  })
})

test('which regions are captured can be chosen', async () => {
  using store = new PageStore()
  const { pid } = await startNode('')
  using all = new ProcessMemory(store, pid)
  expect(all.regions.every(({ permissions }) => /^r..p$/.test(permissions))).toBe(true)
  expect(all.regions.some(({ path }) => path === '[vdso]' || path === '[vvar]')).toBe(false)
  using stack = new ProcessMemory(store, pid, { regions: ({ path }) => path === '[stack]' })
  using snapshot = stack.capture()
  expect(snapshot.regions.map(({ path }) => path)).toEqual(['[stack]'])
  const only = snapshot.regions[0]!
  expect(snapshot.read(only.start, Number(only.end - only.start)).includes(process.execPath)).toBe(true)
  expect(errorOf(() => snapshot.read(only.start - 1n, 1)).code).toBe('ERR_ADDRESS')
  for (const wrong of ['yes', 1, {}, undefined, Promise.resolve(true)]) {
    using unclear = new ProcessMemory(store, pid, { regions: () => wrong as boolean })
    expect(errorOf(() => unclear.capture()).code).toBe('ERR_ARGUMENT_TYPE')
  }
  using asking: ProcessMemory = new ProcessMemory(store, pid, { regions: () => asking.capture().pageCount > 0 })
  expect(errorOf(() => asking.capture()).code).toBe('ERR_ARGUMENT_TYPE')
  const closing: ProcessMemory = new ProcessMemory(store, pid, {
    regions: () => {
      closing.close()
      return true
    },
  })
  expect(errorOf(() => closing.capture()).code).toBe('ERR_MEMORY_CLOSED')
  using throwing = new ProcessMemory(store, pid, {
    regions: () => {
      throw new RangeError('no')
    },
  })
  expect(() => throwing.capture()).toThrow(RangeError)
  expect(readFileSync(`/proc/${pid}/status`, 'latin1')).toMatch(/TracerPid:\t0/)
})

test('memory reserved and never touched costs nothing', async ({ skip }) => {
  const python = start('python3', [
    '-c',
    `import mmap, time
held = mmap.mmap(-1, 1 << 36, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
held[1 << 35] = 1
print("up", flush=True)
time.sleep(60)`,
  ])
  python.child.on('error', () => {})
  if ((await python.printed(/up/).catch(() => undefined)) === undefined) return skip('there is no python3')
  using store = new PageStore()
  using memory = new ProcessMemory(store, python.child.pid!)
  using snapshot = memory.capture()
  expect(snapshot.pageCount * pageSize).toBeLessThan(2 ** 28)
  const reserved = snapshot.regions.find((region) => region.end - region.start >= 1n << 36n)!
  expect(snapshot.read(reserved.start + (1n << 35n), 1)[0]).toBe(1)
})

test('a snapshot of a process and one of our own memory live in one store', async () => {
  using store = new PageStore()
  const { pid } = await startNode('')
  using other = new ProcessMemory(store, pid)
  using mine = new LocalMemory(store, new Uint8Array(10 * pageSize).fill(1))
  using a = other.capture()
  using b = mine.capture()
  expect(a.equals(b)).toBe(false)
  expect(errorOf(() => mine.restore(a)).code).toBe('ERR_MEMORY_SIZE')
})

test('memory that comes and goes while it is read: an error with a code, or a snapshot, and nothing left behind', async ({
  skip,
}) => {
  const python = start('python3', [
    '-c',
    `import mmap
print("up", flush=True)
while True:
    held = [mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(20)]
    for each in held:
        for at in range(0, 1 << 22, 4096): each[at] = 1
    for each in held: each.close()`,
  ])
  python.child.on('error', () => {})
  if ((await python.printed(/up/).catch(() => undefined)) === undefined) return skip('there is no python3')
  using store = new PageStore()
  const standing = new ProcessMemory(store, python.child.pid!)
  const running = new ProcessMemory(store, python.child.pid!, { stop: false })
  for (let round = 0; round < 20; round++) {
    standing.capture().release()
    try {
      running.capture().release()
    } catch (error) {
      expect((error as { code: string }).code).toBe('ERR_PROCESS_GONE')
    }
  }
  standing.close()
  running.close()
  expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
})
