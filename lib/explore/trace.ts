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
      throw new PageStoreError('ERR_TRACE', `the trace has ${choices.length} choices, and the program only ${i}`)
    const { alternatives, location = '' } = step
    if (choice >= alternatives) {
      throw new PageStoreError(
        'ERR_TRACE',
        `choice ${i + 1} is ${choice}, of ${alternatives} alternatives${location && ` at ${location}`}`,
      )
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
