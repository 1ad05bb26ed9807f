import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { LocalMemory, PageStore, ProcessMemory, pageSize, Snapshot } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'

function setUp() {
  const store = new PageStore()
  const bytes = new Uint8Array(4 * pageSize)
  const memory = new LocalMemory(store, bytes)
  return { store, bytes, memory, snapshot: memory.capture() }
}

describe('ranges', () => {
  const reads = ['read', 'map'] as const
  test.each(reads)('%s refuses what is outside of all regions, wraps, or is empty', (method) => {
    const { store, bytes, snapshot } = setUp()
    const end = BigInt(bytes.length)
    const wrong: [bigint, number][] = [
      [end, 1],
      [end - 1n, 2],
      [0n, bytes.length + 1],
      [2n ** 64n - 1n, 1],
      [2n ** 64n - 1n, 2],
      [2n ** 63n, 2 ** 40],
      [0n, 0],
      [0n, -1],
      [0n, 0.5],
      [0n, Number.NaN],
      [0n, Infinity],
      [-1n, 1],
      [2n ** 64n, 1],
    ]
    for (const [address, length] of wrong) {
      expect(errorOf(() => snapshot[method](address, length)).code).toBe('ERR_ADDRESS')
    }
    expect(errorOf(() => snapshot[method](0 as never, 1)).code).toBe('ERR_ARGUMENT_TYPE')
    expect(errorOf(() => snapshot[method](0n, '1' as never)).code).toBe('ERR_ARGUMENT_TYPE')
    expect(snapshot[method](end - 1n, 1).length).toBe(1)
    store.close()
  })

  test('a memory refuses the same of read', () => {
    const { store, bytes, memory } = setUp()
    for (const [address, length] of [
      [BigInt(bytes.length), 1],
      [-1n, 1],
      [2n ** 64n - 1n, 2],
      [0n, 0],
    ] as const) {
      expect(errorOf(() => memory.read(address, length)).code).toBe('ERR_ADDRESS')
    }
    store.close()
  })

  test.each(['ignore', 'track'] as const)('%s refuses a range that is empty or wraps', (method) => {
    const { store, memory } = setUp()
    for (const [address, length] of [
      [0n, 0],
      [2n ** 64n - 1n, 2],
      [-1n, 1],
      [0n, -5],
    ] as const) {
      expect(errorOf(() => memory[method](address, length)).code).toBe('ERR_ADDRESS')
    }
    store.close()
  })
})

describe('life', () => {
  test('a released snapshot answers with ERR_SNAPSHOT_RELEASED, and releasing twice does nothing', () => {
    const { store, memory, snapshot } = setUp()
    snapshot.release()
    snapshot.release()
    const uses: ((s: Snapshot) => unknown)[] = [
      (s) => s.root,
      (s) => s.key,
      (s) => s.pageCount,
      (s) => s.regions,
      (s) => s.read(0n, 1),
      (s) => s.map(0n, 1),
      (s) => s.fingerprint(),
      (s) => s.equals(s),
      (s) => s.diff(s),
      (s) => memory.restore(s),
    ]
    for (const use of uses) expect(errorOf(() => use(snapshot)).code).toBe('ERR_SNAPSHOT_RELEASED')
    store.close()
    for (const use of uses) expect(errorOf(() => use(snapshot)).code).toBe('ERR_STORE_CLOSED')
  })

  test('a closed memory answers with ERR_MEMORY_CLOSED, and its snapshots stay', () => {
    const { store, memory, snapshot } = setUp()
    memory.close()
    memory.close()
    for (const use of [
      () => memory.capture(),
      () => memory.restore(snapshot),
      () => memory.tracker,
      () => memory.ignore(0n, 1),
      () => memory.track(0n, 1),
    ]) {
      expect(errorOf(use).code).toBe('ERR_MEMORY_CLOSED')
    }
    for (const use of [() => memory.regions, () => memory.read(0n, 1)]) {
      expect(errorOf(use).code).toBe('ERR_MEMORY_CLOSED')
    }
    expect(snapshot.read(0n, 4)).toEqual(Buffer.alloc(4))
    store.close()
  })

  test('two handles of one store are one store', () => {
    const { store, bytes, memory, snapshot } = setUp()
    const other = PageStore.open(store.share())
    using mine = new LocalMemory(other, bytes)
    bytes.fill(3)
    const later = mine.capture()
    expect(later.equals(snapshot)).toBe(false)
    mine.restore(snapshot)
    expect(bytes.every((byte) => byte === 0)).toBe(true)
    expect(snapshot.diff(later).length).toBe(1)
    memory.close()
    other.close()
    store.close()
  })

  test('closing the store releases what was made with it, also while another handle keeps it open', () => {
    const { store, snapshot } = setUp()
    using other = PageStore.open(store.share())
    const mine = new LocalMemory(other, new Uint8Array(pageSize).fill(1))
    mine.capture()
    expect(other.stats().pages).toBeGreaterThan(0)
    store.close()
    expect(errorOf(() => snapshot.root).code).toBe('ERR_STORE_CLOSED')
    mine.close()
    expect(mine).toBeDefined()
  })

  test('snapshots of two stores do not mix', () => {
    const a = setUp()
    const b = setUp()
    for (const use of [
      () => a.snapshot.equals(b.snapshot),
      () => a.snapshot.diff(b.snapshot),
      () => a.memory.restore(b.snapshot),
    ]) {
      expect(errorOf(use).code).toBe('ERR_OTHER_STORE')
    }
    a.store.close()
    b.store.close()
  })

  test('what is no Snapshot is refused', () => {
    const { store, memory, snapshot } = setUp()
    for (const wrong of [undefined, null, 1, {}, Object.create(Snapshot.prototype)] as never[]) {
      for (const use of [() => snapshot.equals(wrong), () => snapshot.diff(wrong), () => memory.restore(wrong)]) {
        expect(errorOf(use).code).toBe('ERR_ARGUMENT_TYPE')
      }
    }
    store.close()
  })

  test('a buffer that was transferred away is noticed, and nothing is lost', () => {
    using store = new PageStore()
    const buffer = new ArrayBuffer(1 << 20)
    new Uint8Array(buffer).fill(5)
    using memory = new LocalMemory(store, buffer)
    using snapshot = memory.capture()
    structuredClone(buffer, { transfer: [buffer] })
    expect(errorOf(() => memory.capture()).code).toBe('ERR_BUFFER_DETACHED')
    expect(errorOf(() => memory.restore(snapshot)).code).toBe('ERR_BUFFER_DETACHED')
    expect(snapshot.read(0n, 1)[0]).toBe(5)
  })
})

test('an error class that asks the store back does not wait for itself', () => {
  const script = fileURLToPath(new URL('../support/asking-error.mjs', import.meta.url))
  expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe('5 refused\n')
})

describe('constructors', () => {
  test('a LocalMemory refuses what is no memory, and trackers that there are not', () => {
    using store = new PageStore()
    for (const wrong of [undefined, null, 1, 'x', {}, [], new Float64Array(8), new DataView(new ArrayBuffer(8))]) {
      expect(errorOf(() => new LocalMemory(store, wrong as never)).code).toBe('ERR_ARGUMENT_TYPE')
    }
    const bytes = new Uint8Array(8)
    for (const wrong of [undefined, null, {}, 1, Object.create(PageStore.prototype)]) {
      expect(errorOf(() => new LocalMemory(wrong as never, bytes)).code).toBe('ERR_ARGUMENT_TYPE')
    }
    expect(errorOf(() => new LocalMemory(store, bytes, { tracker: 'magic' as never })).code).toBe('ERR_ARGUMENT_TYPE')
    expect(errorOf(() => new LocalMemory(store, bytes, null as never)).code).toBe('ERR_ARGUMENT_TYPE')
    store.close()
    expect(errorOf(() => new LocalMemory(store, bytes)).code).toBe('ERR_STORE_CLOSED')
  })

  test('a ProcessMemory refuses what is no pid, and processes that are gone', () => {
    using store = new PageStore()
    for (const wrong of [undefined, null, '1', 0, -1, 0.5, Number.NaN, 2 ** 31, 1n]) {
      expect(errorOf(() => new ProcessMemory(store, wrong as never)).code).toBe('ERR_ARGUMENT_TYPE')
    }
    expect(errorOf(() => new ProcessMemory(store, 2 ** 22 + 1)).code).toBe('ERR_PROCESS_GONE')
    expect(errorOf(() => new ProcessMemory(store, process.pid, { regions: 1 as never })).code).toBe('ERR_ARGUMENT_TYPE')
    expect(errorOf(() => new ProcessMemory(store, process.pid, { tracker: 'write-protect' })).code).toBe('ERR_TRACKER')
  })
})

test('a store that is full refuses a capture and is as it was', () => {
  using store = new PageStore({ maxPages: 10 })
  const bytes = new Uint8Array(20 * pageSize)
  using memory = new LocalMemory(store, bytes)
  for (let page = 0; page < 5; page++) bytes[page * pageSize] = page + 1
  using before = memory.capture()
  const stats = store.stats()
  for (let page = 5; page < 20; page++) bytes[page * pageSize] = page + 1
  expect(errorOf(() => memory.capture()).code).toBe('ERR_OUT_OF_MEMORY')
  const { pages, references, tables } = store.stats()
  expect({ pages, references, tables }).toEqual({
    pages: stats.pages,
    references: stats.references,
    tables: stats.tables,
  })
  for (let page = 8; page < 20; page++) bytes[page * pageSize] = 0
  using after = memory.capture()
  expect(after.pageCount).toBe(8)
  expect(after.diff(before)).toEqual([{ start: 5n * BigInt(pageSize), end: 8n * BigInt(pageSize) }])
})
