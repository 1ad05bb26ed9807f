import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createContext, Script } from 'node:vm'
import { Worker } from 'node:worker_threads'

import { LocalMemory, PageStore, pageSize, type Region } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { native } from '../dist/lib/addon/native.js'
import { handleOf } from '../dist/lib/page-store.js'
import { page } from './support/pages.js'

const detached = new Uint8Array(pageSize)
structuredClone(detached.buffer, { transfer: [detached.buffer] })

describe('a vm script that runs out of time ends, and nothing else does', () => {
  test.each([
    ['while errors are made', 'try { store.refPage(99) } catch {}'],
    ['while arguments are refused', "try { store.refPage('99') } catch {}"],
    ['while an array turns out to be detached', 'try { store.storePage(detached) } catch {}'],
    ['while statistics are read', 'store.stats()'],
    ['while stores are made', 'new PageStore().close()'],
    ['while regions are listed', 'snapshot.regions; snapshot.diff(other)'],
  ])('%s', (_, work) => {
    using store = new PageStore()
    const bytes = new Uint8Array(4 * pageSize)
    const memory = new LocalMemory(store, bytes)
    const snapshot = memory.capture()
    bytes[0] = 1
    const other = memory.capture()
    const context = createContext({ store, detached, PageStore, snapshot, other })
    const script = new Script(`for (;;) { ${work} }`)
    for (let round = 0; round < 60; round++) {
      expect(() => script.runInContext(context, { timeout: 1 + (round % 4) })).toThrow(/timed out/)
    }
    expect(store.getPage(store.storePage(page(1))).equals(page(1))).toBe(true)
    expect(() => store.refPage(99)).toThrow(/page 99/)
  })
})

// vitest's configuration passes --expose-gc.
const collect = (globalThis as unknown as { gc: () => void }).gc

/** Mappings of stores, windows and snapshots, once everything that can be collected has been. */
async function mappings(): Promise<number> {
  for (let i = 0; i < 6; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('(deleted)')).length
}

test('worker.terminate() while stores are made leaves none of their mappings behind', async () => {
  const before = await mappings()
  for (let round = 0; round < 30; round++) {
    const worker = new Worker(new URL('support/constructing-worker.mjs', import.meta.url))
    await once(worker, 'message')
    await new Promise((resolve) => setTimeout(resolve, round % 7))
    await worker.terminate()
  }
  expect(await mappings()).toBe(before)
})

test('a setter on Array.prototype may close the memory that an array is made of', () => {
  using store = new PageStore()
  const memory = native.openProcessMemory(handleOf(store), process.pid, undefined, false)
  const set = () => native.closeMemory(memory)
  Object.defineProperty(Array.prototype, 0, { configurable: true, set })
  let regions: readonly Region[]
  try {
    regions = native.memoryRegions(memory)
  } finally {
    delete (Array.prototype as unknown[])[0]
  }
  expect(() => native.memoryRegions(memory)).toThrow(/closed/)
  expect(regions.length).toBeGreaterThan(10)
  for (const { start, end, permissions } of regions.slice(1)) {
    expect(start < end).toBe(true)
    expect(permissions).toMatch(/^[r-][w-][x-][ps]$/)
  }
})

test('setters on Object.prototype are not called, and nothing is lost to them', () => {
  using store = new PageStore()
  using snapshot = new LocalMemory(store, page(1)).capture()
  const names = [...Object.keys(store.stats()), 'start', 'end', 'permissions', 'offset', 'path']
  const expected = [store.stats(), snapshot.regions]
  const called: string[] = []
  for (const name of names) {
    const set = () => void called.push(name)
    Object.defineProperty(Object.prototype, name, { configurable: true, set, get: () => 'of the prototype' })
  }
  let actual: unknown[]
  try {
    actual = [store.stats(), snapshot.regions]
  } finally {
    for (const name of names) delete (Object.prototype as Record<string, unknown>)[name]
  }
  expect(actual).toEqual(expected)
  expect(called).toEqual([])
})

test('a call with a hundred thousand arguments does what it does with as many as there are', () => {
  using store = new PageStore()
  const n = store.storePage(page(1))
  const superfluous = new Array<number>(100_000).fill(7)
  expect(Reflect.apply(native.refCount, undefined, [handleOf(store), n, ...superfluous])).toBe(1)
  expect(Reflect.apply(store.storePage, store, [page(1), ...superfluous])).toBe(n)
  expect(() => Reflect.apply(native.refPage, undefined, [handleOf(store), 99, ...superfluous])).toThrow(/page 99/)
})

test('a handle of one store is refused with the handles of another', () => {
  using store = new PageStore()
  using other = new PageStore()
  const memory = native.openLocalMemory(handleOf(store), 'none')
  const bytes = new Uint8Array(40 * pageSize).map((_, i) => i >> 12)
  const snapshot = native.captureMemory(handleOf(store), memory, bytes)
  const elsewhere = native.openLocalMemory(handleOf(other), 'none')
  const strange = handleOf(other)
  for (const use of [
    () => native.snapshotRoot(strange, snapshot),
    () => native.snapshotKey(strange, snapshot),
    () => native.keepSnapshotKey(strange, snapshot),
    () => native.snapshotRegions(strange, snapshot),
    () => native.snapshotRead(strange, snapshot, 0n, new Uint8Array(pageSize)),
    () => native.snapshotMap(strange, snapshot, 0n, pageSize),
    () => native.snapshotFingerprint(strange, snapshot),
    () => native.snapshotDiff(strange, snapshot, snapshot),
    () => native.restoreMemory(handleOf(store), elsewhere, snapshot, bytes),
  ]) {
    expect(use).toThrow(/another store/)
  }
})

test('while a program runs, no JavaScript does, whatever stands behind the global object', () => {
  const script = `
    import { PageStore, Tracee } from 'pagestore'
    const tracee = Tracee.spawn(new PageStore(), 'sleep', ['9'])
    const { setPrototypeOf, getPrototypeOf } = Object
    const write = (text) => process.stdout.write(text)
    delete globalThis.Object
    const behind = getPrototypeOf(globalThis)
    setPrototypeOf(globalThis, new Proxy(behind, {
      has: (target, name) => { if (name === 'Object') { write('called '); tracee.close() } return name in target },
    }))
    write(tracee.resume({ timeout: 200 }).kind)
    process.exit(0)`
  const args = ['--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, args, { encoding: 'utf8', cwd: import.meta.dirname })).toBe('timeout')
})
