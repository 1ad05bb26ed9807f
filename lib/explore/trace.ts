/** Replays a path, and reports what each of its transitions changed. */

import { PageStoreError } from '../errors.js'
import type { Snapshot } from '../snapshot.js'
import { changesBetween } from './changes.js'
import type { TraceStep } from './exploration.js'
import type { Running, Step } from './subject.js'
import { takeStep } from './turns.js'

/** What a replay is given, beside the path. */
export interface Replay {
  signal: AbortSignal | undefined
  /** Gets each step as soon as it is taken. */
  onStep(step: TraceStep): void
}

/**
 * Takes a path again, from a snapshot of the first choice, and reports at each choice what has changed since the one
 * before.
 * @returns what the last choice led to
 * @throws `ERR_TRACE` where the program has no such path; Interrupted
 */
export async function replay(
  running: Running,
  { snapshot: start, step: first }: { snapshot: Snapshot; step: Step },
  choices: readonly number[],
  { signal, onStep }: Replay,
): Promise<Step> {
  const { memory, layout } = running
  memory.restore(start)
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
    step = await takeStep(running, choice, signal)
    const after = memory.capture()
    onStep({ choice, alternatives, location, changes: changesBetween(before ?? start, after, layout) })
    before?.release()
    before = after
  }
  before?.release()
  return step
}
