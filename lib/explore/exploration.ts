/** What a search reports, while it runs and at its end. */

import type { Change } from './changes.js'

/** What ended a search before it had seen everything. */
export type Bound =
  /** `maxDepth`: states that are farther from the start were not expanded. */
  | 'depth'
  /** `maxStates`. */
  | 'states'
  /** `maxTransitions`. */
  | 'transitions'
  /** `maxSeconds`. */
  | 'seconds'
  /** `maxBytes`, or the system had no more memory. */
  | 'bytes'
  /** There was a violation, and `first` ends the search there. */
  | 'first'
  /** `signal`. */
  | 'aborted'
  /** Random walks never know that they have seen everything. */
  | 'random'
  /** The program was killed, so that there is nothing left to roll back. */
  | 'gone'

/** What kind of violation it is. */
export type ViolationKind =
  /** A property that must hold in every state does not hold in some state. */
  | 'always'
  /** A property that must hold in at least one state holds in none; only a complete search can report it. */
  | 'sometimes'
  /** A failed `ps_assert`, or an `AssertionError` that a model threw. */
  | 'assertion'
  /** A signal that would end the program, a trap, or an exception. */
  | 'crash'
  /** The program ended with another code than 0. */
  | 'exit'
  /** The program reached no choice within the time that a step may take. */
  | 'hang'
  /** A choice has no alternatives. */
  | 'deadlock'
  /**
   * Two states with equal keys have different successors, or a violation does not recur in a run that was never rolled
   * back: not all that the subject depends on is its state, or rolls back.
   */
  | 'unfaithful'

/** A violation, and a path to it. */
export interface Violation {
  /** What kind of violation it is. */
  kind: ViolationKind
  /** What is violated: a property's name, an assertion's text, a signal and the function that it struck. */
  property: string
  /** The alternatives taken, from the start; a shortest path with breadth-first search. */
  choices: readonly number[]
  /** Where in the source: `file.c:12`. */
  location?: string | undefined
  /** Whatever else is known: the address of a fault, a line of a stack trace. */
  detail?: string | undefined
  /** One step for each choice: where it was, and what has changed since the one before. */
  steps?: readonly TraceStep[] | undefined
}

/** A transition on the path to a violation. */
export interface TraceStep {
  /** The alternative taken: 0 to `alternatives` - 1. */
  choice: number
  /** How many alternatives the choice had. */
  alternatives: number
  /** Where in the source the choice is: `file.c:12`; empty where that is unknown. */
  location: string
  /** What the transition changed. */
  changes: readonly Change[]
}

/** How far a search is. */
export interface Progress {
  /** Distinct states, so far. */
  states: number
  /** Transitions taken, so far. */
  transitions: number
  /** The most choices from the start, so far. */
  depth: number
  /** States whose alternatives have not all been taken. */
  queue: number
  /** Seconds since the start. */
  seconds: number
  /** Bytes that the store has added since the first state, divided by the number of states. */
  bytesPerState: number
}

/** The result of a search. */
export interface Exploration {
  /** Whether every alternative of every state was taken: only then does no violation mean that there is none. */
  complete: boolean
  /** What ended the search, if it is not complete. */
  bound?: Bound | undefined
  /** Distinct states. */
  states: number
  /** Transitions taken; after a complete search, all that there are. */
  transitions: number
  /** The most choices from the start; breadth first, the length of a shortest path to the furthest state. */
  depth: number
  /** States at a choice without alternatives. */
  deadlocks: number
  /** One for each kind and property, however many paths lead to it. */
  violations: readonly Violation[]
  /** The `sometimes` properties that hold in some state. */
  reached: readonly {
    /** The property's name. */
    property: string
    /** The alternatives taken to such a state. */
    choices: readonly number[]
  }[]
  /** How long all of it took, in seconds. */
  seconds: number
  /** Bytes that the store has added since the first state, divided by the number of states. */
  bytesPerState: number
  /** States that `verify` has expanded a second time. */
  verified: number
  /** A sentence each: what the program did that does not roll back. It begins with what it is about, and a colon. */
  warnings: readonly string[]
}
