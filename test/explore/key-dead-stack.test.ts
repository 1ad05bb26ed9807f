/** Stack counts unless it is proven dead: choices on every kind of stack are explored exactly. */
import { PageStore, type ResumeOptions, Tracee } from 'pagestore'
import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const hidden = [{ kind: 'assertion', property: 'the secret is not 1' }]

/** What a program has: states, transitions, and whether its secret is found. */
const programs: Record<string, [states: number, transitions: number, violations: object[]]> = {
  // The start, a choice of the coroutine for each secret, and the end without one.
  'in-main-frame': [4, 4, hidden],
  elsewhere: [4, 4, hidden],
  // The start, a choice of the handler for each secret, and two ends.
  'in-handler': [5, 6, hidden],
  'on-alternate': [5, 6, hidden],
  'in-frame': [5, 6, hidden],
  // Four rounds, for which the ways are forgotten, and an end for each: the alternate stack is an array like others then.
  'in-sigsuspend': [7, 12, []],
  // Three rounds with a choice in the handler each, and the end: which faults there were is forgotten.
  'after-faults': [7, 12, []],
  // Four rounds and the end: the ways are forgotten.
  plain: [5, 12, []],
  aligned: [5, 12, []],
  // Three rounds and the end: how deep the stack once was is forgotten.
  grown: [4, 6, []],
}

/** Lets the first thread run until it waits for the one that chooses, by which time that may be at a choice already. */
function settle(tracee: Tracee, chooser: number): void {
  if (chooser === tracee.pid) return
  do tracee.resume({ tid: tracee.pid, timeout: 5 })
  while (tracee.systemCall(tracee.pid)?.name !== 'futex')
}

/** The keys after each of some paths, taken from the first choice on. */
function keysAfter(program: string, name: string, paths: number[][]): number[] {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, program, [name])
  const untilChoice = (options: ResumeOptions) => {
    for (let stop = tracee.resume(options); ; stop = tracee.resume()) if (stop.kind === 'choice') return stop.tid
  }
  const tid = untilChoice({})
  settle(tracee, tid)
  const start = tracee.capture()
  const snapshots = paths.map((path) => {
    tracee.restore(start)
    for (const choose of path) untilChoice({ choose, tid })
    return tracee.capture()
  })
  return snapshots.map(({ key }) => key)
}

describe.each(['-O0', '-O1', '-O2'])('%s', (level) => {
  const dynamic = build('stacks.c', { flags: [level] })
  const whole = build('stacks.c', { flags: [level, '-static'] })

  test.each(['dynamic', 'static'])('the stack of another thread, %s', (linked) => {
    const program = linked === 'static' ? whole : dynamic
    const plain = keysAfter(program, 'in-thread', [[], [0], [1], [2], [0, 0], [2, 1]])
    expect(new Set(plain).size).toBe(3)
    expect([plain[2], plain[3], plain[5]]).toEqual([plain[1], plain[1], plain[4]])
    const beside = keysAfter(program, 'beside-arena', [[], [0], [1], [0, 0], [1, 0], [0, 1], [1, 1]])
    expect(new Set(beside).size).toBe(5)
    expect([beside[4], beside[6]]).toEqual([beside[3], beside[5]])
    // There nothing proves where the stack ends, so all of it counts.
    const guard = keysAfter(program, 'beside-guard', [[], [0], [1], [0, 0], [1, 0], [0, 1], [1, 1]])
    expect(new Set([guard[1], guard[2], guard[3], guard[5]]).size).toBe(4)
  })

  test.each(Object.entries(programs))('%s', async (name, [states, transitions, violations]) => {
    for (const strategy of ['breadth', 'depth'] as const) {
      for (const program of [dynamic, whole]) {
        const found = await explore(new Program(program, [name]), { strategy, verify: true })
        expect(found).toMatchObject({ complete: true, states, transitions, violations })
      }
    }
  })
})
