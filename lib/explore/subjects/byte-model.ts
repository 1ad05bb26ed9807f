/** Models in plain TypeScript, whose state is an array of bytes. */

import { PageStoreError } from '../../errors.js'
import { LocalMemory } from '../../local-memory.js'
import type { PageStore } from '../../page-store.js'
import type { Failure, Running, Step, Subject } from '../subject.js'

/**
 * A model in plain TypeScript. The explorer rolls `state` back, and nothing else: the model must keep all that it
 * remembers in there. Two states are one if all these bytes are equal.
 *
 * Both functions run to their end at once: neither may return a promise. They are called with the object as `this`.
 */
export interface Bytes {
  /** The same array, of the same length, from the first step to the last. */
  readonly state: Uint8Array
  /**
   * How many alternatives there are now: a whole number. 0 is a deadlock, a number below 0 says that the model ended as it
   * should. It is asked once after each step, and what it writes to the state counts.
   */
  alternatives(): number
  /** Takes one of them, from 0 on. What it throws is reported as a failure, and its step leads to no state. */
  choose(alternative: number): void
}

/** Explores a plain object whose state is bytes. Its addresses are offsets into them. */
export class ByteModel implements Subject {
  readonly #model: Bytes

  /**
   * A run starts from the model's state as it is when the run is opened, and puts that back when it is closed. So a model is
   * explored by one search at a time. A step throws `ERR_MODEL` for a model that returns a promise, counts its alternatives
   * by no whole number, or has another array than before.
   */
  constructor(model: Bytes) {
    this.#model = model
  }

  /**
   * Begins a run.
   * @throws `ERR_ARGUMENT_TYPE`
   */
  open(store: PageStore): Running {
    const model = this.#model
    const { state } = model
    const memory = new LocalMemory(store, state)
    const before = Uint8Array.from(state)
    const checked = (step: Step): Step => {
      if (model.state !== state) refuse('its state is another array than before')
      if (step.kind === 'choice' && !Number.isInteger(step.alternatives)) {
        refuse(`alternatives returned ${String(step.alternatives)}, which is no whole number`)
      }
      return step
    }
    return {
      memory,
      start: () => checked(stepOf(() => model.alternatives())),
      take: (alternative) => {
        let result: unknown
        const step = stepOf(() => {
          result = model.choose(alternative)
          return model.alternatives()
        })
        if (isPromise(result)) refuse('choose returned a promise, and what it does later does not count')
        return checked(step)
      },
      close() {
        memory.close()
        state.set(before)
      },
    }
  }
}

function refuse(reason: string): never {
  throw new PageStoreError('ERR_MODEL', `the model cannot be explored: ${reason}`)
}

function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** @param run runs a model to its next choice, and returns how many alternatives that has */
export function stepOf(run: () => number): Step {
  try {
    const alternatives = run()
    return alternatives < 0 ? { kind: 'end' } : { kind: 'choice', alternatives }
  } catch (error) {
    return { kind: 'failure', failure: failureOf(error) }
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { kind: 'crash', property: String(error) }
  const isAssertion = error.name === 'AssertionError' || ('code' in error && error.code === 'ERR_ASSERTION')
  const detail = error.stack?.split('\n')[1]?.trim()
  return isAssertion
    ? { kind: 'assertion', property: error.message, detail }
    : { kind: 'crash', property: `${error.name}: ${error.message}`, detail }
}
