import { PageStoreError } from '../errors.js'
import type { Snapshot } from '../snapshot.js'
import { changesBetween } from './changes.js'
import type { TraceStep } from './exploration.js'
import type { Running, Step } from './subject.js'

export interface Replayed {
  steps: TraceStep[]
  /** What the last choice has led to. */
  end: Step
}

/**
 * Goes a way again, from a snapshot of the first choice, and says at each choice what has changed since the one before.
 * @throws `ERR_TRACE` where the way is none
 */
export function replay(running: Running, start: Snapshot, first: Step, choices: readonly number[]): Replayed {
  const { memory, layout } = running
  memory.restore(start)
  const steps: TraceStep[] = []
  let step = first
  let before: Snapshot | undefined
  for (const [i, choice] of choices.entries()) {
    if (step.kind !== 'choice') throw new PageStoreError('ERR_TRACE', `after ${i} choices there is nothing to choose`)
    const { ways, place = '' } = step
    if (choice >= ways) {
      throw new PageStoreError('ERR_TRACE', `choice ${i + 1} is ${choice}, of ${ways} ways${place && ` at ${place}`}`)
    }
    step = running.go(choice)
    const after = memory.capture()
    steps.push({ choice, ways, place, changes: changesBetween(before ?? start, after, layout) })
    before?.release()
    before = after
  }
  before?.release()
  return { steps, end: step }
}
