// A process that is observed outlives its observer, whatever kills that and whenever. `npm run test:long` kills at every
// system call and at random, over all targets; here it is some of both.
import { beforeAll, describe, expect, test } from 'vitest'

import { refused } from '../support/refused.js'
import {
  type Found,
  findTargets,
  inContainer,
  killAtEachCall,
  killAtRandom,
  type Target,
} from '../support/survivors.js'

const rounds = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 0)
const isLong = rounds > 0
const only = process.env['PAGESTORE_TARGETS']?.split(',')
const seed = Number(process.env['PAGESTORE_TEST_SEED'] ?? Date.now() % 1e9)

function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

let targets: Target[]
beforeAll(() => {
  targets = findTargets().filter(({ name }) => (only ? only.includes(name) : isLong || name === 'C' || name === 'bare'))
})

function report(name: string, way: string, found: Found): void {
  if (isLong) console.log(`${name} ${way}: ${found.kills} kills, ${found.bad.length} bad, ${found.left} left something`)
  for (const each of found.bad) console.log(`  ${name} ${way} ${each}`)
}

async function eachOf(kill: (target: Target) => Promise<Found>, way: string, of = targets): Promise<void> {
  let bad = 0
  for (const target of of) {
    const found = await kill(target)
    report(target.name, way, found)
    bad += found.bad.length + found.left
  }
  expect(bad).toBe(0)
}

describe('a process outlives its observer, which is killed', () => {
  test('before any of its system calls', async () => {
    const first = isLong ? 1 : 1 + (seed % 45)
    await eachOf((target) => killAtEachCall(target, 'trace', first, isLong ? 1 : 45), 'trace')
  })

  test('before any of them, in a container', async () => {
    const first = isLong ? 1 : 1 + (seed % 90)
    const docker = inContainer('docker')
    await eachOf((target) => killAtEachCall(target, 'trace', first, isLong ? 1 : 90, docker), 'trace in a container')
  })

  test('while it only stops the process', async () => {
    const first = isLong ? 1 : 1 + (seed % 90)
    await eachOf((target) => killAtEachCall(target, 'stop', first, isLong ? 1 : 90), 'stop')
  })

  test(`at random moments (seed ${seed})`, async () => {
    const random = randomFrom(seed)
    const kills = isLong ? Math.ceil((rounds * 2) / targets.length) : 4
    await eachOf((target) => killAtRandom(target, 'loop', kills, random), 'loop')
  })

  // Where the kernel's events are forbidden there is no breakpoint in a process that was attached to.
  const mayBreak = !refused.has('perf_event_open')
  test.runIf(mayBreak)(`while it waits at breakpoints, or comes from one (seed ${seed})`, async () => {
    const beating = targets.filter(({ beats }) => beats)
    const random = randomFrom(seed)
    const first = isLong ? 1 : 1 + (seed % 60)
    await eachOf((target) => killAtEachCall(target, 'break', first, isLong ? 1 : 60), 'break', beating)
    await eachOf((target) => killAtRandom(target, 'breaks', isLong ? rounds / 4 : 3, random), 'breaks', beating)
  })
})
