/**
 * Takes the path of each violation once more, in a run that was never rolled back, before the violation is reported.
 *
 * A search rolls back what it can. A violation that needed more than its own path, because other paths left something
 * behind, is no fault of the subject: it is reported as `unfaithful`, with what it would have been.
 */

import { setImmediate } from 'node:timers/promises'

import { PageStoreError } from '../errors.js'
import { PageStore } from '../page-store.js'
import type { Violation } from './exploration.js'
import type { Property } from './property.js'
import { inFreshRun, type Warn } from './put-back.js'
import { killedProperty } from './search.js'
import { createStateView } from './state.js'
import type { Running, Step, Subject } from './subject.js'
import { Interrupted, takeStep } from './turns.js'

/** What confirming takes, beside the violations. */
export interface Confirming {
  subject: Subject
  properties: readonly Property[]
  /** Once it is aborted, hangs are believed, and all the rest has {@link patience} milliseconds. */
  signal: AbortSignal | undefined
  warn: Warn
}

const patience = 2000

/**
 * The same violations, with those that do not recur as what they are, and last. Each takes a start of the subject and the
 * time of its path; a hang takes as long as a step may.
 */
export async function confirmAll(violations: readonly Violation[], confirming: Confirming): Promise<Violation[]> {
  const { signal } = confirming
  const confirmed: Violation[] = []
  const refuted: Violation[] = []
  const limit = new AbortController()
  const giveUp = () => void setTimeout(() => limit.abort(), patience).unref()
  if (signal?.aborted) giveUp()
  else signal?.addEventListener('abort', giveUp, { once: true })
  for (const violation of violations) {
    await setImmediate()
    const isTaken = isOfOnePath(violation) && !(signal?.aborted && violation.kind === 'hang')
    const again = isTaken ? await takeAgain(violation, { ...confirming, signal: limit.signal }) : recurred
    if (again.kind === 'recurs') confirmed.push(violation)
    else if (again.kind === 'impossible') confirmed.push(unconfirmed(violation, again.why))
    else refuted.push(unfaithful(violation, again.found))
  }
  signal?.removeEventListener('abort', giveUp)
  return [...confirmed, ...refuted]
}

/** Whether a violation says what one path leads to. Whoever killed the subject may not do it again. */
function isOfOnePath({ kind, property }: Violation): boolean {
  return kind !== 'sometimes' && kind !== 'unfaithful' && property !== killedProperty
}

/** What a fresh run came to. */
type Again = { kind: 'recurs' } | { kind: 'differs'; found: string } | { kind: 'impossible'; why: string }
const recurred: Again = { kind: 'recurs' }
const interrupted: Again = { kind: 'impossible', why: 'there was an interruption' }

async function takeAgain(violation: Violation, { subject, properties, signal, warn }: Confirming): Promise<Again> {
  if (signal?.aborted) return interrupted
  let running: Running | undefined
  try {
    using store = new PageStore()
    const opened = subject.open(store)
    running = opened
    return await inFreshRun(opened, { warn, signal }, async (first): Promise<Again> => {
      const step = await takePath(opened, first, violation.choices, signal)
      if (typeof step === 'string') return { kind: 'differs', found: step }
      return recurs(violation, step, opened, properties) ? recurred : { kind: 'differs', found: textOf(step) }
    })
  } catch (error) {
    if (error instanceof Interrupted) return interrupted
    if (!(error instanceof PageStoreError)) throw error
    // Where there was no run, it has refuted nothing.
    const isImpossible = running === undefined || error.code === 'ERR_OUT_OF_MEMORY'
    return isImpossible ? { kind: 'impossible', why: error.message } : { kind: 'differs', found: error.message }
  }
}

/** @returns the last step, or why there is none */
async function takePath(
  running: Running,
  first: Step,
  choices: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Step | string> {
  let step = first
  for (const [i, choice] of choices.entries()) {
    if (step.kind !== 'choice') return `${textOf(step)} after ${i} of ${choices.length} choices`
    if (choice >= step.alternatives) return `choice ${i + 1} has only ${step.alternatives} alternatives`
    step = await takeStep(running, choice, signal)
  }
  return step
}

function recurs(violation: Violation, step: Step, running: Running, properties: readonly Property[]): boolean {
  const { kind, property: name, choices } = violation
  if (step.kind === 'failure') return step.failure.kind === kind && step.failure.property === name
  if (kind === 'deadlock') return step.kind === 'choice' && step.alternatives === 0
  const property = properties.find((each) => each.kind === 'always' && each.name === name)
  if (kind !== 'always' || property === undefined) return false
  const view = createStateView(running.memory, running.layout)
  view.update(step, choices.length)
  return !property.holds(view.state)
}

function textOf(step: Step): string {
  switch (step.kind) {
    case 'choice':
      return 'it comes to a choice'
    case 'end':
      return 'it ends as it should'
    case 'failure':
      return `it fails otherwise (${step.failure.kind}: ${step.failure.property})`
    default:
      return step satisfies never
  }
}

function unconfirmed(violation: Violation, why: string): Violation {
  const text = `no fresh run could confirm it: ${why}`
  return { ...violation, detail: violation.detail === undefined ? text : `${violation.detail}; ${text}` }
}

function unfaithful({ kind, property, choices, location, detail, steps }: Violation, found: string): Violation {
  const would = `it would be of the kind ${kind}${detail === undefined ? '' : `: ${detail}`}`
  return {
    kind: 'unfaithful',
    property: `${property}: does not recur in a fresh run`,
    choices,
    location,
    detail: `${would}; a run that was never rolled back does not come to it by the same choices: ${found}`,
    steps,
  }
}
