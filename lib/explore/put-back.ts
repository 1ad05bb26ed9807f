/**
 * What a run writes outlives it, in files that it adds to: the next run would begin with what the last path has left there.
 * So a run is taken back to its first choice before it is closed. What it did before that stays.
 */

import { PageStoreError } from '../errors.js'
import type { Snapshot } from '../snapshot.js'
import type { Running, Step } from './subject.js'

/**
 * Takes a run back and closes it. One that cannot go back, since it was killed or did what cannot be undone, is closed as
 * it is.
 * @param start undefined for a run that came to no choice
 */
export function closeAtStart(running: Running, start: Snapshot | undefined): void {
  try {
    if (start !== undefined) running.memory.restore(start)
  } catch (error) {
    if (!(error instanceof PageStoreError)) throw error
  } finally {
    running.close()
  }
}

/**
 * Starts a fresh run, and takes it back and closes it in the end.
 * @param use gets what the start led to, and a snapshot of it if that is a choice
 */
export function inFreshRun<T>(running: Running, use: (first: Step, start: Snapshot | undefined) => T): T {
  let start: Snapshot | undefined
  try {
    const first = running.start()
    if (first.kind === 'choice') start = running.memory.capture()
    return use(first, start)
  } finally {
    closeAtStart(running, start)
    start?.release()
  }
}
