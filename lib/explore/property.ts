/** What a user demands of the states of a subject. */

import type { State } from './state.js'

/** What must hold of a subject; see {@link always} and {@link sometimes}. */
export interface Property {
  /** Whether it must hold in every state, or in at least one. */
  readonly kind: 'always' | 'sometimes'
  /** What a violation of it is called. */
  readonly name: string
  /** Called once for each state; what it throws ends the search. */
  readonly holds: (state: State) => boolean
}

/** A property that must hold in every state. */
export function always(name: string, holds: (state: State) => boolean): Property {
  return { kind: 'always', name, holds }
}

/** A property that must hold in at least one state. */
export function sometimes(name: string, holds: (state: State) => boolean): Property {
  return { kind: 'sometimes', name, holds }
}
