import { setImmediate } from 'node:timers/promises'

import { PageStoreError } from '../errors.js'
import { PageStore } from '../page-store.js'
import type { Exploration, Progress, TraceStep, Violation } from './exploration.js'
import type { Property } from './property.js'
import { createSearch, type Search, type SearchOptions, type Strategy } from './search.js'
import type { Running, Subject } from './subject.js'
import { replay } from './trace.js'
import { verify } from './verify.js'

/** How to search, for what, and how long. */
export interface ExploreOptions {
  /** `breadth` (the default): shortest counterexamples. `depth`: first to the end. `random`: walks from the start. */
  strategy?: Strategy | undefined
  /** What is to hold, beside the program's own assertions. */
  properties?: readonly Property[] | undefined
  /** The most choices from the start. Default: none, of a random walk 1000. */
  maxDepth?: number | undefined
  /** Distinct ones. Default: no bound. */
  maxStates?: number | undefined
  /** Ways gone. Default: no bound. */
  maxTransitions?: number | undefined
  /** Default: no bound. */
  maxSeconds?: number | undefined
  /** Of the store. Default: no bound. */
  maxBytes?: number | undefined
  /** Whether the first violation ends the search. Default: false. */
  first?: boolean | undefined
  /** Whether a state with no way on is a good end. Default: false. */
  allowDeadlock?: boolean | undefined
  /** For what is random. Default: 1. */
  seed?: number | undefined
  /** Whether a sample of states that were reached twice is expanded from both. Default: false. */
  verify?: boolean | undefined
  /** Ends the search; what there is so far is told. */
  signal?: AbortSignal | undefined
  /** Some twenty times a second. */
  onProgress?: ((progress: Progress) => void) | undefined
}

// How long the event loop may wait for its turn, in milliseconds.
const longest = 50
// Only so many violations are told step by step.
const mostTold = 20
// A walk at random, unless it is told otherwise.
const longestWalk = 1000

/**
 * Goes every way that a subject can go, each state once, and says what is wrong with it. The event loop has its turn
 * every 50 ms.
 *
 * An aborted search resolves, too, with what there is so far.
 * @throws `ERR_ARGUMENT_TYPE`, `ERR_PROGRAM`, `ERR_MODEL`, as `Tracee.spawn`, and what a property throws
 */
export async function explore(subject: Subject, options: ExploreOptions = {}): Promise<Exploration> {
  const wanted = checked(options)
  const { signal, onProgress } = options
  using store = new PageStore()
  const running = subject.open(store)
  try {
    const search = createSearch(store, running, wanted)
    let isAborted = false
    while (!search.isOver) {
      if (signal?.aborted) {
        isAborted = true
        break
      }
      const until = performance.now() + longest
      search.run(() => performance.now() >= until)
      onProgress?.(search.progress())
      await setImmediate()
    }
    const progress = search.progress()
    const verifies = wanted.verify && !isAborted && search.bound !== 'gone'
    const found = verifies ? await verify(search, running, signal) : { verified: 0, violations: [] }
    return await resultOf(search, progress, wanted, isAborted, found, running)
  } finally {
    running.close()
  }
}

async function resultOf(
  search: Search,
  { states, transitions, depth, seconds, bytesPerState }: Progress,
  { properties, strategy }: SearchOptions,
  isAborted: boolean,
  found: { verified: number; violations: Violation[] },
  running: Running,
): Promise<Exploration> {
  const bound = isAborted ? 'aborted' : strategy === 'random' ? (search.bound ?? 'random') : search.bound
  const complete = bound === undefined
  const unreached = properties.filter(({ kind, name }) => kind === 'sometimes' && !search.reached.has(name))
  const violations: Violation[] = [
    ...search.violations,
    ...found.violations,
    ...(complete ? unreached : []).map(({ name }): Violation => ({ kind: 'sometimes', property: name, choices: [] })),
  ]
  const warnings = [...(running.warnings ?? [])]
  // To have them told, one goes their ways again.
  for (const violation of violations.slice(0, mostTold)) {
    await setImmediate()
    if (isAborted || bound === 'gone') break
    if (violation.choices.length > 0) violation.steps = stepsOf(violation, search, running, warnings)
  }
  return {
    complete,
    bound,
    states,
    transitions,
    depth,
    deadlocks: search.deadlocks,
    violations,
    reached: [...search.reached].map(([property, choices]) => ({ property, choices })),
    seconds,
    bytesPerState,
    verified: found.verified,
    warnings,
  }
}

function stepsOf(
  { choices }: Violation,
  search: Search,
  running: Running,
  warnings: string[],
): TraceStep[] | undefined {
  try {
    return replay(running, search.start, search.first, choices).steps
  } catch (error) {
    const code = error instanceof PageStoreError ? error.code : undefined
    if (code !== 'ERR_TRACE' && code !== 'ERR_OUT_OF_MEMORY') throw error
    warnings.push(
      code === 'ERR_TRACE'
        ? 'A way that was gone once cannot be gone again: the program is not deterministic.'
        : 'There is no memory left to tell a way step by step.',
    )
    return undefined
  }
}

function checked(options: ExploreOptions): SearchOptions {
  if (options === null || typeof options !== 'object') {
    throw new PageStoreError('ERR_ARGUMENT_TYPE', 'options must be an object')
  }
  const { strategy = 'breadth', properties = [], seed = 1 } = options
  if (!['breadth', 'depth', 'random'].includes(strategy)) {
    throw new PageStoreError('ERR_ARGUMENT_TYPE', `strategy must be breadth, depth or random, not ${strategy}`)
  }
  const bounds = ['maxDepth', 'maxStates', 'maxTransitions', 'maxSeconds', 'maxBytes'] as const
  for (const name of bounds) {
    const bound = options[name]
    if (bound === undefined || (typeof bound === 'number' && bound >= 0)) continue
    throw new PageStoreError('ERR_ARGUMENT_TYPE', `${name} must be a number from 0 on`)
  }
  const isEndless = bounds.every((name) => name === 'maxDepth' || options[name] === undefined)
  if (strategy === 'random' && isEndless && options.signal === undefined && options.first !== true) {
    throw new PageStoreError('ERR_ARGUMENT_TYPE', 'random walks have no end: give them a bound or a signal')
  }
  const names = properties.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new PageStoreError('ERR_ARGUMENT_TYPE', `two properties are called ${twice}`)
  const endless = Number.POSITIVE_INFINITY
  return {
    strategy,
    properties,
    maxDepth: options.maxDepth ?? (strategy === 'random' ? longestWalk : endless),
    maxStates: options.maxStates ?? endless,
    maxTransitions: options.maxTransitions ?? endless,
    maxSeconds: options.maxSeconds ?? endless,
    maxBytes: options.maxBytes ?? endless,
    first: options.first ?? false,
    allowDeadlock: options.allowDeadlock ?? false,
    seed,
    verify: options.verify ?? false,
  }
}
