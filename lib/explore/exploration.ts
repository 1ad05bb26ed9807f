import type { Change } from './changes.js'

/** What ended a search before all was seen; `gone`: the program was killed, so that there was nothing to roll back. */
export type Bound = 'depth' | 'states' | 'transitions' | 'seconds' | 'bytes' | 'first' | 'aborted' | 'random' | 'gone'

export type ViolationKind =
  /** A property that is to hold always does not in some state. */
  | 'always'
  /** A property that is to hold sometimes does in no state; told of a complete search alone. */
  | 'sometimes'
  | 'assertion'
  | 'crash'
  /** The program ended with another code than 0. */
  | 'exit'
  | 'hang'
  /** There is no way on. */
  | 'deadlock'
  /** Two states that count as one went on differently. */
  | 'unfaithful'

export interface Violation {
  kind: ViolationKind
  /** What is violated: a property's name, an assertion's text, a signal and where it struck. */
  property: string
  /** From the start, a shortest way with breadth-first search. */
  choices: readonly number[]
  /** In the source: `file.c:12`. */
  place?: string | undefined
  detail?: string | undefined
  /** One for each choice: where it was made, and what has changed since the one before. */
  steps?: readonly TraceStep[] | undefined
}

export interface TraceStep {
  choice: number
  ways: number
  place: string
  changes: readonly Change[]
}

/** How far a search is. */
export interface Progress {
  states: number
  transitions: number
  depth: number
  /** States that wait to be expanded. */
  queue: number
  seconds: number
  /** What the store holds beyond the first state, counted. */
  bytesPerState: number
}

export interface Exploration {
  /** Whether nothing is left to expand: only then no violation means that there is none. */
  complete: boolean
  /** Why not. */
  bound?: Bound | undefined
  states: number
  transitions: number
  depth: number
  /** States with no way on. */
  deadlocks: number
  violations: readonly Violation[]
  /** A way to each `sometimes` that was reached. */
  reached: readonly { property: string; choices: readonly number[] }[]
  seconds: number
  bytesPerState: number
  /** States that `verify` has looked at a second time. */
  verified: number
  warnings: readonly string[]
}
