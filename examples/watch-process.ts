/**
 * What a program writes to while it computes: ten snapshots of a live process, and what changed between each pair.
 *
 * Run it on a process of yours, `node dist/examples/watch-process.js <pid>`, or without one: then it starts a Python
 * interpreter (or another Node, where there is no Python) that sorts numbers.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'

import { PageStore, ProcessMemory, pageSize, type Range, type Region, type Snapshot } from 'pagestore'

const python = 'import random\nwhile True: sorted(random.random() for _ in range(20000))'
const javascript = 'for (;;) Array.from({ length: 20000 }, Math.random).sort()'

function startProgram(): ChildProcess {
  const hasPython = spawnSync('python3', ['--version']).status === 0
  return hasPython ? spawn('python3', ['-c', python]) : spawn(process.execPath, ['-e', javascript])
}

/** The region that an address lies in, for people. */
function nameOf(regions: readonly Region[], { start }: Range): string {
  const region = regions.find((each) => each.start <= start && start < each.end)
  return region?.path || 'anonymous memory'
}

/** Bytes that differ within the pages that do. */
function bytesChanged(before: Snapshot, after: Snapshot, { start, end }: Range): number {
  const length = Number(end - start)
  try {
    const [old, now] = [before.read(start, length), after.read(start, length)]
    return now.reduce((sum, byte, i) => sum + Number(byte !== old[i]), 0)
  } catch {
    return length // mapped in only one of the two
  }
}

function report(before: Snapshot, after: Snapshot, round: number): void {
  const changes = new Map<string, { pages: number; bytes: number }>()
  for (const range of before.diff(after)) {
    const name = nameOf(after.regions, range)
    const sum = changes.get(name) ?? { pages: 0, bytes: 0 }
    sum.pages += Number(range.end - range.start) / pageSize
    sum.bytes += bytesChanged(before, after, range)
    changes.set(name, sum)
  }
  console.log(`from snapshot ${round - 1} to ${round}:${changes.size === 0 ? ' nothing' : ''}`)
  for (const [name, { pages, bytes }] of changes) console.log(`  ${pages} pages, ${bytes} bytes in ${name}`)
}

const given = Number(process.argv[2] ?? 0)
const program = given === 0 ? startProgram() : undefined
const store = new PageStore()
try {
  if (program !== undefined) await setTimeout(500)
  const memory = new ProcessMemory(store, program?.pid ?? given)
  let before = memory.capture()
  console.log(`process ${program?.pid ?? given}: ${before.regions.length} regions, ${before.pageCount} pages`)
  for (let round = 2; round <= 10; round++) {
    await setTimeout(100)
    const after = memory.capture()
    report(before, after, round)
    before.release()
    before = after
  }
  const { pages, tables } = store.stats()
  console.log(`in the store: ${pages} pages and ${tables} tables`)
} finally {
  store.close()
  program?.kill('SIGKILL')
}
