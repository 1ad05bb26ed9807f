/** What is found of a subject that fails before its first choice: there is nothing to search, and still a violation. */

import { PageStoreError } from '../errors.js'
import type { Exploration, Violation } from './exploration.js'
import type { SearchOptions } from './options.js'
import type { Property } from './property.js'
import { killedProperty } from './search.js'
import type { Failure, Running, Step } from './subject.js'
import { takeStep } from './turns.js'

/** A program that was killed gives nothing to roll back, and may have done it to itself. */
export type Killed = { kind: 'killed'; failure: Failure }

/** Runs a subject to its first choice. @throws Interrupted */
export async function startOf(running: Running, signal: AbortSignal | undefined): Promise<Step | Killed> {
  try {
    return await takeStep(running, undefined, signal)
  } catch (error) {
    if (!(error instanceof PageStoreError) || error.code !== 'ERR_PROCESS_GONE') throw error
    return { kind: 'killed', failure: { kind: 'crash', property: killedProperty } }
  }
}

/** The one path that there is leads to a violation. */
export function failedStart(
  { kind, failure }: Extract<Step, { kind: 'failure' }> | Killed,
  running: Running,
  { properties }: SearchOptions,
): Exploration {
  const complete = kind === 'failure'
  const unreached = properties.filter((property) => complete && property.kind === 'sometimes')
  const detail = ['before the first choice', failure.detail].filter((each) => each !== undefined).join('; ')
  return {
    ...withoutSearch(running),
    complete,
    bound: complete ? undefined : 'gone',
    violations: [{ ...failure, detail, choices: [] }, ...unreached.map(neverReached)],
  }
}

/** What is found if the search is aborted before the first choice. */
export function interruptedStart(running: Running): Exploration {
  return { ...withoutSearch(running), bound: 'aborted' }
}

function withoutSearch(running: Running): Exploration {
  return {
    complete: false,
    states: 0,
    transitions: 0,
    depth: 0,
    deadlocks: 0,
    violations: [],
    reached: [],
    seconds: 0,
    bytesPerState: 0,
    verified: 0,
    warnings: [...(running.warnings ?? [])],
  }
}

/** What a complete search says of a property that holds in no state. */
export function neverReached({ name }: Property): Violation {
  return { kind: 'sometimes', property: name, choices: [] }
}
