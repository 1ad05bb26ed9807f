import { setImmediate } from 'node:timers/promises'

import type { Snapshot } from '../snapshot.js'
import { type Change, changesBetween } from './changes.js'
import type { Violation } from './exploration.js'
import type { Sample, Search } from './search.js'
import type { Running, Step } from './subject.js'

/**
 * Is the state really the state? States that were reached a second time are expanded from there, too, and must lead to
 * the same. Where they do not, what was declared misses something, or the program is not deterministic.
 */
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
    if (expected.length < sample.ways) continue // the search ended before
    verified++
    const way = expected.findIndex((label, i) => label !== labelFrom(search, running, sample.snapshot, i))
    if (way < 0) continue
    violations.push(explain(search, running, sample, way))
    break
  }
  for (const { snapshot } of search.samples) snapshot.release()
  return { verified, violations }
}

function labelFrom(search: Search, running: Running, from: Snapshot, way: number): string {
  running.memory.restore(from)
  const step: Step = running.go(way)
  if (step.kind === 'failure') return search.labelOf(step)
  using snapshot = running.memory.capture()
  return search.labelOf(step, snapshot.key)
}

/** Several times, held all together: keys name the same only while they are held. */
function leadsToOne(search: Search, running: Running, from: Snapshot, way: number): boolean {
  const held: Snapshot[] = []
  const labels = Array.from({ length: 8 }, () => {
    running.memory.restore(from)
    const step = running.go(way)
    const snapshot = running.memory.capture()
    held.push(snapshot)
    return step.kind === 'failure' ? search.labelOf(step) : snapshot.key
  })
  for (const snapshot of held) snapshot.release()
  return new Set(labels).size === 1
}

function explain(search: Search, running: Running, sample: Sample, way: number): Violation {
  const { memory, layout } = running
  const first = search.wayTo(sample.state)
  let cause =
    'the program is not deterministic: the same way leads to different states (time, random numbers, addresses)'
  let led: Change[] = []
  if (leadsToOne(search, running, sample.snapshot, way) && follow(search, running, first)) {
    // The state that was expanded, and where both lead.
    using one = memory.capture()
    const others = changesBetween(one, sample.snapshot, layout, [])
    running.go(way)
    using oneOn = memory.capture()
    memory.restore(sample.snapshot)
    running.go(way)
    using otherOn = memory.capture()
    led = changesBetween(oneOn, otherOn, layout)
    cause = `what is declared misses something: the two differ in ${list(others)}`
  }
  return {
    kind: 'unfaithful',
    property: 'states that count as one lead to the same',
    choices: [...sample.choices, way],
    detail:
      `the state after ${list(first)} is also reached by ${list(sample.choices)}, and then way ${way} leads to different ` +
      `states${led.length > 0 ? ` (${list(led)})` : ''}; ${cause}`,
  }
}

/** Goes a way from the start; false where it is none any more. */
function follow(search: Search, running: Running, choices: readonly number[]): boolean {
  running.memory.restore(search.start)
  let step: Step = search.first
  for (const choice of choices) {
    if (step.kind !== 'choice' || choice >= step.ways) return false
    step = running.go(choice)
  }
  return step.kind === 'choice'
}

function list(what: readonly (number | Change)[]): string {
  if (what.length === 0) return 'nothing that has a name'
  const texts = what.map((each) =>
    typeof each === 'number' ? String(each) : `${each.what}: ${each.before} and ${each.after}`,
  )
  return texts.slice(0, 12).join(', ') + (texts.length > 12 ? ' …' : '')
}
