/** Replays a path, and reports what each of its transitions changed. */

import { PageStoreError } from '../errors.js'
import type { Snapshot } from '../snapshot.js'
import { changesBetween } from './changes.js'
import type { TraceStep } from './exploration.js'
import type { Running, Step } from './subject.js'

/** What a replay found. */
export interface Replayed {
  steps: TraceStep[]
  /** What the last choice led to. */
  end: Step
}

/**
 * Takes a path again, from a snapshot of the first choice, and reports at each choice what has changed since the one
 * before.
 * @throws `ERR_TRACE` where the program has no such path
 */
export function replay(running: Running, start: Snapshot, first: Step, choices: readonly number[]): Replayed {
  const { memory, layout } = running
  memory.restore(start)
  const steps: TraceStep[] = []
  let step = first
  let before: Snapshot | undefined
  for (const [i, choice] of choices.entries()) {
    if (step.kind !== 'choice')
      throw new PageStoreError('ERR_TRACE', `after ${i} choices the program has no other choice`)
    const { alternatives, location = '' } = step
    if (choice >= alternatives) {
      const where = location && ` at ${location}`
      throw new PageStoreError('ERR_TRACE', `choice ${i + 1} is ${choice}, of ${alternatives} alternatives${where}`)
    }
    step = running.take(choice)
    const after = memory.capture()
    steps.push({ choice, alternatives, location, changes: changesBetween(before ?? start, after, layout) })
    before?.release()
    before = after
  }
  before?.release()
  return { steps, end: step }
}
