/**
 * How a run is taken back to its first choice.
 *
 * What a run writes outlives it, in files that it adds to: the next run would begin with what the last path has left there.
 * So a run is taken back before it is closed, and files that it made are taken away. What it did before that stays.
 *
 * A search tries it, too, while it goes on. What it cannot take back, bytes that went through a pipe, makes another state
 * each time; if it never had to go back past that, it would find new states for ever, and never say why.
 */

import { PageStoreError } from '../errors.js'
import type { RestorableMemory } from '../memory.js'
import type { Snapshot } from '../snapshot.js'
import type { Running, Step } from './subject.js'
import { takeStep } from './turns.js'

const firstTry = 64

/** Whether a search that has found so many states tries to go back: whenever they have doubled, so that it costs nothing. */
export function mustTryToGoBack(states: number): boolean {
  return states >= firstTry && Number.isInteger(Math.log2(states))
}

/**
 * Takes a memory to the start, and to what it was again. A restore that fails for another reason than files is ignored: a
 * thread that has started since makes no state another one.
 * @param now what the memory is equal to
 * @throws `ERR_FILES`
 */
export function tryToGoBack(memory: RestorableMemory, start: Snapshot, now: Snapshot): void {
  try {
    memory.restore(start)
  } catch (error) {
    if (!(error instanceof PageStoreError) || error.code === 'ERR_FILES') throw error
  }
  memory.restore(now)
}

/** Gets a sentence, and what it is about: what a run leaves behind in files, or what could not be verified. */
export type Warn = (about: 'files' | 'verify', text: string) => void

/**
 * Takes a run back and closes it. One that cannot go back, since it was killed or did what cannot be undone, is closed as
 * it is, with a warning.
 * @param start undefined for a run that came to no choice
 */
export function closeAtStart(running: Running, start: Snapshot | undefined, warn: Warn): void {
  try {
    if (start !== undefined) {
      running.memory.restore(start)
      running.removeMade?.()
    }
  } catch (error) {
    if (!(error instanceof PageStoreError)) throw error
    if (running.removeMade !== undefined) warn('files', leftBehind(error))
  } finally {
    running.close()
  }
}

function leftBehind({ message }: PageStoreError): string {
  return `a run could not be taken back to its first choice: files that it made since then stay, and so does what it added to others. ${message}`
}

/** Keeps what is said first about each: the next run has the same to say, of another process. */
export function warnInto(warnings: string[]): Warn {
  const said = new Set<string>()
  return (about, text) => {
    if (!said.has(about)) warnings.push(`${about}: ${text}`)
    said.add(about)
  }
}

/**
 * Starts a fresh run, and takes it back and closes it in the end.
 * @param use gets what the start led to, and a snapshot of it if that is a choice
 * @throws Interrupted
 */
export async function inFreshRun<T>(
  running: Running,
  { warn, signal }: { warn: Warn; signal: AbortSignal | undefined },
  use: (first: Step, start: Snapshot | undefined) => Promise<T>,
): Promise<T> {
  let start: Snapshot | undefined
  try {
    const first = await takeStep(running, undefined, signal)
    if (first.kind === 'choice') start = running.memory.capture()
    return await use(first, start)
  } finally {
    closeAtStart(running, start, warn)
    start?.release()
  }
}
