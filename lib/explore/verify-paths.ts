/**
 * Compares the search with runs that were never rolled back: random walks through the states that it found are taken by
 * fresh runs, and have to lead to the same states all along.
 *
 * Keys are numbers in one store, so a fresh run captures into the store of the search, where numbers still mean what they
 * meant. Two runs have equal keys only where both begin as the same bytes at the same addresses; where they do not, only
 * failures are compared. What a fresh run finds counts if a second one finds it, too, or if the subject has declared its
 * state: a program may keep the number of its process, which is part of no state.
 */

import { setImmediate } from 'node:timers/promises'

import { PageStoreError } from '../errors.js'
import type { PageStore } from '../page-store.js'
import type { Snapshot } from '../snapshot.js'
import type { Violation } from './exploration.js'
import { inFreshRun, type Warn } from './put-back.js'
import { createRandom } from './random.js'
import type { Search } from './search.js'
import type { Running, Step, Subject } from './subject.js'
import { Interrupted, takeStep } from './turns.js'

const mostWalks = 16
const longestWalk = 256

/** A path, and where the search says that each of its transitions leads, as labels. */
interface Walk {
  choices: number[]
  labels: string[]
}

/** What a fresh run came to. */
interface Arrival {
  step: Step
  /** None of a failure, and where keys are not compared. */
  snapshot: Snapshot | undefined
  /** How many choices it took to come there. */
  taken: number
}

/** A fresh run at its first choice. */
interface Begun {
  running: Running
  first: Step
  start: Snapshot | undefined
}

interface Fresh {
  search: Search
  subject: Subject
  store: PageStore
  signal: AbortSignal | undefined
  warn: Warn
}

/** @returns the first difference that was found, if any */
export async function verifyPaths(
  search: Search,
  subject: Subject,
  store: PageStore,
  { seed, signal, warn }: { seed: number; signal: AbortSignal | undefined; warn: Warn },
): Promise<Violation | undefined> {
  const random = createRandom(seed)
  for (let i = 0; i < mostWalks; i++) {
    await setImmediate()
    if (signal?.aborted) break
    const difference = await compare({ search, subject, store, signal, warn }, randomWalk(search, random))
    if (difference !== undefined) return difference
  }
  return undefined
}

/** Until a failure, an end, or a state that was not expanded. A hang would take as long as a step may. */
function randomWalk(search: Search, random: () => number): Walk {
  const walk: Walk = { choices: [], labels: [] }
  for (let state = 0; walk.choices.length < longestWalk; ) {
    const successors = search.successors(state)
    const choice = Math.floor(random() * successors.length)
    const label = successors[choice]
    if (label === undefined || label.startsWith('hang ')) break
    walk.choices.push(choice)
    walk.labels.push(label)
    if (!isState(label)) break
    state = Number(label)
  }
  return walk
}

function isState(label: string): boolean {
  return /^\d+$/.test(label)
}

async function compare(fresh: Fresh, walk: Walk): Promise<Violation | undefined> {
  const { search, signal, warn } = fresh
  let arrival: Arrival | undefined
  const running = openFresh(fresh)
  if (running === undefined) return undefined
  try {
    let isDeclared = false
    await inFreshRun(running, { warn, signal }, async (first, start) => {
      arrival = await takeWalk({ running, first, start }, fresh, walk)
      isDeclared = (running.layout?.declared().length ?? 0) > 0
    })
    if (arrival === undefined) return undefined
    if (!isDeclared && !(await comesToTheSame(fresh, walk, arrival))) return undefined
    return differenceAt(walk, arrival, search)
  } catch (error) {
    if (error instanceof Interrupted) return undefined
    if (!(error instanceof PageStoreError)) throw error
    // What a fresh run cannot do says nothing of the states that the search found.
    return undefined
  } finally {
    arrival?.snapshot?.release()
  }
}

/** @returns undefined where no run can be started, which is said */
function openFresh({ subject, store, warn }: Fresh): Running | undefined {
  try {
    return subject.open(store)
  } catch (error) {
    if (!(error instanceof PageStoreError)) throw error
    warn('verify', `no fresh run could be started to compare with: ${error.message}`)
    return undefined
  }
}

/** @returns where a fresh run first leaves the search's path; undefined where it stays on it */
async function takeWalk(
  { running, first, start }: Begun,
  { search, signal }: Fresh,
  { choices, labels }: Walk,
): Promise<Arrival | undefined> {
  const { memory } = running
  let step = first
  const comparesKeys = start?.key === search.start.key
  for (const [i, choice] of choices.entries()) {
    if (step.kind !== 'choice' || choice >= step.alternatives) return { step, snapshot: undefined, taken: i }
    step = await takeStep(running, choice, signal)
    const expected = labels[i] ?? ''
    const isFailure = step.kind === 'failure'
    if (isFailure || !comparesKeys) {
      if (isFailure ? search.labelOf(step) === expected : isState(expected)) continue
      return { step, snapshot: undefined, taken: i + 1 }
    }
    const snapshot = memory.capture()
    if (search.labelOf(step, snapshot.key) !== expected) return { step, snapshot, taken: i + 1 }
    snapshot.release()
  }
  return undefined
}

/** Whether another fresh run that takes the same choices comes to the same. */
async function comesToTheSame(fresh: Fresh, { choices }: Walk, first: Arrival): Promise<boolean> {
  const { search, signal, warn } = fresh
  const running = openFresh(fresh)
  if (running === undefined) return false
  return await inFreshRun(running, { warn, signal }, async (begun) => {
    let step = begun
    for (const choice of choices.slice(0, first.taken)) {
      if (step.kind !== 'choice' || choice >= step.alternatives) return false
      step = await takeStep(running, choice, signal)
    }
    if (step.kind === 'failure' || first.step.kind === 'failure') {
      return step.kind === first.step.kind && search.labelOf(step) === search.labelOf(first.step)
    }
    if (first.snapshot === undefined) return step.kind === first.step.kind
    using snapshot = running.memory.capture()
    return snapshot.key === first.snapshot.key
  })
}

function differenceAt({ choices, labels }: Walk, { step, snapshot, taken }: Arrival, search: Search): Violation {
  const path = choices.slice(0, taken)
  const expected = taken === 0 ? 'the first state' : nameOf(labels[taken - 1] ?? '')
  const found = step.kind === 'failure' ? nameOf(search.labelOf(step)) : nameOf(search.labelOf(step, snapshot?.key))
  return {
    kind: 'unfaithful',
    property: 'runs that are never rolled back come to the same states',
    choices: path,
    detail:
      `${path.length} choices lead the search to ${expected}, and a fresh run to ${found}: the program is not ` +
      'deterministic, its declared state lacks something, or something did not roll back',
  }
}

function nameOf(label: string): string {
  return isState(label) ? `state ${label}` : label
}
