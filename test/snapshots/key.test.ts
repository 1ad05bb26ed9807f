import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'

function setUp() {
  const store = new PageStore()
  const bytes = new Uint8Array(32 * pageSize).fill(1)
  return { store, bytes, memory: new LocalMemory(store, bytes) }
}

test('ignored bytes count for the root, and not for key and fingerprint', () => {
  const { store, bytes, memory } = setUp()
  memory.ignore(100n, 50)
  memory.ignore(BigInt(3 * pageSize - 10), 20)
  const a = memory.capture()
  bytes[120] = 9
  bytes[3 * pageSize] = 9
  const b = memory.capture()
  expect(b.root).not.toBe(a.root)
  expect(b.equals(a)).toBe(false)
  expect(b.key).toBe(a.key)
  expect(b.fingerprint()).toBe(a.fingerprint())
  for (const counts of [99, 150, 3 * pageSize + 10, 3 * pageSize - 11]) {
    bytes[counts] = 9
    const c = memory.capture()
    expect(c.key).not.toBe(a.key)
    expect(c.fingerprint()).not.toBe(a.fingerprint())
    bytes[counts] = 1
    const d = memory.capture()
    expect(d.key).toBe(a.key)
  }
  expect(a.read(120n, 1)[0]).toBe(1)
  expect(b.read(120n, 1)[0]).toBe(9)
  store.close()
})

test('what is ignored from now on counts for the snapshots from before', () => {
  const { store, bytes, memory } = setUp()
  const before = memory.capture()
  bytes[5] = 2
  memory.ignore(0n, pageSize)
  const after = memory.capture()
  bytes[6] = 2
  const again = memory.capture()
  expect(after.key).not.toBe(before.key)
  expect(again.key).toBe(after.key)
  store.close()
})

test('with restores in between, keys are what they would be without', () => {
  const { store, bytes, memory } = setUp()
  memory.ignore(10n, 10)
  const states = Array.from({ length: 20 }, (_, i) => {
    bytes[pageSize * (i % 7) + 500] = i
    bytes[12] = i
    return { snapshot: memory.capture(), copy: Uint8Array.from(bytes) }
  })
  for (const i of [3, 17, 0, 9, 9, 12, 1]) {
    const { snapshot, copy } = states[i]!
    memory.restore(snapshot)
    bytes[15] = 77
    const again = memory.capture()
    expect(again.key).toBe(snapshot.key)
    using store2 = new PageStore()
    using fresh = new LocalMemory(store2, copy)
    fresh.ignore(10n, 10)
    expect(fresh.capture().fingerprint()).toBe(snapshot.fingerprint())
  }
  store.close()
})

test('with tracked ranges the key stands for their bytes alone, in the order of the calls', () => {
  const { store, bytes, memory } = setUp()
  memory.track(1000n, 8)
  memory.track(BigInt(5 * pageSize - 4), 8)
  const a = memory.capture()
  bytes[0] = 9
  bytes[1008] = 9
  const b = memory.capture()
  expect(b.key).toBe(a.key)
  expect(b.root).not.toBe(a.root)
  bytes[1007] = 9
  const c = memory.capture()
  expect(c.key).not.toBe(a.key)
  bytes[1007] = 1
  bytes[5 * pageSize + 3] = 9
  expect(memory.capture().key).not.toBe(a.key)
  store.close()
})

test('tracked ranges of other lengths are another state', () => {
  using store = new PageStore()
  const keys = [
    [3, 5],
    [5, 3],
    [8, 8],
  ].map(([first, second]) => {
    const memory = new LocalMemory(store, new Uint8Array(pageSize))
    memory.track(0n, first!)
    memory.track(8n, second!)
    return memory.capture().key
  })
  expect(new Set(keys).size).toBe(3)
})

test.each([
  [0n, 2 ** 31],
  [7n, 2 ** 53 - 1],
  [31n * BigInt(pageSize), pageSize + 1],
])('a tracked range from %i on that reaches %i bytes, beyond the memory, is refused', (start, length) => {
  const { store, memory } = setUp()
  memory.track(start, length)
  expect(errorOf(() => memory.capture()).code).toBe('ERR_ADDRESS')
  expect(store.size).toBe(0)
  store.close()
})

test('a whole memory that is ignored has one key', () => {
  const { store, bytes, memory } = setUp()
  memory.ignore(0n, bytes.length)
  const a = memory.capture()
  bytes.fill(3)
  expect(memory.capture().key).toBe(a.key)
  expect(a.fingerprint()).toBe('0'.repeat(32))
  store.close()
})

test('of a snapshot the key alone can be kept: it stays what it is, and the rest is given back', () => {
  for (const tracks of [true, false]) {
    const { store, bytes, memory } = setUp()
    if (tracks) memory.track(0n, 8)
    const snapshots = Array.from({ length: 50 }, (_, i) => {
      bytes.fill(i, 4 * pageSize)
      bytes[0] = i
      return memory.capture()
    })
    const keys = snapshots.map(({ key }) => key)
    expect(new Set(keys).size).toBe(50)
    const before = store.size
    for (const each of snapshots) each.keepKey()
    expect(snapshots.map(({ key }) => key)).toEqual(keys)
    if (tracks) expect(store.size).toBeLessThan(before - 40)
    // A key that is held names nothing else.
    for (let i = 100; i < 200; i++) {
      bytes[0] = i
      using other = memory.capture()
      expect(keys).not.toContain(other.key)
    }
    bytes[0] = 7
    bytes.fill(7, 4 * pageSize)
    expect(memory.capture().key).toBe(keys[7])
    const [first, second] = snapshots as [(typeof snapshots)[0], (typeof snapshots)[0]]
    first.keepKey()
    for (const refused of [
      () => memory.restore(first),
      () => first.read(0n, 1),
      () => first.diff(second),
      () => first.equals(second),
      () => first.root,
      () => first.regions,
      () => first.fingerprint(),
      () => first.map(0n, 1),
    ]) {
      expect(errorOf(refused).code).toBe('ERR_SNAPSHOT_RELEASED')
    }
    for (const each of snapshots) each.release()
    expect(errorOf(() => first.key).code).toBe('ERR_SNAPSHOT_RELEASED')
    memory.close()
    store.close()
  }
})

test('bytes before a tracked range do not count', () => {
  const { store, bytes, memory } = setUp()
  memory.track(7n, bytes.length - 7)
  const a = memory.capture()
  bytes[31 * pageSize + 5] = 2
  const b = memory.capture()
  bytes[31 * pageSize + 5] = 1
  bytes[0] = 2
  const c = memory.capture()
  expect(b.key).not.toBe(a.key)
  expect(c.key).toBe(a.key)
  store.close()
})

test('what is tracked is the same whether a page of zeroes is stored or was never there', () => {
  const { store, bytes, memory } = setUp()
  bytes.fill(0)
  bytes[3 * pageSize + 1] = 1
  bytes[20 * pageSize] = 1
  const ranges = [
    [0, 32 * pageSize],
    [pageSize - 8, 2 * pageSize],
    [2 * pageSize + 9, 18 * pageSize],
    [3 * pageSize, 1],
    [25 * pageSize, 5 * pageSize],
  ] as const
  for (const [start, length] of ranges) memory.track(BigInt(start), length)
  const a = memory.capture()
  const long = new Uint8Array(64 * pageSize)
  long.set(bytes)
  const other = new LocalMemory(store, long)
  for (const [start, length] of ranges) other.track(BigInt(start), length)
  const b = other.capture()
  expect(b.key).toBe(a.key)
  bytes[25 * pageSize] = 1
  expect(memory.capture().key).not.toBe(a.key)
  store.close()
})
