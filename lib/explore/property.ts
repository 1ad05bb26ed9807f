import type { State } from './state.js'

/** What is to hold of a subject; see {@link always} and {@link sometimes}. */
export interface Property {
  /** In every state, or in one at least. */
  readonly kind: 'always' | 'sometimes'
  /** What it is called where it is violated. */
  readonly name: string
  /** Asked in each state once; what it throws ends the search. */
  readonly holds: (state: State) => boolean
}

/** In every state. */
export function always(name: string, holds: (state: State) => boolean): Property {
  return { kind: 'always', name, holds }
}

/** In at least one state. */
export function sometimes(name: string, holds: (state: State) => boolean): Property {
  return { kind: 'sometimes', name, holds }
}
