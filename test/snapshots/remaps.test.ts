/**
 * Random changes of memory and mappings: what a memory that knows its last snapshot captures is what an observer sees
 * that reads everything. `PAGESTORE_TEST_ROUNDS` says how many changes, `PAGESTORE_TEST_SEED` from which seed on.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

import { PageStore, ProcessMemory, type Region, type Snapshot, Tracee } from 'pagestore'
import { expect, onTestFailed, test } from 'vitest'

import { pick, type Random, randomFrom } from '../support/machines.js'
import { build } from '../support/tracees.js'

const rounds = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 60)
const firstSeed = Number(process.env['PAGESTORE_TEST_SEED'] ?? 1)
const program = build('remaps.c', { flags: ['-O1'] })

/** What was done so far, which is printed if a comparison fails. */
function journal(seed: number): string[] {
  const lines = [`seed ${seed}`]
  onTestFailed(() => console.error(lines.join('\n')))
  return lines
}

function operation(random: Random): number {
  return random(2 ** 30)
}

/** Reads everything, and knows nothing of what came before. */
function readAll(store: PageStore, pid: number, like: Snapshot, stop: boolean): Snapshot {
  const captured = like.regions.filter(isWritten)
  // A tracee's snapshot joins what the kernel has in pieces.
  const regions = ({ start, end }: Region) => captured.some((each) => each.start <= start && end <= each.end)
  using observer = new ProcessMemory(store, pid, { tracker: 'none', stop, regions })
  return observer.capture()
}

/** What an observer can read. Of files that nobody writes to, a tracee's snapshot has only what was touched. */
function isWritten({ permissions, path }: Region): boolean {
  return permissions.startsWith('rw') || (permissions.startsWith('r') && !path.startsWith('/'))
}

function expectEqual(snapshot: Snapshot, whole: Snapshot): void {
  const regions = snapshot.regions.filter(isWritten)
  // Nothing is where nothing is mapped, but the observer has less than all that is mapped.
  const left = snapshot.regions.filter((region) => !regions.includes(region))
  const isIn = (list: readonly Region[], at: bigint) => list.some(({ start, end }) => start <= at && at < end)
  expect(snapshot.diff(whole).filter(({ start }) => isIn(regions, start) || !isIn(left, start))).toEqual([])
}

/** When it waits for the next operation. */
async function untilQuiet(pid: number): Promise<void> {
  while (!/^State:\s+S/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

test('an observed process', async () => {
  const did = journal(firstSeed)
  const random = randomFrom(firstSeed)
  const target = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'], env: { GLIBC_TUNABLES: 'glibc.pthread.rseq=0' } })
  using store = new PageStore()
  using memory = new ProcessMemory(store, target.pid!)
  for (let round = 0; round < rounds; round++) {
    for (let i = random(3); i >= 0; i--) {
      const seed = operation(random)
      did.push(`operation ${seed % 32} of ${seed}`)
      const number = Buffer.alloc(4)
      number.writeInt32LE(seed)
      target.stdin.write(number)
      await once(target.stdout, 'data')
    }
    await untilQuiet(target.pid!)
    using snapshot = memory.capture()
    using whole = readAll(store, target.pid!, snapshot, true)
    did.push('capture')
    expectEqual(snapshot, whole)
  }
  target.kill()
})

test('a tracee, which is rolled back, too', () => {
  const did = journal(firstSeed)
  const random = randomFrom(firstSeed + 1)
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [], { stdio: ['ignore', 'ignore', 'inherit'] })
  const runOn = (choose?: number) => {
    for (let stop = tracee.resume({ choose }); stop.kind !== 'choice'; stop = tracee.resume()) {
      expect(['fork', 'signal']).toContain(stop.kind)
    }
  }
  const capture = () => {
    const snapshot = tracee.capture()
    using whole = readAll(store, tracee.pid, snapshot, false)
    expectEqual(snapshot, whole)
    for (const { start, end, permissions } of snapshot.regions) {
      if (permissions !== '---p' || end - start > 2n ** 20n) continue
      const length = Number(end - start)
      expect(snapshot.read(start, length).equals(tracee.read(start, length))).toBe(true)
    }
    return snapshot
  }
  runOn()
  const kept = [capture()]
  for (let round = 0; round < rounds; round++) {
    const seed = operation(random)
    did.push(`operation ${seed % 32} of ${seed}`)
    runOn(seed)
    if (random(3) > 0) {
      did.push('capture')
      kept.push(capture())
    }
    if (random(3) === 0) {
      const snapshot = pick(random, kept)
      did.push(`restore snapshot ${kept.indexOf(snapshot)}`)
      tracee.restore(snapshot)
      using again = capture()
      expect(again.root).toBe(snapshot.root)
      expect(again.equals(snapshot)).toBe(true)
    }
  }
  for (const snapshot of kept) snapshot.release()
})
