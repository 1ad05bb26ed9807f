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

const mostListed = 12
const repetitions = 8

/** Verifies the samples of a search that has ended, up to the first violation, and releases them. */
export async function verify(
  search: Search,
  running: Running,
  signal: AbortSignal | undefined,
): Promise<{ verified: number; violations: Violation[] }> {
  const violations: Violation[] = []
  let verified = 0
  for (const sample of search.samples) {
    await setImmediate()
    if (signal?.aborted) break
    const expected = search.successors(sample.state)
    if (expected.length < sample.alternatives) continue // the search ended before it had taken all
    verified++
    const alternative = expected.findIndex((label, i) => label !== successorOf(search, running, sample.snapshot, i))
    if (alternative < 0) continue
    violations.push(explain(search, running, sample, alternative))
    break
  }
  for (const { snapshot } of search.samples) snapshot.release()
  return { verified, violations }
}

function successorOf(search: Search, running: Running, from: Snapshot, alternative: number): string {
  running.memory.restore(from)
  const step = running.take(alternative)
  if (step.kind === 'failure') return search.labelOf(step)
  using snapshot = running.memory.capture()
  return search.labelOf(step, snapshot.key)
}

/** Whether an alternative, taken several times from one snapshot, always leads to the same state. */
function isDeterministic(search: Search, running: Running, from: Snapshot, alternative: number): boolean {
  // None is released before the last is compared: a key names a state only as long as somebody has a reference to it.
  const snapshots: Snapshot[] = []
  const labels = Array.from({ length: repetitions }, () => {
    running.memory.restore(from)
    const step = running.take(alternative)
    const snapshot = running.memory.capture()
    snapshots.push(snapshot)
    return step.kind === 'failure' ? search.labelOf(step) : snapshot.key
  })
  for (const snapshot of snapshots) snapshot.release()
  return new Set(labels).size === 1
}

function explain(search: Search, running: Running, sample: Sample, alternative: number): Violation {
  const { memory, layout } = running
  const path = search.pathTo(sample.state)
  let cause =
    'the program is not deterministic: the same path leads to different states (time, random numbers, addresses)'
  let differences: Change[] = []
  if (isDeterministic(search, running, sample.snapshot, alternative) && takePath(search, running, path)) {
    // The state that the search expanded, and the successors of both.
    using expanded = memory.capture()
    const undeclared = changesBetween(expanded, sample.snapshot, layout, [])
    running.take(alternative)
    using successor = memory.capture()
    memory.restore(sample.snapshot)
    running.take(alternative)
    using otherSuccessor = memory.capture()
    differences = changesBetween(successor, otherSuccessor, layout)
    cause = `the declared state lacks what the two differ in: ${namesOf(undeclared)}`
  }
  const where = differences.length > 0 ? ` (${namesOf(differences)})` : ''
  return {
    kind: 'unfaithful',
    property: 'equal states have equal successors',
    choices: [...sample.choices, alternative],
    detail:
      `${pathText(path)} and ${pathText(sample.choices)} have equal keys, but alternative ${alternative} leads from ` +
      `them to different states${where}; ${cause}`,
  }
}

/** Takes a path from the start. @returns whether the program still has that path, and it ends at a choice */
function takePath(search: Search, running: Running, choices: readonly number[]): boolean {
  running.memory.restore(search.start)
  let step: Step = search.first
  for (const choice of choices) {
    if (step.kind !== 'choice' || choice >= step.alternatives) return false
    step = running.take(choice)
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
