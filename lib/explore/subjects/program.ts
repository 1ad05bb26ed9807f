/** Native programs as subjects: runs a tracee from choice to choice, and says how it failed where it failed. */

import { listOf, optionsOf, textOf } from '../../arguments.js'
import { PageStoreError } from '../../errors.js'
import { closeKeptStart, type KeptStart, openKeptStart } from '../../kept-start.js'
import { harmlessCalls } from '../../linux/harmless-calls.js'
import { filesOf } from '../../linux/process-files.js'
import { nameOf } from '../../linux/symbols.js'
import type { PageStore } from '../../page-store.js'
import { textOfRefusals } from '../../refusals.js'
import { closedOnFailure } from '../../releases.js'
import { checkedTimeout, type ResumeOptions } from '../../resume-options.js'
import {
  type Determinism,
  type PlainSpawnOptions,
  readSpawnOptions,
  type SpawnOptions,
  spawnEnvironment,
} from '../../spawn-options.js'
import type { Stop } from '../../stop.js'
import { refusalsOf, removeMadeFiles, resumeToEntries, spawnFiltered, type Tracee } from '../../tracee.js'
import { type WarningTaker, warningTaker } from '../../warnings.js'
import type { Failure, Layout, Running, Step, Subject } from '../subject.js'
import { setParts } from '../turns.js'
import { readsClockOnly } from './clock-spin.js'
import { checkLayout } from './declared.js'
import { filteredCalls, Outside } from './outside.js'
import { layoutOf } from './program-layout.js'
import { repeatedCalls } from './repeated-calls.js'
import { withoutLeakCheck } from './sanitizers.js'

/** How a program is started and run. Unlike other tracees, it has a clock of its own, unless `deterministic` says no. */
export interface ProgramOptions extends SpawnOptions {
  /** Milliseconds that it may take from one choice to the next. Default: 10 000. */
  stepTimeout?: number | undefined
}

// Milliseconds that threads may take to come to rest when one is at a choice: what is captured before that is no state. Once
// a thread has not come to rest, and was named, others may still take some, or a rollback would keep them from ever coming
// to a choice of their own.
const settling = 2000
const settlingWithRestless = 20

// Milliseconds after which a step that is not over gives the event loop a turn.
const longestPart = 100

// Signals whose default action does not end a process. Those of a terminal stop none that is alone in its session.
const ignorable = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'])

// No limit of time must pass to know it.
const stopped: Failure = {
  kind: 'hang',
  property: 'stopped by SIGSTOP',
  detail: 'the program and all of its threads stay stopped until somebody sends it SIGCONT, and nobody does',
}

/**
 * Explores a native program that includes `pagestore.h`. The program has a session of its own, no input, and its output
 * is discarded, unless `stdio` says otherwise.
 */
export class Program implements Subject {
  /** A path, or a name that is looked up in `PATH`. */
  readonly file: string
  /** The program's arguments, without its own name. */
  readonly args: readonly string[]
  readonly #options: PlainSpawnOptions
  readonly #stepTimeout: number
  #kept: KeptStart | undefined

  /**
   * Starts nothing: {@link open} does.
   * @throws `ERR_ARGUMENT_TYPE`
   */
  constructor(file: string, args: readonly string[] = [], options: ProgramOptions = {}) {
    const { stepTimeout = 10_000 } = optionsOf(options, ['stepTimeout'])
    this.file = textOf(file, 'file')
    this.args = listOf(args, 'args').map((each) => textOf(each, 'an argument of the program'))
    this.#options = readSpawnOptions(options, ['ignore', 'ignore', 'ignore'])
    this.#stepTimeout = checkedTimeout(stepTimeout, 'stepTimeout')
  }

  /**
   * Starts the program.
   * @throws as `Tracee.spawn`; also if the process that is kept so that all runs have the same addresses was killed
   *   ({@link close} makes a new beginning)
   */
  open(store: PageStore): RunningProgram {
    const options = this.#options
    const stepTimeout = this.#stepTimeout
    const env = withoutLeakCheck(spawnEnvironment(options))
    const deterministic = withTime(options.deterministic)
    const warnings: string[] = []
    const taker = options.onWarning === undefined ? collectIn(warnings) : warningTaker(options.onWarning)
    const spawn = { ...options, timeout: options.timeout ?? stepTimeout, env, deterministic }
    const hasClock = deterministic.time === true
    const harmless = harmlessCalls(options.files !== 'ignore', hasClock)
    this.#kept ??= openKeptStart(this)
    const explored = { furtherCalls: filteredCalls(harmless), kept: this.#kept, taker }
    return closedOnFailure(spawnFiltered(store, this.file, this.args, spawn, explored), (tracee) => {
      const refused = textOfRefusals(refusalsOf(tracee))
      if (refused !== undefined) warnings.push(refused)
      const seen = { outside: new Outside(tracee, harmless, hasClock), files: warnings }
      return new RunningProgram(tracee, stepTimeout, hasClock, seen)
    })
  }

  /**
   * No further run is wanted for now. Where the system does not let us fix addresses, a process of the program is kept
   * from the first run on, so that all runs have the same; it ends now, or when the subject is collected.
   */
  close(): void {
    if (this.#kept !== undefined) closeKeptStart(this.#kept, this)
    this.#kept = undefined
  }
}

/** Those that belong among the warnings of a search: what calls left is named there by the call. */
function collectIn(warnings: string[]): WarningTaker {
  return (text, kind) => {
    if (kind !== 'names') warnings.push(`${kind === 'processes' ? 'processes' : 'files'}: ${text}`)
  }
}

const undetermined = { addresses: false, random: false, rseq: false, environment: false, processor: false, time: false }

function withTime(deterministic: SpawnOptions['deterministic'] = true): Determinism {
  return deterministic === false ? undetermined : { time: true, ...(deterministic === true ? {} : deterministic) }
}

/** A program between two choices. */
export class RunningProgram implements Running {
  readonly memory: Tracee
  readonly layout: Layout
  readonly #stepTimeout: number
  readonly #outside: Outside
  readonly #hasOwnClock: boolean
  readonly #fileWarnings: readonly string[]
  readonly #restWarnings: string[] = []
  /** The thread that makes the choices. */
  #chooser: number | undefined
  #isThreaded: boolean
  /** The step that was begun: what it asks for next, and the milliseconds that it may still take. */
  #options: ResumeOptions & { goesOn: boolean } = { goesOn: false }
  #left = 0
  #isStarting = true

  /** For {@link Program}. */
  constructor(
    tracee: Tracee,
    stepTimeout: number,
    hasOwnClock: boolean,
    seen: { outside: Outside; files: readonly string[] },
  ) {
    this.memory = tracee
    this.layout = layoutOf(tracee)
    this.#stepTimeout = stepTimeout
    this.#hasOwnClock = hasOwnClock
    this.#outside = seen.outside
    this.#fileWarnings = seen.files
    this.#isThreaded = tracee.threads.length > 1
    setParts(this, { begin: (alternative) => this.#begin(alternative), goOn: () => this.#goOn() })
  }

  /** What the program did that does not roll back: a sentence each, that begins with what it is about and a colon. */
  get warnings(): readonly string[] {
    return [...this.#outside.warnings, ...this.#fileWarnings, ...this.#restWarnings]
  }

  /** @throws `ERR_PROGRAM` for a program that cannot be explored, `ERR_THREADS` where a second thread makes a choice */
  start(): Step {
    return this.#run(undefined)
  }

  /** @throws `ERR_PROGRAM` when the program does what cannot be rolled back: starts a process, becomes another program */
  take(alternative: number): Step {
    return this.#run(alternative)
  }

  /** Names of files do not roll back: the next run would find them. */
  removeMade(): void {
    removeMadeFiles(this.memory)
  }

  close(): void {
    this.memory.close()
  }

  #run(alternative: number | undefined): Step {
    let step = this.#begin(alternative)
    while (step === undefined) step = this.#goOn()
    return step
  }

  #begin(choose: number | undefined): Step | undefined {
    this.#isStarting = choose === undefined
    const settle = this.#restWarnings.length > 0 ? settlingWithRestless : settling
    this.#options = { choose, settle, goesOn: false }
    this.#left = this.#stepTimeout
    return this.#goOn()
  }

  /** Time that the program does not run is none of its step's. */
  #goOn(): Step | undefined {
    const begun = performance.now()
    const end = begun + this.#left
    const endOfPart = begun + longestPart
    for (let now = begun; ; ) {
      const step = this.#resume(Math.max(Math.ceil(Math.min(end, endOfPart) - now), 0))
      if (step !== undefined) return this.#over(step)
      now = performance.now()
      if (now >= end) return this.#over(this.#hang())
      if (now >= endOfPart) break
    }
    this.#left = end - performance.now()
    return undefined
  }

  /** @returns undefined where the program has to run on */
  #resume(timeout: number): Step | undefined {
    const options = { ...this.#options, timeout }
    this.#options = { settle: options.settle, goesOn: true }
    const stop = resumeToEntries(this.memory, options, this.#outside.calls)
    this.#outside.onStop(stop)
    this.#checkRest()
    return this.#stepOf(stop)
  }

  #over(step: Step): Step {
    if (!this.#isStarting) {
      this.#outside.onStepEnd()
      return step
    }
    checkLayout(this.memory)
    this.#outside.onStart()
    if (step.kind !== 'end') return step
    throw new PageStoreError(
      'ERR_PROGRAM',
      'the program ended without a choice: it must include pagestore.h and call ps_choose',
    )
  }

  /** What a stop means for the search; undefined where the program runs on. */
  #stepOf(stop: Stop): Step | undefined {
    switch (stop.kind) {
      case 'choice':
        this.#checkChooser(stop.tid)
        return { kind: 'choice', alternatives: stop.alternatives, location: stop.location }
      case 'exit':
        if (stop.code === 0) return { kind: 'end' }
        return failure({ kind: 'exit', property: `exit(${stop.code})` })
      case 'assertion':
        return failure({ kind: 'assertion', property: stop.text, location: stop.location })
      case 'signal':
        if (stop.signal === 'SIGSTOP') return failure(stopped)
        if (ignorable.has(stop.signal) || this.memory.handlesSignal(stop.signal)) return undefined
        return failure(this.#crash(stop.signal, stop.address))
      case 'timeout':
        return undefined
      case 'fork':
        throw new PageStoreError(
          'ERR_PROGRAM',
          `the program starts another process (${stop.pid}), which the explorer cannot roll back: check it without that part`,
        )
      case 'exec':
        throw new PageStoreError('ERR_PROGRAM', 'the program becomes another one (exec): check that one instead')
      case 'killed':
        throw new PageStoreError(
          'ERR_PROCESS_GONE',
          `the program was killed, by itself or from outside (${stop.signal})`,
        )
      case 'syscall':
        return undefined
      case 'clone':
        this.#isThreaded = true
        return undefined
      case 'breakpoint':
      case 'thread-exit':
        return undefined
      default:
        return stop satisfies never
    }
  }

  /** Names a thread that did not come to rest. What it does comes at any moment, so that no count is exact. */
  #checkRest(): void {
    const { restless } = this.memory
    if (restless === undefined || this.#restWarnings.length > 0) return
    const call = this.memory.threads.includes(restless) ? this.memory.systemCall(restless) : undefined
    const what = call === undefined ? 'runs on' : `is in the system call ${call.name}, which ends by itself,`
    this.#restWarnings.push(
      `threads: thread ${restless} ${what} while another one is at a choice or waits: when it acts differs from run to run, and states and violations with it`,
    )
  }

  /** Which of two threads comes to its choice first is chance, and would be part of every path. */
  #checkChooser(tid: number): void {
    this.#chooser ??= tid
    const { choosers } = this.#isThreaded ? this.memory : { choosers: [tid] }
    const other = choosers.find((each) => each !== this.#chooser)
    if (other === undefined) return
    throw new PageStoreError(
      'ERR_THREADS',
      `two threads of the program make choices (${this.#chooser} and ${other}), and which of them comes first differs from run to run: let one thread make them all`,
    )
  }

  #hang(): Step {
    return failure({
      kind: 'hang',
      property: `no choice within ${this.#stepTimeout} ms`,
      detail: this.#activity(),
    })
  }

  #crash(signal: string, address: bigint | undefined): Failure {
    const at = this.memory.stopPoint()
    const name = this.#functionAt(at)
    const where = address === undefined ? '' : ` at ${hex(address)}`
    return {
      kind: 'crash',
      property: name === undefined ? signal : `${signal} in ${name}`,
      detail: `${signal}${where}, by the instruction at ${hex(at)}`,
    }
  }

  /** What the program does instead of making a choice. */
  #activity(): string {
    const call = this.memory.systemCall()
    const before = this.memory.stopPoint()
    const waits = this.#hasOwnClock ? readsClockOnly(this.memory) : false
    if (waits === undefined) return this.#running(before)
    if (waits) {
      return 'the program reads a clock again and again: its own goes on only in sleeps, and in waits that pass their limit'
    }
    const at = this.memory.stopPoint()
    const repeated = repeatedCalls(this.memory)
    if (repeated !== undefined) {
      return `the program makes the same system calls again and again, and no choice: ${repeated}`
    }
    if (call !== undefined) {
      return `the program waits in the system call ${call.name}: it has no input, and no other process to wait for`
    }
    return this.#running(at)
  }

  #running(at: bigint): string {
    const name = this.#functionAt(at)
    const where = name === undefined ? '' : ` in ${name}`
    return `the program is running${where}: allow more time with --step-timeout, or let it make a choice earlier`
  }

  #functionAt(address: bigint): string | undefined {
    return nameOf(this.memory.regions, address, filesOf(this.memory.pid))?.name
  }
}

function failure(failure: Failure): Step {
  return { kind: 'failure', failure }
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`
}
