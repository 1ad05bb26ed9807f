import { LocalMemory } from '../../local-memory.js'
import type { PageStore } from '../../page-store.js'
import type { Failure, Running, Step, Subject } from '../subject.js'

/**
 * A model in plain TypeScript. All that it remembers lies in `state`, which is rolled back beneath it: it must keep
 * nothing else.
 */
export interface Bytes {
  /** The same array from the first step to the last. */
  readonly state: Uint8Array
  /** How many ways lead on from here; 0: none. Below 0: this is a good end. */
  ways(): number
  /** Goes one of them. What it throws is a failure. */
  choose(way: number): void
}

/** Explores a plain object whose state is bytes. Its addresses are offsets into them. */
export class ByteModel implements Subject {
  readonly #model: Bytes

  /** The model starts from its state as it is when it is opened, and has it back when it is closed. */
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
      start: () => stepOf(() => model.ways()),
      go: (way) =>
        stepOf(() => {
          model.choose(way)
          return model.ways()
        }),
      close() {
        memory.close()
        model.state.set(before)
      },
    }
  }
}

/** What comes of going on: `ways` goes, and says how many ways there are then. */
export function stepOf(ways: () => number): Step {
  try {
    const count = ways()
    return count < 0 ? { kind: 'end' } : { kind: 'choice', ways: count }
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
