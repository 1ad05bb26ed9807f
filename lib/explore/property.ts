/** What a user demands of the states of a subject. */

import { functionOf, optionsOf, shown, wrong } from '../arguments.js'
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

/**
 * A property of the caller's, read once.
 * @throws `ERR_ARGUMENT_TYPE`, and where it answers with anything but a boolean: a promise would hold in every state
 */
export function plainProperty(property: Property): Property {
  const { kind, name, holds } = optionsOf(property, ['kind', 'name', 'holds'], 'a property')
  if (kind !== 'always' && kind !== 'sometimes') {
    throw wrong(`the kind of a property must be 'always' or 'sometimes', not ${shown(kind)}`)
  }
  if (typeof name !== 'string') throw wrong(`the name of a property must be a string, not ${shown(name)}`)
  functionOf(holds, 'what a property asks')
  const isTrue = (state: State): boolean => {
    const answer: unknown = Reflect.apply(holds, property, [state])
    if (typeof answer === 'boolean') return answer
    throw wrong(`a property must return a boolean, not ${shown(answer)}`)
  }
  return { kind, name, holds: isTrue }
}
