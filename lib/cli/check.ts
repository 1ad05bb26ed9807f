/** `pagestore check`: explores a program, shows how far it is, and says what was found. */
import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'

import {
  type Exploration,
  type ExploreOptions,
  explore,
  Program,
  type Progress,
  type TraceStep,
  type Violation,
} from '../explore/index.js'
import { type Files, PageStoreError } from '../index.js'
import { printable, printableJson, quotedForShell } from '../printable.js'
import { invocation } from './invocation.js'
import { createLine } from './status-line.js'
import { traceOf } from './trace-file.js'

export interface CheckOptions {
  strategy: 'breadth' | 'depth' | 'random'
  first?: boolean
  allowDeadlock?: boolean
  verify?: boolean
  /** Whether it is an error that the program reached outside. */
  strict?: boolean
  json?: boolean
  seed: number
  maxDepth?: number
  maxStates?: number
  maxTransitions?: number
  maxSeconds?: number
  /** Megabytes. */
  maxMemory?: number
  /** Milliseconds. */
  stepTimeout: number
  files: Files
  /** The file for the trace of the first violation. */
  trace: string
}

/** The exit codes of `check` and `replay`. */
export const exitCodes = { clean: 0, violation: 1, misuse: 2, bounded: 3, outside: 4 } as const

const million = 1e6
// Milliseconds that replay gives a step unless it is told otherwise.
const replaysWith = 10_000
// Nobody reads a longer path step by step.
const mostSteps = 200

/** @returns the exit code */
export async function check(command: readonly string[], options: CheckOptions, signal: AbortSignal): Promise<number> {
  const [file = '', ...args] = command
  const { maxSeconds, maxStates, maxTransitions, maxMemory } = options
  const isBounded = [maxSeconds, maxStates, maxTransitions, maxMemory].some((bound) => bound !== undefined)
  if (options.strategy === 'random' && !isBounded && !options.first) {
    throw new PageStoreError('ERR_ARGUMENT_TYPE', 'random walks have no end: give them --max-seconds, or --first')
  }
  const line = createLine(process.stderr)
  const exploring: ExploreOptions = {
    ...options,
    maxBytes: maxMemory === undefined ? undefined : maxMemory * million,
    signal,
    onProgress: (progress) => line.show(() => progressText(progress, options)),
  }
  let exploration: Exploration
  try {
    exploration = await explore(
      new Program(file, args, { stepTimeout: options.stepTimeout, files: options.files }),
      exploring,
    )
  } finally {
    line.clear()
  }
  for (const warning of exploration.warnings) process.stderr.write(`warning: ${printable(warning)}\n`)
  process.stdout.write(
    options.json ? `${printableJson(JSON.stringify(summary(exploration)))}\n` : report(exploration, options, command),
  )
  await save(exploration, options, command)
  if (exploration.violations.length > 0) return exitCodes.violation
  if (options.strict && outsideOf(exploration).length > 0) return exitCodes.outside
  return exploration.complete ? exitCodes.clean : exitCodes.bounded
}

/** The report is printed already, so a trace that cannot be saved is a warning and no error. */
async function save({ violations }: Exploration, { trace }: CheckOptions, command: readonly string[]): Promise<void> {
  const first = violations.find(hasPath)
  if (first === undefined) return
  try {
    await writeFile(trace, `${printableJson(JSON.stringify(traceOf(command, first), undefined, 2))}\n`)
  } catch (error) {
    process.stderr.write(
      `warning: the trace is not saved: ${printable(String(error instanceof Error ? error.message : error))}\n`,
    )
  }
}

/** What `--json` prints; its schema is docs/check.schema.json. */
function summary({
  complete,
  states,
  transitions,
  depth,
  deadlocks,
  violations,
  seconds,
  bytesPerState,
  ...more
}: Exploration) {
  return {
    version: 1,
    complete,
    bound: more.bound ?? null,
    states,
    transitions,
    depth,
    deadlocks,
    violations: violations.map(({ kind, property, choices, location, detail }) => ({
      kind,
      property,
      choices,
      location,
      detail,
    })),
    seconds,
    bytesPerState,
    verified: more.verified,
    warnings: more.warnings,
  }
}

function progressText(progress: Progress, options: CheckOptions): string {
  const { states, transitions, depth, queue, seconds, bytesPerState } = progress
  const perSecond = states / Math.max(seconds, 1e-3)
  const left = secondsLeft(progress, options)
  return [
    `${count(states)} states`,
    `${count(transitions)} transitions`,
    `depth ${depth}`,
    `queue ${count(queue)}`,
    `${count(perSecond)} states/s`,
    `${count(bytesPerState)} bytes/state`,
    ...(left === undefined ? [] : [`${Math.ceil(left)} s left`]),
  ].join(', ')
}

/** Seconds until the nearest bound, if the search goes on as fast as until now. */
function secondsLeft({ states, transitions, seconds }: Progress, options: CheckOptions): number | undefined {
  const { maxSeconds, maxStates, maxTransitions } = options
  const each = [
    maxSeconds === undefined ? undefined : maxSeconds - seconds,
    maxStates === undefined ? undefined : ((maxStates - states) * seconds) / Math.max(states, 1),
    maxTransitions === undefined ? undefined : ((maxTransitions - transitions) * seconds) / Math.max(transitions, 1),
  ].filter((left) => left !== undefined)
  return each.length === 0 ? undefined : Math.max(Math.min(...each), 0)
}

const bounds: Record<NonNullable<Exploration['bound']>, string> = {
  depth: '--max-depth',
  states: '--max-states',
  transitions: '--max-transitions',
  seconds: '--max-seconds',
  bytes: '--max-memory',
  first: '--first',
  aborted: 'an interruption',
  random: 'random walks',
  gone: 'the end of the program, which was killed',
}

function report(exploration: Exploration, options: CheckOptions, command: readonly string[]): string {
  const { complete, bound, states, transitions, depth, deadlocks, violations, seconds, bytesPerState } = exploration
  const lines: string[] = []
  for (const violation of violations) lines.push(...describe(violation), '')
  const verdict =
    violations.length === 0
      ? 'no violation'
      : `${violations.length} ${violations.length === 1 ? 'violation' : 'violations'}`
  const how = complete ? '' : `; the search is not complete: ${bounds[bound ?? 'aborted']}`
  const size = `${count(states)} ${states === 1 ? 'state' : 'states'}`
  const outside = printable(outsideOf(exploration).join(', '))
  // Nothing may stand between a good verdict and what makes it uncertain.
  const isUncertain = outside !== '' && violations.length === 0
  if (isUncertain) lines.push(`no violation, but the program reached outside: ${outside}${how}`)
  else lines.push(`${verdict} in ${size}${how}${outside && `; the program reached outside: ${outside}`}`)
  lines.push(
    `${isUncertain ? `${size}, ` : ''}` +
      `${count(transitions)} transitions, depth ${depth}, ${deadlocks} ${deadlocks === 1 ? 'deadlock' : 'deadlocks'}, ` +
      `${seconds.toFixed(2)} s, ${count(bytesPerState)} bytes/state` +
      (options.verify ? `, ${exploration.verified} states verified` : ''),
  )
  const first = violations.find(hasPath)
  if (first !== undefined) {
    const file = relative('.', options.trace)
    const program = command.map(quotedForShell).join(' ')
    const limit = options.stepTimeout === replaysWith ? '' : `--step-timeout ${options.stepTimeout} `
    lines.push('', 'The first of them again:', `  ${invocation()} replay ${limit}${quotedForShell(file)} -- ${program}`)
    lines.push(`  ${traceVariable(first.choices, file)}${program}`)
  }
  return `${lines.join('\n')}\n`
}

/** Whether there is something to replay, if only a start; no path leads to what is never reached. */
function hasPath({ kind }: Violation): boolean {
  return kind !== 'sometimes'
}

// The kernel takes no longer string in an environment, its end included.
const longestString = 128 * 1024

/** What the program needs to take a path by itself, for a shell. */
export function traceVariable(choices: readonly number[], traceFile: string): string {
  if (choices.length === 0) return ''
  const text = `PAGESTORE_TRACE=${choices.join(',')}`
  return text.length < longestString ? `${text} ` : `PAGESTORE_TRACE=${quotedForShell(`@${traceFile}`)} `
}

/** What the program did that does not roll back. What the system refuses us is no fault of the program's. */
function outsideOf({ warnings }: Exploration): string[] {
  return warnings.map(subjectOf).filter((subject) => subject !== 'system')
}

/** What a warning is about: a system call, as a rule. */
function subjectOf(warning: string): string {
  return /^[^:]+(?=: )/.exec(warning)?.[0] ?? warning
}

const titles: Record<Violation['kind'], string> = {
  always: 'violated',
  sometimes: 'never reached',
  assertion: 'assertion failed',
  crash: 'crash',
  exit: 'abnormal end',
  hang: 'hang',
  deadlock: 'deadlock',
  unfaithful: 'unfaithful',
}

/** A violation and the path to it, in lines. */
export function describe({ kind, property, location, detail, choices, steps }: Violation): string[] {
  const lines = [`${titles[kind]}: ${property}${location === undefined ? '' : ` (${location})`}`]
  if (detail !== undefined) lines.push(`  ${detail}`)
  for (const [i, step] of (steps ?? []).slice(0, mostSteps).entries()) lines.push(`  ${stepText(step, i)}`)
  if (choices.length > mostSteps) lines.push(`  … ${choices.length - mostSteps} more; the trace file has them`)
  if (steps === undefined && choices.length > 0) lines.push(`  choices: ${choices.slice(0, mostSteps).join(',')}`)
  return lines.map(printable)
}

/** One transition, and what it changed. */
export function stepText({ choice, alternatives, location, changes }: TraceStep, i: number): string {
  const texts = changes.map(({ what, before, after }) => `${what} ${before} → ${after}`)
  const at = location === '' ? '' : ` at ${location}`
  return printable(
    `${i + 1}. alternative ${choice} of ${alternatives}${at}${texts.length > 0 ? `: ${texts.join(', ')}` : ''}`,
  )
}

function count(n: number): string {
  return Math.round(n).toLocaleString('en').replaceAll(',', ' ')
}
