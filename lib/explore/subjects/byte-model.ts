/** Models in plain TypeScript, whose state is an array of bytes. */

import { bytesOf, checkObject, functionOf, optionsOf, shown } from '../../arguments.js'
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
   * by no whole number, or has another array than before, or one of another length.
   * @throws `ERR_ARGUMENT_TYPE`
   */
  constructor(model: Bytes) {
    checkObject(model, 'a model')
    this.#model = model
  }

  /**
   * Begins a run.
   * @throws `ERR_ARGUMENT_TYPE`, `ERR_BUFFER_DETACHED`
   */
  open(store: PageStore): Running {
    const model = this.#model
    const { state, alternatives, choose } = optionsOf(model, ['state', 'alternatives', 'choose'], 'a model')
    const bytes = bytesOf(state, 'the state of a model')
    functionOf(alternatives, 'alternatives of a model')
    functionOf(choose, 'choose of a model')
    const before = bytes.slice()
    const memory = new LocalMemory(store, state)
    const checkState = (): void => {
      if (model.state !== state) refuse('its state is another array than before')
      if (bytesOf(state, 'its state').length !== before.length) refuse('its state has another length than before')
    }
    const step = (run: () => unknown): Step => {
      const made = stepOf(run)
      checkState()
      return made
    }
    return {
      memory,
      start: () => step(() => model.alternatives()),
      take(alternative) {
        let result: unknown
        const made = step(() => {
          result = model.choose(alternative)
          return model.alternatives()
        })
        if (isPromise(result)) refuse('choose returned a promise, and what it does later does not count')
        return made
      },
      close() {
        memory.close()
        try {
          if (bytes.length === before.length) bytes.set(before)
        } catch {
          // The array has lost its bytes: there is nothing to put back. Compiled code of V8's may still say their length.
        }
      },
    }
  }
}

function refuse(reason: string): never {
  throw new PageStoreError('ERR_MODEL', `the model cannot be explored: ${reason}`)
}

/** What cannot be asked, a Proxy that was revoked, is nothing that comes later. */
function isPromise(value: unknown): boolean {
  try {
    return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
  } catch {
    return false
  }
}

/**
 * @param run runs a model to its next choice, and returns how many alternatives that has
 * @throws `ERR_MODEL` where it returns what is no whole number
 */
export function stepOf(run: () => unknown): Step {
  let alternatives: unknown
  try {
    alternatives = run()
  } catch (error) {
    return { kind: 'failure', failure: failureOf(error) }
  }
  if (!Number.isSafeInteger(alternatives)) {
    refuse(`alternatives returned ${shown(alternatives)}, which is no whole number`)
  }
  const count = alternatives as number
  return count < 0 ? { kind: 'end' } : { kind: 'choice', alternatives: count }
}

/** What was thrown may be anything, and may itself throw when it is asked. */
function failureOf(error: unknown): Failure {
  try {
    return error instanceof Error ? failureOfError(error) : { kind: 'crash', property: String(error) }
  } catch {
    return { kind: 'crash', property: `${shown(error)} was thrown` }
  }
}

function failureOfError(error: Error): Failure {
  const [name, message, stack] = [`${error.name}`, `${error.message}`, `${error.stack}`]
  const isAssertion = name === 'AssertionError' || ('code' in error && error.code === 'ERR_ASSERTION')
  const detail = stack.split('\n')[1]?.trim()
  return isAssertion
    ? { kind: 'assertion', property: message, detail }
    : { kind: 'crash', property: `${name}: ${message}`, detail }
}
