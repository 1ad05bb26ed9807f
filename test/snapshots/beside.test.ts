import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { trackers } from '../support/local-sources.js'
import { errorOf } from '../support/pages.js'

const address = BigInt(2 ** 32)

function memoryWithBeside(pages = 1) {
  const store = new PageStore()
  const source = new WebAssembly.Memory({ initial: 8, maximum: 16 })
  const bytes = new Uint8Array(pages * pageSize)
  return { store, source, bytes, beside: { address, bytes } }
}

describe.each(trackers)('tracker %s', (tracker) => {
  test('bytes beside a memory are captured, count and are restored as the memory is', () => {
    const { store, source, bytes, beside } = memoryWithBeside(2)
    using memory = new LocalMemory(store, source, { tracker, beside })
    using empty = memory.capture()
    bytes[5] = 1
    bytes[2 * pageSize - 1] = 2
    using changed = memory.capture()
    expect(changed.key).not.toBe(empty.key)
    expect(changed.diff(empty)).toEqual([{ start: address, end: address + BigInt(2 * pageSize) }])
    expect(changed.read(address + 5n, 1)[0]).toBe(1)
    expect(memory.read(address + 5n, 1)[0]).toBe(1)
    memory.restore(empty)
    expect(bytes.every((byte) => byte === 0)).toBe(true)
    using again = memory.capture()
    expect([again.key, again.root]).toEqual([empty.key, empty.root])
    memory.restore(changed)
    expect([bytes[5], bytes[2 * pageSize - 1]]).toEqual([1, 2])
    store.close()
  })

  test('a memory that grows and its bytes beside it roll back together, also into another memory', () => {
    const { store, source, bytes, beside } = memoryWithBeside()
    const memory = new LocalMemory(store, source, { tracker, beside })
    new Uint8Array(source.buffer)[77] = 3
    bytes[0] = 1
    using small = memory.capture()
    source.grow(8)
    new Uint8Array(source.buffer)[12 * 65536] = 4
    bytes[0] = 2
    using large = memory.capture()
    memory.restore(small)
    expect([bytes[0], new Uint8Array(source.buffer)[12 * 65536]]).toEqual([1, 0])
    memory.restore(large)
    expect([bytes[0], new Uint8Array(source.buffer)[12 * 65536]]).toEqual([2, 4])
    // One memory at a time has the tracker soft-dirty.
    memory.close()
    const other = memoryWithBeside()
    using shorter = new LocalMemory(store, other.source, { tracker, beside: other.beside })
    expect(errorOf(() => shorter.restore(large)).code).toBe('ERR_MEMORY_SIZE')
    shorter.restore(small)
    expect([other.bytes[0], new Uint8Array(other.source.buffer)[77]]).toEqual([1, 3])
    using copy = shorter.capture()
    expect(copy.key).toBe(small.key)
    store.close()
  })
})

test('the bytes beside a memory are a region, whose bytes can be ignored and tracked', () => {
  const { store, source, bytes, beside } = memoryWithBeside()
  using memory = new LocalMemory(store, source, { beside })
  using snapshot = memory.capture()
  expect(memory.regions).toEqual(snapshot.regions)
  expect(memory.regions[1]).toMatchObject({ start: address, end: address + BigInt(pageSize), path: '[beside]' })
  memory.ignore(address, 8)
  using first = memory.capture()
  bytes[7] = 9
  using second = memory.capture()
  bytes[8] = 9
  using third = memory.capture()
  expect(second.key).toBe(first.key)
  expect(third.key).not.toBe(first.key)
  store.close()
})

test('a snapshot without bytes beside it makes them zero, and one with others is refused', () => {
  const { store, source, bytes, beside } = memoryWithBeside()
  using memory = new LocalMemory(store, source, { beside })
  using plain = new LocalMemory(store, new WebAssembly.Memory({ initial: 8 }))
  using elsewhere = new LocalMemory(store, source, { beside: { address: 2n * address, bytes } })
  bytes[1] = 1
  using mine = memory.capture()
  using without = plain.capture()
  using others = elsewhere.capture()
  expect(errorOf(() => memory.restore(others)).code).toBe('ERR_MEMORY_SIZE')
  expect(errorOf(() => plain.restore(mine)).code).toBe('ERR_MEMORY_SIZE')
  expect(bytes[1]).toBe(1)
  memory.restore(without)
  expect(bytes[1]).toBe(0)
  store.close()
})

test('what cannot lie beside a memory is refused', () => {
  const { store, source } = memoryWithBeside()
  const page = () => new Uint8Array(pageSize)
  const refused = (at: bigint, bytes: Uint8Array) =>
    errorOf(() => new LocalMemory(store, source, { beside: { address: at, bytes } })).code
  expect(refused(address, new Uint8Array(10))).toBe('ERR_ARGUMENT_TYPE')
  expect(refused(address, new Uint8Array(new SharedArrayBuffer(pageSize)))).toBe('ERR_ARGUMENT_TYPE')
  expect(refused(1n, page())).toBe('ERR_ADDRESS')
  expect(refused(2n ** 60n, page())).toBe('ERR_ADDRESS')
  // Where the memory lies itself.
  using overlapping = new LocalMemory(store, source, { beside: { address: BigInt(pageSize), bytes: page() } })
  expect(errorOf(() => overlapping.capture()).code).toBe('ERR_MEMORY_SIZE')
  const bytes = page()
  using memory = new LocalMemory(store, source, { beside: { address, bytes } })
  bytes.buffer.transfer?.()
  if (bytes.length === 0) expect(errorOf(() => memory.capture()).code).toBe('ERR_BUFFER_DETACHED')
  store.close()
})
