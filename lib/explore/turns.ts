/**
 * Steps that last give the event loop its turns in between: no handler of a signal runs without them, and Ctrl-C would
 * wait until the step is over.
 *
 * A native program is interrupted within its step, and goes on from there. A step of any other subject is one call of
 * its own code, and nothing else runs until that returns.
 */

import { setImmediate } from 'node:timers/promises'

import type { Running, Step } from './subject.js'

/** The steps of a run in parts, each some tenth of a second long. */
export interface Parts {
  /**
   * Begins a step.
   * @param alternative none for the first step of all
   * @returns undefined if the step is not over
   */
  begin(alternative: number | undefined): Step | undefined
  /** The next part of a step that is not over. */
  goOn(): Step | undefined
}

/** A step, or what needs one, was given up because the signal was aborted. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

const known = new WeakMap<Running, Parts>()

/** For a run whose steps have parts. It is not taken apart if its `start` or `take` was replaced: that is a subject's own. */
export function setParts(running: Running, parts: Parts): void {
  known.set(running, parts)
}

/** The same run under another object. */
export function shareParts(from: Running, to: Running, check: (step: Step) => Step): void {
  const parts = known.get(from)
  if (parts === undefined || Object.hasOwn(from, 'take') || Object.hasOwn(from, 'start')) return
  const checked = (step: Step | undefined) => (step === undefined ? undefined : check(step))
  known.set(to, { begin: (alternative) => checked(parts.begin(alternative)), goOn: () => checked(parts.goOn()) })
}

/** The parts of a run's steps; one for each step where it has no others. */
export function partsOf(running: Running): Parts {
  const whole = (alternative?: number) => (alternative === undefined ? running.start() : running.take(alternative))
  return known.get(running) ?? { begin: whole, goOn: whole }
}

/**
 * Takes a step, and lets the event loop run while it lasts.
 * @param alternative none for the first step of all
 * @throws Interrupted if the signal is aborted before the step is over
 */
export async function takeStep(
  running: Running,
  alternative: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Step> {
  const parts = partsOf(running)
  for (let step = parts.begin(alternative); ; step = parts.goOn()) {
    if (step !== undefined) return step
    await setImmediate()
    if (signal?.aborted) throw new Interrupted('the step was given up')
  }
}
