import fc from 'fast-check'
import { LocalMemory, PageStore, pageSize, type Snapshot } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { localKinds, trackers } from '../support/local-sources.js'

const pages = 80

/** What a memory was: the copy that one would keep without snapshots. */
interface Kept {
  snapshot: Snapshot
  bytes: Uint8Array
}

interface World {
  store: PageStore
  memory: LocalMemory
  bytes: () => Uint8Array
  kept: Kept[]
}

type Step = (world: World) => void

const place = fc.integer({ min: 0, max: pages * pageSize - 1 - 777 })

/** Few values and few places, so that contents repeat and memories become equal again by other ways. */
const write = fc.record({ at: place, length: fc.constantFrom(1, 8, 5000), value: fc.constantFrom(0, 0, 1, 255) }).map(
  ({ at, length, value }): Step =>
    ({ bytes }) =>
      void bytes().fill(value, at, at + length),
)

const capture = fc.constant<Step>(({ memory, bytes, kept }) => {
  kept.push({ snapshot: memory.capture(), bytes: Uint8Array.from(bytes()) })
})

const restore = fc.nat().map(
  (n): Step =>
    ({ memory, bytes, kept }) => {
      const target = kept[n % Math.max(kept.length, 1)]
      if (target === undefined) return
      memory.restore(target.snapshot)
      expectSame(bytes(), target.bytes)
    },
)

const release = fc.nat().map(
  (n): Step =>
    ({ kept }) => {
      const [gone] = kept.splice(n % Math.max(kept.length, 1), 1)
      gone?.snapshot.release()
    },
)

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: write },
    { weight: 3, arbitrary: capture },
    { weight: 2, arbitrary: restore },
    { weight: 1, arbitrary: release },
  ),
  { maxLength: 60, size: 'max' },
)

function expectSame(a: Uint8Array, b: Uint8Array): void {
  expect(Buffer.from(a.buffer, a.byteOffset, a.length).equals(b)).toBe(true)
}

function differing(a: Uint8Array, b: Uint8Array): number[] {
  const places = []
  for (let at = 0; at < a.length; at += pageSize) {
    if (!Buffer.from(a.subarray(at, at + pageSize)).equals(b.subarray(at, at + pageSize))) places.push(at / pageSize)
  }
  return places
}

function expectAgreement({ kept }: World): void {
  for (const { snapshot, bytes } of kept) expectSame(snapshot.read(0n, bytes.length), bytes)
  for (const [i, a] of kept.entries()) {
    for (const b of kept.slice(i)) {
      const differences = differing(a.bytes, b.bytes)
      const same = differences.length === 0
      expect(a.snapshot.root === b.snapshot.root).toBe(same)
      expect(a.snapshot.equals(b.snapshot)).toBe(same)
      expect(a.snapshot.key === b.snapshot.key).toBe(same)
      expect(a.snapshot.fingerprint() === b.snapshot.fingerprint()).toBe(same)
      const told = a.snapshot.diff(b.snapshot)
      const toldPages = told.flatMap(({ start, end }) => {
        const count = Number(end - start) / pageSize
        return Array.from({ length: count }, (_, j) => Number(start) / pageSize + j)
      })
      expect(toldPages).toEqual(differences)
      expect(told.every(({ start }, j) => j === 0 || start > told[j - 1]!.end)).toBe(true)
    }
  }
}

describe.each(trackers)('tracker %s', (tracker) => {
  test.each(Object.keys(localKinds))('%s: snapshots hold what a copy would hold, whatever happened between', (kind) => {
    fc.assert(
      fc.property(steps, (all) => {
        using store = new PageStore()
        const { source, bytes } = localKinds[kind]!(pages)
        const memory = new LocalMemory(store, source, { tracker })
        const world: World = { store, memory, bytes, kept: [] }
        for (const step of all) step(world)
        expectAgreement(world)
        for (const { snapshot } of world.kept) snapshot.release()
        memory.close()
        const { pages: left, references, tables } = store.stats()
        expect({ left, references, tables }).toEqual({ left: 0, references: 0, tables: 0 })
      }),
      { numRuns: 60 },
    )
  })
})
