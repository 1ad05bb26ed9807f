import { execFileSync } from 'node:child_process'

import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { localKinds, trackers } from '../support/local-sources.js'
import { build } from '../support/tracees.js'

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.length).equals(b)
}

describe.each(trackers)('tracker %s', (tracker) => {
  test.each(Object.keys(localKinds))('%s: restoring brings back every byte', (kind) => {
    using store = new PageStore()
    const { source, bytes } = localKinds[kind]!(100)
    using memory = new LocalMemory(store, source, { tracker })
    expect(memory.tracker).toBe(tracker)
    for (let i = 0; i < bytes().length; i += 997) bytes()[i] = i
    const before = Uint8Array.from(bytes())
    using snapshot = memory.capture()
    bytes().fill(7)
    memory.restore(snapshot)
    expect(same(bytes(), before)).toBe(true)
  })

  test('a WebAssembly memory that grew is captured whole, and restored with a tail of zeroes', () => {
    using store = new PageStore()
    const source = new WebAssembly.Memory({ initial: 8, maximum: 32 })
    using memory = new LocalMemory(store, source, { tracker })
    new Uint8Array(source.buffer).fill(1)
    using small = memory.capture()
    source.grow(8)
    const bytes = new Uint8Array(source.buffer)
    expect(memory.regions[0]!.end).toBe(BigInt(bytes.length))
    bytes[bytes.length - 1] = 2
    using large = memory.capture()
    expect(large.read(BigInt(bytes.length - 1), 1)[0]).toBe(2)
    expect(large.equals(small)).toBe(false)
    memory.restore(small)
    expect(bytes.subarray(0, 8 * 65536).every((byte) => byte === 1)).toBe(true)
    expect(bytes.subarray(8 * 65536).every((byte) => byte === 0)).toBe(true)
    using again = memory.capture()
    expect(again.root).toBe(small.root)
    memory.restore(large)
    expect(bytes[bytes.length - 1]).toBe(2)
  })

  test('a resizable buffer that shrank forgets what lay beyond, and takes no larger snapshot', () => {
    using store = new PageStore()
    const source = new ArrayBuffer(64 * pageSize, { maxByteLength: 128 * pageSize })
    using memory = new LocalMemory(store, source, { tracker })
    new Uint8Array(source).fill(1)
    using large = memory.capture()
    source.resize(32 * pageSize)
    using small = memory.capture()
    expect(small.pageCount).toBe(32)
    expect(() => memory.restore(large)).toThrow(expect.objectContaining({ code: 'ERR_MEMORY_SIZE' }))
    expect(new Uint8Array(source).every((byte) => byte === 1)).toBe(true)
    source.resize(64 * pageSize)
    memory.restore(large)
    expect(new Uint8Array(source).every((byte) => byte === 1)).toBe(true)
  })

  test('a snapshot can be restored into another memory of the same store', () => {
    using store = new PageStore()
    const one = localKinds['ArrayBuffer']!(70)
    const other = localKinds['WebAssembly.Memory']!(80)
    using from = new LocalMemory(store, one.source, { tracker })
    // Of one process one memory at a time has the soft-dirty bits.
    using to = new LocalMemory(store, other.source, { tracker: tracker === 'soft-dirty' ? 'none' : tracker })
    one.bytes().fill(3)
    other.bytes().fill(4)
    using snapshot = from.capture()
    to.restore(snapshot)
    const length = one.bytes().length
    expect(same(other.bytes().subarray(0, length), one.bytes())).toBe(true)
    expect(
      other
        .bytes()
        .subarray(length)
        .every((byte) => byte === 0),
    ).toBe(true)
    using copy = to.capture()
    expect(copy.root).toBe(snapshot.root)
  })

  test('pages that are written all the time are still found after they were quiet', () => {
    using store = new PageStore()
    const { source, bytes } = localKinds['WebAssembly.Memory']!(256)
    using memory = new LocalMemory(store, source, { tracker })
    for (let round = 1; round < 40; round++) {
      // Each page has rounds in which it is written, and then some in which it is not.
      for (let page = 0; page < 256; page += 5) {
        if ((page + round) % 11 < 4) bytes()[page * pageSize + round] = round
      }
      using snapshot = memory.capture()
      expect(snapshot.read(0n, bytes().length).equals(bytes())).toBe(true)
    }
  })
})

test('the tracker is chosen by what the kernel has and the size is worth', () => {
  using store = new PageStore()
  using small = new LocalMemory(store, new ArrayBuffer(8 * pageSize))
  expect(small.tracker).toBe('none')
  using large = new LocalMemory(store, new ArrayBuffer(1 << 20))
  expect(large.tracker).toBe(trackers.includes('write-protect') ? 'write-protect' : 'none')
})

test('who insists on write-protect where it is denied is told what was denied, and what allows it', () => {
  const script = `
    import { LocalMemory, PageStore } from 'pagestore'
    try {
      new LocalMemory(new PageStore(), new ArrayBuffer(1 << 20), { tracker: 'write-protect' })
    } catch ({ code, message }) {
      console.log(code, message)
    }`
  const run = [process.execPath, '--input-type=module', '-e', script]
  const denied = String(systemCallNumber('userfaultfd'))
  const output = execFileSync(build('deny.c'), [denied, '--', ...run], { encoding: 'utf8' })
  expect(output).toMatch(/^ERR_TRACKER userfaultfd: .*seccomp profile/)
})

test.runIf(trackers.includes('soft-dirty'))('who insists on soft-dirty as the second one is told at once', () => {
  using store = new PageStore()
  const insist = () => new LocalMemory(store, new ArrayBuffer(1 << 20), { tracker: 'soft-dirty' })
  using first = insist()
  expect(insist).toThrow(expect.objectContaining({ code: 'ERR_TRACKER' }))
  first.close()
  using second = insist()
  expect(second.tracker).toBe('soft-dirty')
})

test('another memory that lies where the last one lay is captured anew', () => {
  using store = new PageStore()
  let current = new WebAssembly.Memory({ initial: 16, maximum: 16 })
  const source = {
    get buffer() {
      return current.buffer
    },
    grow: (delta: number) => current.grow(delta),
  }
  using memory = new LocalMemory(store, source)
  for (let round = 1; round < 20; round++) {
    const bytes = new Uint8Array(current.buffer)
    bytes.fill(round, round * 1000, round * 2000)
    using snapshot = memory.capture()
    expect(same(bytes, snapshot.read(0n, bytes.length))).toBe(true)
    current = new WebAssembly.Memory({ initial: 16, maximum: 16 })
    ;(globalThis as unknown as { gc: () => void }).gc()
  }
})

test('two memories over the same bytes are both right', () => {
  using store = new PageStore()
  const bytes = new Uint8Array(1 << 20)
  using one = new LocalMemory(store, bytes)
  using other = new LocalMemory(store, bytes)
  for (let round = 1; round < 10; round++) {
    bytes[round * 50_000] = round
    using a = one.capture()
    bytes[round * 60_000] = round
    using b = other.capture()
    expect(a.read(BigInt(round * 50_000), 1)[0]).toBe(round)
    expect(b.read(0n, bytes.length).equals(bytes)).toBe(true)
    one.restore(a)
    using c = other.capture()
    expect(c.root).toBe(a.root)
  }
})

test('equal bytes have an equal root in whatever order they came to be', () => {
  using store = new PageStore()
  const one = new Uint8Array(64 * pageSize)
  const other = new Uint8Array(64 * pageSize)
  using a = new LocalMemory(store, one)
  using b = new LocalMemory(store, other)
  for (let page = 0; page < 64; page++) one[page * pageSize] = page
  for (let page = 63; page >= 0; page--) {
    other[page * pageSize] = page
    b.capture().release()
  }
  using whole = a.capture()
  using stepwise = b.capture()
  expect(stepwise.root).toBe(whole.root)
  expect(stepwise.equals(whole)).toBe(true)
  expect(stepwise.fingerprint()).toBe(whole.fingerprint())
})

test('the fingerprint does not depend on the store', () => {
  const prints = [1, 2].map((extra) => {
    using store = new PageStore()
    store.storePages(new Uint8Array(extra * pageSize).fill(extra))
    const bytes = new Uint8Array(20 * pageSize).fill(9, 5000, 30_000)
    using memory = new LocalMemory(store, bytes)
    if (extra === 2) memory.capture().release()
    using snapshot = memory.capture()
    return snapshot.fingerprint()
  })
  expect(prints[0]).toBe(prints[1])
  expect(prints[0]).toMatch(/^[0-9a-f]{32}$/)
})
