// Memory that the process itself serves by a userfaultfd: whoever touches a page that is missing waits until the process
// has made it, and it cannot while it is stopped. So nobody touches it to look at it.
import { type ChildProcess, spawn } from 'node:child_process'

import { PageStore, ProcessMemory, Tracee } from 'pagestore'
import { afterEach, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('served.c')
const pageBytes = 4096n
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A process that waits, and where its memory is; none where the system does not let it have a userfaultfd. */
async function start(kind: string, what: string) {
  const child = spawn(program, [kind, what], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  const line = await new Promise<string>((resolve) => {
    child.stdout.once('data', (data) => resolve(String(data)))
    child.once('exit', () => resolve(''))
  })
  const [address, first] = line.split(' ')
  expect(line === '' || Number(first) === 9).toBe(true)
  return line === '' ? undefined : { pid: child.pid!, address: BigInt(address!) }
}

const kinds = ['anonymous', 'file', 'shared', 'minor']
/** What is in pages 0, 1 and 9: of a file of memory, its first half was written. */
const content = (kind: string) => (kind === 'minor' ? [9, 9, 0] : [9, 0, 0])
const places = (address: bigint) => [0n, 1n, 9n].map((page) => address + page * pageBytes)

test.each(kinds.flatMap((kind) => [true, false].map((stop) => [kind, stop] as const)))(
  'observed (%s, stop: %s)',
  async (kind, stop) => {
    const served = await start(kind, 'serves')
    if (!served) return
    using store = new PageStore()
    const regions = ({ start: from, end, permissions }: { start: bigint; end: bigint; permissions: string }) =>
      permissions.startsWith('rw') && from <= served.address && served.address < end
    using memory = new ProcessMemory(store, served.pid, { stop, regions })
    for (let round = 0; round < 2; round++) {
      using snapshot = memory.capture()
      expect(places(served.address).map((at) => snapshot.read(at, 1)[0])).toEqual(content(kind))
    }
    expect(places(served.address).map((at) => memory.read(at, 1)[0])).toEqual(content(kind))
  },
)

test.each(kinds)('attached (%s): all else is tracked', async (kind) => {
  const served = await start(kind, 'serves')
  if (!served) return
  using store = new PageStore()
  for (const tracker of [undefined, 'none'] as const) {
    const tracee = Tracee.attach(store, served.pid, { tracker })
    expect(tracee.tracker).toBe(tracker ?? 'write-protect')
    for (let round = 0; round < 2; round++) {
      using snapshot = tracee.capture()
      expect(places(served.address).map((at) => snapshot.read(at, 1)[0])).toEqual(content(kind))
      expect(places(served.address).map((at) => tracee.read(at, 1)[0])).toEqual(content(kind))
      tracee.restore(snapshot)
    }
    tracee.detach()
  }
})

test.each(['anonymous', 'shared'])('a page that it is told of when it is written is not written (%s)', async (kind) => {
  const watched = await start(kind, 'watches')
  if (!watched) return
  using store = new PageStore()
  const tracee = Tracee.attach(store, watched.pid)
  using snapshot = tracee.capture()
  expect(tracee.capture().equals(snapshot)).toBe(true)
  tracee.restore(snapshot)
  tracee.detach()
})

function atChoice(store: PageStore, kind: string, tracker: 'none' | undefined, what = 'steps'): Tracee | undefined {
  const tracee = Tracee.spawn(store, program, [kind, what], {
    stdio: [],
    files: 'ignore',
    onWarning: () => undefined,
    tracker,
  })
  let stop = tracee.resume()
  while (stop.kind === 'clone') stop = tracee.resume()
  return stop.kind === 'choice' ? tracee : undefined
}

test.each([undefined, 'none'] as const)('a page that was missing is missing again (tracker: %s)', (tracker) => {
  using store = new PageStore()
  const tracee = atChoice(store, 'anonymous', tracker)
  if (!tracee) return
  const before = tracee.capture()
  tracee.resume({ choose: 1 })
  const after = tracee.capture()
  expect(after.key).not.toBe(before.key)
  tracee.restore(before)
  expect(tracee.capture().key).toBe(before.key)
  // It would have to be made, and only who serves it can do that.
  expect(() => tracee.restore(after)).toThrow(expect.objectContaining({ code: 'ERR_MAPPING' }))
  tracee.resume({ choose: 1 })
  expect(tracee.capture().key).toBe(after.key)
  tracee.restore(before)
  tracee.resume({ choose: 0 })
  expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
})

test.each(['anonymous', 'shared'].flatMap((kind) => [undefined, 'none'].map((tracker) => [kind, tracker] as const)))(
  'what a program has given up is memory like all other (%s, tracker: %s)',
  (kind, tracker) => {
    using store = new PageStore()
    const tracee = atChoice(store, kind, tracker as 'none' | undefined, 'gives-up')
    if (!tracee) return
    tracee.capture().release()
    expect(tracee.resume({ choose: 0 }).kind).toBe('choice')
    const before = tracee.capture()
    tracee.resume({ choose: 1 })
    const after = tracee.capture()
    for (const each of [before, after, before, after]) {
      tracee.restore(each)
      expect(tracee.capture().key).toBe(each.key)
    }
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
  },
)

test('in shared memory that is refused before anything changes', () => {
  using store = new PageStore()
  const tracee = atChoice(store, 'shared', undefined)
  if (!tracee) return
  const before = tracee.capture()
  tracee.resume({ choose: 1 })
  const after = tracee.capture()
  expect(() => tracee.restore(before)).toThrow(expect.objectContaining({ code: 'ERR_MAPPING' }))
  expect(tracee.capture().key).toBe(after.key)
  expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
})

test.each(['anonymous', 'shared'])('memory that is tracked can be registered by the program (%s)', (kind) => {
  using store = new PageStore()
  const tracee = Tracee.spawn(store, program, [kind, 'registers'], {
    stdio: [],
    files: 'ignore',
    onWarning: () => undefined,
  })
  tracee.resume()
  const before = tracee.capture()
  const stop = tracee.resume({ choose: 0 })
  if (stop.kind === 'exit') return expect(stop.code).toBe(77)
  const after = tracee.capture()
  expect(after.equals(before)).toBe(false)
  tracee.restore(before)
  // Its userfaultfd is a descriptor, and those are ignored.
  const { root, key } = tracee.capture()
  expect([root, key]).toEqual([before.root, before.key])
  tracee.restore(after)
  expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
})
