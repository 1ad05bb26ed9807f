/** Explores a subject from the first choice to a report, and lets the event loop run in between. */

import { setImmediate } from 'node:timers/promises'

import { PageStoreError } from '../errors.js'
import { PageStore } from '../page-store.js'
import { printable } from '../printable.js'
import { type CheckedSubject, checkedSubject } from './checked-subject.js'
import type { Exploration, TraceStep, Violation } from './exploration.js'
import { failedStart, interruptedStart, neverReached, startOf } from './failed-start.js'
import { confirmAll } from './fresh-replay.js'
import { type ExploreOptions, type SearchOptions, searchOptions } from './options.js'
import { closeAtStart, warnInto } from './put-back.js'
import { createSearch, type Search } from './search.js'
import type { Running, Subject } from './subject.js'
import { replay } from './trace.js'
import { Interrupted } from './turns.js'
import { verify } from './verify.js'
import { verifyPaths } from './verify-paths.js'

// How long the event loop waits at most, in milliseconds.
const longestWait = 50
// Violations beyond that are reported without their steps.
const mostWithSteps = 20

/**
 * Takes every alternative at every choice of a subject, each state once, and reports what is wrong with it. The event
 * loop runs every 50 ms, and every 100 ms within a step of a native program.
 *
 * A search that is aborted resolves, too, with what it has found so far. It is aborted within a step of a native program;
 * violations that it has found have two seconds to be confirmed.
 * @throws `ERR_ARGUMENT_TYPE`, `ERR_PROGRAM`, `ERR_MODEL`, as `Tracee.spawn`, and what a property throws
 */
export async function explore(subject: Subject, options: ExploreOptions = {}): Promise<Exploration> {
  const wanted = searchOptions(options)
  const checked = checkedSubject(subject)
  try {
    return await exploreRuns(checked, wanted)
  } finally {
    checked.close()
  }
}

async function exploreRuns(subject: CheckedSubject, wanted: SearchOptions): Promise<Exploration> {
  const { signal, onProgress } = wanted
  using store = new PageStore()
  const running = subject.open(store)
  let found: Exploration
  let search: Search | undefined
  const left: string[] = []
  const warn = warnInto(left)
  try {
    const first = await startOf(running, signal)
    if (first.kind === 'choice' || first.kind === 'end') {
      search = createSearch(store, running, first, wanted)
      const isAborted = await runToItsEnd(search, signal, onProgress)
      found = await report(search, running, wanted, isAborted ? 'aborted' : boundOf(search, wanted), signal)
    } else {
      found = failedStart(first, running, wanted)
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    found = interruptedStart(running)
  } finally {
    closeAtStart(running, search?.start, warn)
  }
  // Not before the run is closed: a model in plain TypeScript has one state for all its runs.
  const all = [...found.violations]
  const isVerified = wanted.verify && canContinueAfter(found.bound) && all.every(({ kind }) => kind !== 'unfaithful')
  if (search !== undefined && isVerified) {
    const difference = await verifyPaths(search, subject, store, { seed: wanted.seed, signal, warn })
    if (difference !== undefined) all.push(difference)
  }
  const violations = await confirmAll(all, { subject, properties: wanted.properties, signal, warn })
  return { ...found, violations, warnings: [...found.warnings, ...left].map(printable) }
}

/** @returns whether the search was aborted */
async function runToItsEnd(
  search: Search,
  signal: AbortSignal | undefined,
  onProgress: ExploreOptions['onProgress'],
): Promise<boolean> {
  while (!search.isOver) {
    if (signal?.aborted) return true
    const end = performance.now() + longestWait
    search.run(() => performance.now() >= end)
    onProgress?.(search.progress())
    await setImmediate()
  }
  return false
}

function boundOf(search: Search, { strategy }: SearchOptions): Exploration['bound'] {
  return strategy === 'random' ? (search.bound ?? 'random') : search.bound
}

function canContinueAfter(bound: Exploration['bound']): boolean {
  return bound !== 'aborted' && bound !== 'gone'
}

async function report(
  search: Search,
  running: Running,
  { properties, verify: verifies }: SearchOptions,
  bound: Exploration['bound'],
  signal: AbortSignal | undefined,
): Promise<Exploration> {
  // Replays and verification take time that is not the search's.
  const { states, transitions, depth, seconds, bytesPerState } = search.progress()
  const canContinue = canContinueAfter(bound)
  const found = verifies && canContinue ? await verify(search, running, signal) : { verified: 0, violations: [] }
  const complete = bound === undefined
  const unreached = properties.filter(({ kind, name }) => kind === 'sometimes' && !search.reached.has(name))
  const violations: Violation[] = [
    ...search.violations,
    ...found.violations,
    ...(complete ? unreached : []).map(neverReached),
  ]
  const warnings = [...(running.warnings ?? [])]
  for (const violation of canContinue ? violations.slice(0, mostWithSteps) : []) {
    await setImmediate()
    if (signal?.aborted) break
    if (violation.choices.length > 0) violation.steps = await stepsOf(violation, search, running, { warnings, signal })
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

async function stepsOf(
  { choices }: Violation,
  { start, first }: Search,
  running: Running,
  { warnings, signal }: { warnings: string[]; signal: AbortSignal | undefined },
): Promise<TraceStep[] | undefined> {
  const steps: TraceStep[] = []
  try {
    const from = { snapshot: start, step: first }
    await replay(running, from, choices, { signal, onStep: (step) => void steps.push(step) })
    return steps
  } catch (error) {
    if (error instanceof Interrupted) return undefined
    const code = error instanceof PageStoreError ? error.code : undefined
    if (code !== 'ERR_TRACE' && code !== 'ERR_OUT_OF_MEMORY') throw error
    warnings.push(
      code === 'ERR_TRACE'
        ? 'A path could not be taken a second time: the program is not deterministic.'
        : 'There is no memory left to replay a path, so a violation is reported without its steps.',
    )
    return undefined
  }
}
