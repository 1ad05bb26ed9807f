/** What an explorer needs of the thing that it explores: a memory to capture and restore, and steps between choices. */

import type { Range } from '../addon/native.js'
import type { RestorableMemory } from '../memory.js'
import type { PageStore } from '../page-store.js'

/**
 * What can be explored: it says how many alternatives it has at a choice, takes one of them, and has a memory that the
 * explorer captures and restores. All that tells one state from another must lie in that memory, or in the step.
 *
 * {@link Program}, {@link WasmModel} and {@link ByteModel} are subjects; so is any object that has `open`.
 */
export interface Subject {
  /** Begins a run. The explorer keeps its snapshots in `store`, and closes the run. */
  open(store: PageStore): Running
  /** The explorer wants no further run. What runs have in common may be given up. */
  close?(): void
}

/** A run of a subject, between two steps. */
export interface Running {
  /** What the explorer captures and restores. */
  readonly memory: RestorableMemory
  /** Runs to the first choice; called once, before anything else. */
  start(): Step
  /** Takes an alternative of the choice that was reached last, from 0 on, and runs to the next choice. */
  take(alternative: number): Step
  /** Names for addresses, where there are any. */
  readonly layout?: Layout | undefined
  /** What the user should know at the end, a sentence each. */
  readonly warnings?: readonly string[] | undefined
  /** Takes away what the run has made since its first choice and no rollback takes away. Called after it was restored to that. */
  removeMade?(): void
  /** Ends the run. */
  close(): void
}

/** What a step led to. */
export type Step =
  /** A choice. */
  | {
      kind: 'choice'
      /** How many alternatives the choice has; with 0 it is a deadlock. */
      alternatives: number
      /** Where in the source: `file.c:12`. */
      location?: string | undefined
    }
  /** The subject ended as it should. */
  | { kind: 'end' }
  /** The subject failed; the explorer does not continue from here. */
  | {
      kind: 'failure'
      /** How it failed, and where. */
      failure: Failure
    }

/** How a run failed. */
export interface Failure {
  /** `hang`: the subject reached no choice within the time that a step may take. */
  kind: 'assertion' | 'crash' | 'exit' | 'hang'
  /** What failed. Two failures with the same kind and property are reported as one. */
  property: string
  /** Where in the source: `file.c:12`. */
  location?: string | undefined
  /** Whatever else is known. */
  detail?: string | undefined
}

/** Where a variable is. */
export interface Located {
  /** The address of its first byte. */
  address: bigint
  /** In bytes; 0 where that is unknown. */
  size: number
}

/** What a subject's addresses are called. */
export interface Layout {
  /**
   * Where the variable of that name is.
   * @throws `ERR_SYMBOL`
   */
  find(name: string): Located
  /** Whether changes outside of all variables are left out of reports, as the insides of libraries are. */
  readonly hidesUnnamed: boolean
  /** The variable that the byte at `address` belongs to. */
  nameOf(address: bigint):
    | {
        /** As in the source. */
        name: string
        /** Bytes from the start of the variable. */
        offset: number
        /** The size of the variable, in bytes. */
        size: number
      }
    | undefined
  /** The ranges that the subject declared to be its state; empty where it declared none, and all memory is its state. */
  declared(): Range[]
}
