/** What a user may ask of a search, and the same with every default filled in. */

import { PageStoreError } from '../errors.js'
import type { Progress } from './exploration.js'
import type { Property } from './property.js'

/** Which state is expanded next: the one nearest to the start, the one found last, or those on a random walk. */
export type Strategy = 'breadth' | 'depth' | 'random'

/** How to search, for what, and how long. */
export interface ExploreOptions {
  /**
   * `breadth` (the default) finds shortest counterexamples, `depth` goes to the end of a path first, `random` walks from
   * the start.
   */
  strategy?: Strategy | undefined
  /** What must hold, beside the program's own assertions. */
  properties?: readonly Property[] | undefined
  /** The most choices from the start. Default: no bound; for random walks 1000. */
  maxDepth?: number | undefined
  /** The most distinct states. Default: no bound. */
  maxStates?: number | undefined
  /** The most transitions. Default: no bound. */
  maxTransitions?: number | undefined
  /** The most seconds. Default: no bound. */
  maxSeconds?: number | undefined
  /** The most bytes that snapshots may take in the store. Default: no bound. */
  maxBytes?: number | undefined
  /** Whether the first violation ends the search. Default: false. */
  first?: boolean | undefined
  /** Whether a choice without alternatives is an end as good as any other. Default: false. */
  allowDeadlock?: boolean | undefined
  /** The seed of what is random. Default: 1. */
  seed?: number | undefined
  /** Whether a sample of the states that were reached twice is expanded from both. Default: false. */
  verify?: boolean | undefined
  /** Ends the search, which then resolves with what it has found so far. */
  signal?: AbortSignal | undefined
  /** Called some twenty times a second. */
  onProgress?: ((progress: Progress) => void) | undefined
}

/** What a search is given. A bound that was not asked for is infinite. */
export interface SearchOptions {
  strategy: Strategy
  properties: readonly Property[]
  maxDepth: number
  maxStates: number
  maxTransitions: number
  maxSeconds: number
  maxBytes: number
  first: boolean
  allowDeadlock: boolean
  seed: number
  /** Whether the search keeps what `verify` needs. */
  verify: boolean
}

const bounds = ['maxDepth', 'maxStates', 'maxTransitions', 'maxSeconds', 'maxBytes'] as const
const longestWalk = 1000
const endless = Number.POSITIVE_INFINITY

/** @throws `ERR_ARGUMENT_TYPE` */
export function searchOptions(options: ExploreOptions): SearchOptions {
  check(options)
  const { strategy = 'breadth' } = options
  return {
    strategy,
    properties: options.properties ?? [],
    maxDepth: options.maxDepth ?? (strategy === 'random' ? longestWalk : endless),
    maxStates: options.maxStates ?? endless,
    maxTransitions: options.maxTransitions ?? endless,
    maxSeconds: options.maxSeconds ?? endless,
    maxBytes: options.maxBytes ?? endless,
    first: options.first ?? false,
    allowDeadlock: options.allowDeadlock ?? false,
    seed: options.seed ?? 1,
    verify: options.verify ?? false,
  }
}

function check(options: ExploreOptions): void {
  if (options === null || typeof options !== 'object') throw wrong('options must be an object')
  const { strategy = 'breadth', properties = [] } = options
  if (!['breadth', 'depth', 'random'].includes(strategy)) {
    throw wrong(`strategy must be breadth, depth or random, not ${strategy}`)
  }
  for (const name of bounds) {
    const bound = options[name]
    if (bound === undefined || (typeof bound === 'number' && bound >= 0)) continue
    throw wrong(`${name} must be a number from 0 on`)
  }
  const isEndless = bounds.every((name) => name === 'maxDepth' || options[name] === undefined)
  if (strategy === 'random' && isEndless && options.signal === undefined && options.first !== true) {
    throw wrong('random walks have no end: give them a bound or a signal')
  }
  const names = properties.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw wrong(`two properties are called ${twice}`)
}

function wrong(message: string): PageStoreError {
  return new PageStoreError('ERR_ARGUMENT_TYPE', message)
}
