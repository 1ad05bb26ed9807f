/** What a user may ask of a search, and the same with every default filled in. */

import { functionOf, listOf, optionsOf, shortened, shown, wrong } from '../arguments.js'
import type { Progress } from './exploration.js'
import { type Property, plainProperty } from './property.js'

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
  signal: AbortSignal | undefined
  onProgress: ((progress: Progress) => void) | undefined
}

const bounds = ['maxDepth', 'maxStates', 'maxTransitions', 'maxSeconds', 'maxBytes'] as const
const flags = ['first', 'allowDeadlock', 'verify'] as const
const names = [...bounds, ...flags, 'strategy', 'properties', 'seed', 'signal', 'onProgress'] as const
const strategies: readonly Strategy[] = ['breadth', 'depth', 'random']
const longestWalk = 1000
const endless = Number.POSITIVE_INFINITY

/** @throws `ERR_ARGUMENT_TYPE` */
export function searchOptions(options: ExploreOptions): SearchOptions {
  const given = optionsOf(options, names)
  const { strategy = 'breadth', seed = 1, signal, onProgress } = given
  if (!strategies.includes(strategy)) {
    throw wrong(`strategy must be breadth, depth or random, not ${shown(strategy)}`)
  }
  for (const name of bounds) {
    const bound: unknown = given[name]
    if (bound === undefined || (typeof bound === 'number' && bound >= 0)) continue
    throw wrong(`${name} must be a number from 0 on, not ${shown(bound)}`)
  }
  if (!Number.isFinite(seed)) throw wrong(`seed must be a number, not ${shown(seed)}`)
  const isEndless = bounds.every((name) => name === 'maxDepth' || given[name] === undefined)
  if (strategy === 'random' && isEndless && signal === undefined && given.first !== true) {
    throw wrong('random walks have no end: give them a bound or a signal')
  }
  if (signal !== undefined) {
    const listening = ['addEventListener', 'removeEventListener'] as const
    const methods = optionsOf(signal, listening, 'signal')
    for (const name of listening) functionOf(methods[name], `${name} of signal`)
  }
  return {
    strategy,
    properties: propertiesIn(given.properties ?? []),
    maxDepth: given.maxDepth ?? (strategy === 'random' ? longestWalk : endless),
    maxStates: given.maxStates ?? endless,
    maxTransitions: given.maxTransitions ?? endless,
    maxSeconds: given.maxSeconds ?? endless,
    maxBytes: given.maxBytes ?? endless,
    first: Boolean(given.first),
    allowDeadlock: Boolean(given.allowDeadlock),
    seed,
    verify: Boolean(given.verify),
    signal,
    onProgress: onProgress === undefined ? undefined : functionOf(onProgress, 'onProgress'),
  }
}

function propertiesIn(given: readonly Property[]): Property[] {
  const properties = listOf(given, 'properties').map(plainProperty)
  const names = properties.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw wrong(`two properties are called ${shortened(twice)}`)
  return properties
}
