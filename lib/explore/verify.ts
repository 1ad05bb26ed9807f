/**
 * Checks that equal keys mean equal states. A sample of the states that were reached a second time is expanded from
 * there, too, and must have the same successors. If not, the declared state misses something, or the program is not
 * deterministic.
 */

import { setImmediate } from 'node:timers/promises'

import type { Snapshot } from '../snapshot.js'
import { type Change, changesBetween } from './changes.js'
import type { Violation } from './exploration.js'
import type { Sample, Search } from './search.js'
import type { Running, Step } from './subject.js'
import { Interrupted, takeStep } from './turns.js'

const mostListed = 12
const repetitions = 8

/** Verifies the samples of a search that has ended, up to the first violation, and releases them. */
export async function verify(
  search: Search,
  running: Running,
  signal: AbortSignal | undefined,
): Promise<{ verified: number; violations: Violation[] }> {
  const violations: Violation[] = []
  const verifying = { search, running, signal }
  let verified = 0
  try {
    for (const sample of search.samples) {
      await setImmediate()
      if (signal?.aborted) break
      // The search may have ended before it had taken all.
      if (search.successors(sample.state).length < sample.alternatives) continue
      const alternative = await findDifference(verifying, sample)
      verified++
      if (alternative === undefined) continue
      violations.push(await explain(verifying, sample, alternative))
      break
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
  } finally {
    for (const { snapshot } of search.samples) snapshot.release()
  }
  return { verified, violations }
}

interface Verifying {
  search: Search
  running: Running
  signal: AbortSignal | undefined
}

/** @returns the first alternative that leads elsewhere than the search says */
async function findDifference(verifying: Verifying, { state, snapshot }: Sample): Promise<number | undefined> {
  for (const [i, label] of verifying.search.successors(state).entries()) {
    if (label !== (await successorOf(verifying, snapshot, i))) return i
  }
  return undefined
}

async function successorOf({ search, running, signal }: Verifying, from: Snapshot, choice: number): Promise<string> {
  running.memory.restore(from)
  const step = await takeStep(running, choice, signal)
  if (step.kind === 'failure') return search.labelOf(step)
  using snapshot = running.memory.capture()
  return search.labelOf(step, snapshot.key)
}

/** Whether an alternative, taken several times from one snapshot, always leads to the same state. */
async function isDeterministic(
  { search, running, signal }: Verifying,
  from: Snapshot,
  alternative: number,
): Promise<boolean> {
  // None is released before the last is compared: a key names a state only as long as somebody has a reference to it.
  const snapshots: Snapshot[] = []
  const labels = new Set<string | number>()
  try {
    for (let i = 0; i < repetitions; i++) {
      running.memory.restore(from)
      const step = await takeStep(running, alternative, signal)
      const snapshot = running.memory.capture()
      snapshots.push(snapshot)
      labels.add(step.kind === 'failure' ? search.labelOf(step) : snapshot.key)
    }
  } finally {
    for (const snapshot of snapshots) snapshot.release()
  }
  return labels.size === 1
}

async function explain(verifying: Verifying, sample: Sample, alternative: number): Promise<Violation> {
  const path = verifying.search.pathTo(sample.state)
  return {
    kind: 'unfaithful',
    property: 'equal states have equal successors',
    choices: [...sample.choices, alternative],
    detail:
      `${pathText(path)} and ${pathText(sample.choices)} have equal keys, but alternative ${alternative} leads from ` +
      `them to different states${await causeOf(verifying, sample, alternative)}`,
  }
}

async function causeOf(verifying: Verifying, sample: Sample, alternative: number): Promise<string> {
  const { search, running, signal } = verifying
  const { memory, layout } = running
  try {
    const isPath =
      (await isDeterministic(verifying, sample.snapshot, alternative)) &&
      (await takePath(verifying, search.pathTo(sample.state)))
    if (!isPath) {
      return '; the program is not deterministic: the same path leads to different states (time, random numbers, addresses)'
    }
    // The state that the search expanded, and the successors of both.
    using expanded = memory.capture()
    const undeclared = changesBetween(expanded, sample.snapshot, layout, [])
    await takeStep(running, alternative, signal)
    using successor = memory.capture()
    memory.restore(sample.snapshot)
    await takeStep(running, alternative, signal)
    using otherSuccessor = memory.capture()
    const differences = changesBetween(successor, otherSuccessor, layout)
    const where = differences.length > 0 ? ` (${namesOf(differences)})` : ''
    return `${where}; the declared state lacks what the two differ in: ${namesOf(undeclared)}`
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    return '; an interruption came before it was known why'
  }
}

/** Takes a path from the start. @returns whether the program still has that path, and it ends at a choice */
async function takePath({ search, running, signal }: Verifying, choices: readonly number[]): Promise<boolean> {
  running.memory.restore(search.start)
  let step: Step = search.first
  for (const choice of choices) {
    if (step.kind !== 'choice' || choice >= step.alternatives) return false
    step = await takeStep(running, choice, signal)
  }
  return step.kind === 'choice'
}

function pathText(choices: readonly number[]): string {
  return choices.length === 0 ? 'the start' : `the state after ${shortened(choices.map(String))}`
}

function namesOf(changes: readonly Change[]): string {
  if (changes.length === 0) return 'nothing that has a name'
  return shortened(changes.map(({ what, before, after }) => `${what}: ${before} and ${after}`))
}

function shortened(texts: readonly string[]): string {
  return texts.slice(0, mostListed).join(', ') + (texts.length > mostListed ? ' …' : '')
}
