import { readFileSync } from 'node:fs'

import { LocalMemory, PageStore, pageSize } from 'pagestore'
import { expect, test } from 'vitest'

const pages = 256

function setUp(fill: (bytes: Uint8Array) => void) {
  const store = new PageStore()
  const bytes = new Uint8Array(pages * pageSize)
  fill(bytes)
  const memory = new LocalMemory(store, bytes)
  return { store, bytes, memory, snapshot: memory.capture() }
}

function distinct(bytes: Uint8Array): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  for (let i = 0; i < words.length; i++) words[i] = i * 2654435761
}

function mappingsOfStores(): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('(deleted)')).length
}

test('maps what read copies, at any address and length', () => {
  const { store, snapshot, bytes } = setUp(distinct)
  const ranges: [number, number][] = [
    [0, bytes.length],
    [1, 1],
    [pageSize - 1, 2],
    [3 * pageSize + 17, 40 * pageSize],
    [bytes.length - 5, 5],
  ]
  for (const [start, length] of ranges) {
    expect(snapshot.map(BigInt(start), length).equals(bytes.subarray(start, start + length))).toBe(true)
  }
  store.close()
})

test('long runs are the stored pages themselves, short ones and zeroes are not', () => {
  const { store, snapshot } = setUp(distinct)
  const before = mappingsOfStores()
  const whole = snapshot.map(0n, pages * pageSize)
  expect(mappingsOfStores()).toBeGreaterThan(before)
  const during = mappingsOfStores()
  const part = snapshot.map(0n, 3 * pageSize)
  expect(mappingsOfStores()).toBe(during)
  expect(whole.subarray(0, part.length).equals(part)).toBe(true)
  store.close()
})

test('fragmented memory is copied and right', () => {
  const { store, bytes, snapshot } = setUp((bytes) => {
    // Equal pages and zeroes in between: no run is long.
    for (let page = 0; page < pages; page++) bytes[page * pageSize] = page % 3 === 0 ? 0 : (page % 7) + 1
  })
  expect(snapshot.map(0n, bytes.length).equals(bytes)).toBe(true)
  store.close()
})

test('what is written into a map is seen by nobody else', () => {
  const { store, bytes, snapshot } = setUp(distinct)
  const one = snapshot.map(0n, bytes.length)
  one.fill(0)
  expect(snapshot.map(0n, bytes.length).equals(bytes)).toBe(true)
  expect(snapshot.read(0n, bytes.length).equals(bytes)).toBe(true)
  store.close()
})

test('a map stays what it is after release, whatever is stored then, and after close', () => {
  const { store, bytes, memory, snapshot } = setUp(distinct)
  const copy = Uint8Array.from(bytes)
  const map = snapshot.map(0n, bytes.length)
  snapshot.release()
  for (let round = 1; round < 5; round++) {
    for (let page = 0; page < pages; page++) bytes[page * pageSize + round] = 255 - round
    memory.capture().release()
    store.unrefPages(store.storePages(bytes))
    expect(map.equals(copy)).toBe(true)
  }
  store.close()
  expect(map.equals(copy)).toBe(true)
})
