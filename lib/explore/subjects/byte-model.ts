/** Models in plain TypeScript, whose state is an array of bytes. */

import { LocalMemory } from '../../local-memory.js'
import type { PageStore } from '../../page-store.js'
import type { Failure, Running, Step, Subject } from '../subject.js'

/**
 * A model in plain TypeScript. The explorer rolls `state` back, and nothing else: the model must keep all that it
 * remembers in there.
 */
export interface Bytes {
  /** The same array from the first step to the last. */
  readonly state: Uint8Array
  /** How many alternatives there are now; 0 is a deadlock, a number below 0 says that the model ended as it should. */
  alternatives(): number
  /** Takes one of them, from 0 on. The explorer reports what it throws as a failure. */
  choose(alternative: number): void
}

/** Explores a plain object whose state is bytes. Its addresses are offsets into them. */
export class ByteModel implements Subject {
  readonly #model: Bytes

  /** A run starts from the model's state as it is when the run is opened, and puts that back when it is closed. */
  constructor(model: Bytes) {
    this.#model = model
  }

  /**
   * Begins a run.
   * @throws `ERR_ARGUMENT_TYPE`
   */
  open(store: PageStore): Running {
    const model = this.#model
    const memory = new LocalMemory(store, model.state)
    const before = Uint8Array.from(model.state)
    return {
      memory,
      start: () => stepOf(() => model.alternatives()),
      take: (alternative) =>
        stepOf(() => {
          model.choose(alternative)
          return model.alternatives()
        }),
      close() {
        memory.close()
        model.state.set(before)
      },
    }
  }
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
