import type { Change } from './changes.js'

/** What ended a search before all was seen; `gone`: the program was killed, so that there was nothing to roll back. */
export type Bound = 'depth' | 'states' | 'transitions' | 'seconds' | 'bytes' | 'first' | 'aborted' | 'random' | 'gone'

/** In what way something is wrong. */
export type ViolationKind =
  /** A property that is to hold always does not in some state. */
  | 'always'
  /** A property that is to hold sometimes does in no state; told of a complete search alone. */
  | 'sometimes'
  /** `ps_assert`, or an `AssertionError` of a model's. */
  | 'assertion'
  /** A signal that would end the program, a trap, an exception. */
  | 'crash'
  /** The program ended with another code than 0. */
  | 'exit'
  /** It came to no choice within the time that a step may take. */
  | 'hang'
  /** There is no way on. */
  | 'deadlock'
  /** Two states that count as one went on differently. */
  | 'unfaithful'

/** Something wrong, and a way to it. */
export interface Violation {
  /** In what way. */
  kind: ViolationKind
  /** What is violated: a property's name, an assertion's text, a signal and where it struck. */
  property: string
  /** From the start, a shortest way with breadth-first search. */
  choices: readonly number[]
  /** In the source: `file.c:12`. */
  place?: string | undefined
  /** Whatever else is known: the address of a fault, the place in a stack. */
  detail?: string | undefined
  /** One for each choice: where it was made, and what has changed since the one before. */
  steps?: readonly TraceStep[] | undefined
}

/** A choice on a way to a violation. */
export interface TraceStep {
  /** The way that was gone: 0 to `ways` - 1. */
  choice: number
  /** Among how many. */
  ways: number
  /** In the source: `file.c:12`; empty where that is unknown. */
  place: string
  /** Since the choice before. */
  changes: readonly Change[]
}

/** How far a search is. */
export interface Progress {
  /** Distinct ones, so far. */
  states: number
  /** Ways gone, so far. */
  transitions: number
  /** The most choices from the start, so far. */
  depth: number
  /** States that wait to be expanded. */
  queue: number
  /** Since the start. */
  seconds: number
  /** What the store holds beyond the first state, counted. */
  bytesPerState: number
}

/** What came of a search. */
export interface Exploration {
  /** Whether nothing is left to expand: only then no violation means that there is none. */
  complete: boolean
  /** Why not. */
  bound?: Bound | undefined
  /** Distinct ones. */
  states: number
  /** Ways gone; of a complete search, all that there are. */
  transitions: number
  /** The most choices from the start; breadth first, of a shortest way to the furthest state. */
  depth: number
  /** States with no way on. */
  deadlocks: number
  /** One for each thing that is wrong, however many ways lead there. */
  violations: readonly Violation[]
  /** The `sometimes` that were reached. */
  reached: readonly {
    /** Its name. */
    property: string
    /** A way there. */
    choices: readonly number[]
  }[]
  /** For all of it. */
  seconds: number
  /** What the store held beyond the first state, counted. */
  bytesPerState: number
  /** States that `verify` has looked at a second time. */
  verified: number
  /** A sentence each: what the program did that does not roll back. */
  warnings: readonly string[]
}
