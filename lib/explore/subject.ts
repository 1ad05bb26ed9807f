import type { Range } from '../addon/native.js'
import type { RestorableMemory } from '../memory.js'
import type { PageStore } from '../page-store.js'

/**
 * What can be explored: how many ways lead on from here, go that way, and a memory that is captured and restored. All
 * that tells one state from another must lie in that memory, or in the step.
 *
 * {@link Program}, {@link WasmModel} and {@link ByteModel} are three; anything else that has `open` is as good.
 */
export interface Subject {
  /** Begins a run. Snapshots will be kept in `store`; whoever opens it closes it. */
  open(store: PageStore): Running
}

/** A run of a subject, between two steps. */
export interface Running {
  /** What is captured and restored. */
  readonly memory: RestorableMemory
  /** To its first choice; once, before anything else. */
  start(): Step
  /** From a choice, which way: from 0 to `ways` - 1. */
  go(way: number): Step
  /** Names for addresses, where there are any. */
  readonly layout?: Layout | undefined
  /** What a user should be told at the end, a sentence each. */
  readonly warnings?: readonly string[] | undefined
  /** Ends the run. */
  close(): void
}

/** Where a step has led. */
export type Step =
  /** A choice. */
  | {
      kind: 'choice'
      /** Among so many; 0: there is no way on. */
      ways: number
      /** In the source: `file.c:12`. */
      place?: string | undefined
    }
  /** A good end. */
  | { kind: 'end' }
  /** Nothing that could be gone on from. */
  | {
      kind: 'failure'
      /** Of what kind, and where. */
      failure: Failure
    }

/** How a run went wrong. */
export interface Failure {
  /** `hang`: it came to no choice in a time. */
  kind: 'assertion' | 'crash' | 'exit' | 'hang'
  /** What failed: failures of one kind with the same are one. */
  property: string
  /** In the source: `file.c:12`. */
  place?: string | undefined
  /** Whatever else is known. */
  detail?: string | undefined
}

/** Where a variable is. */
export interface Located {
  /** Of its first byte. */
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
  /** What is in no variable is not worth showing: the insides of libraries. */
  readonly hidesUnnamed: boolean
  /** The variable that the byte at `address` belongs to. */
  nameOf(address: bigint):
    | {
        /** As in the source. */
        name: string
        /** Bytes from the start of the variable. */
        offset: number
        /** Of the variable, in bytes. */
        size: number
      }
    | undefined
  /** The bytes that the subject declared to be its state; none: all are. */
  declared(): Range[]
}
