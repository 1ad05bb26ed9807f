/** Native programs as subjects: runs a tracee from choice to choice, and says how it failed where it failed. */

import { PageStoreError } from '../../errors.js'
import { nameOf } from '../../linux/symbols.js'
import type { PageStore } from '../../page-store.js'
import type { ResumeOptions } from '../../resume-options.js'
import { type SpawnOptions, spawnEnvironment } from '../../spawn-options.js'
import type { Stop } from '../../stop.js'
import { Tracee } from '../../tracee.js'
import type { Failure, Layout, Running, Step, Subject } from '../subject.js'
import { checkLayout } from './declared.js'
import { layoutOf } from './program-layout.js'
import { withoutLeakCheck } from './sanitizers.js'

/** How a program is started and run. */
export interface ProgramOptions extends SpawnOptions {
  /** Milliseconds that it may take from one choice to the next. Default: 10 000. */
  stepTimeout?: number | undefined
}

// In so many first steps the program stops at each call that reaches beyond its memory, so that we can warn the user.
// Each such call costs two stops, so we do not inspect all steps.
const inspectedSteps = 32
const outwardCalls = [
  'write',
  'writev',
  'pwrite64',
  'sendto',
  'sendmsg',
  'unlink',
  'unlinkat',
  'rename',
  'renameat2',
  'kill',
]

// Signals whose default action does not end a process.
const harmless = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'])

/**
 * Explores a native program that includes `pagestore.h`. The program has a session of its own, no input, and its output
 * is discarded, unless `stdio` says otherwise.
 */
export class Program implements Subject {
  /** A path, or a name that is looked up in `PATH`. */
  readonly file: string
  /** The program's arguments, without its own name. */
  readonly args: readonly string[]
  readonly #options: ProgramOptions

  /** Starts nothing: {@link open} does. */
  constructor(file: string, args: readonly string[] = [], options: ProgramOptions = {}) {
    this.file = file
    this.args = args
    this.#options = options
  }

  /**
   * Starts the program.
   * @throws as `Tracee.spawn`
   */
  open(store: PageStore): RunningProgram {
    const { stepTimeout = 10_000, ...options } = this.#options
    const stdio = options.stdio ?? ['ignore', 'ignore', 'ignore']
    const env = withoutLeakCheck(spawnEnvironment(options))
    const tracee = Tracee.spawn(store, this.file, this.args, { timeout: stepTimeout, ...options, stdio, env })
    return new RunningProgram(tracee, stepTimeout)
  }
}

/** A program between two choices. */
export class RunningProgram implements Running {
  readonly memory: Tracee
  readonly layout: Layout
  readonly warnings: string[] = []
  readonly #stepTimeout: number
  /** The thread that makes the choices. */
  #chooser: number | undefined
  #steps = 0

  /** For {@link Program}. */
  constructor(tracee: Tracee, stepTimeout: number) {
    this.memory = tracee
    this.layout = layoutOf(tracee)
    this.#stepTimeout = stepTimeout
  }

  /** @throws `ERR_PROGRAM` for a program that cannot be explored, `ERR_THREADS` where a second thread makes a choice */
  start(): Step {
    const step = this.#run({})
    checkLayout(this.memory)
    if (step.kind !== 'end') return step
    throw new PageStoreError(
      'ERR_PROGRAM',
      'the program ended without a choice: it must include pagestore.h and call ps_choose',
    )
  }

  /** @throws `ERR_PROGRAM` when the program does what cannot be rolled back: starts a process, becomes another program */
  take(alternative: number): Step {
    if (this.#steps >= inspectedSteps) return this.#run({ choose: alternative })
    this.#steps++
    return this.#run({ choose: alternative, until: { syscall: outwardCalls } })
  }

  close(): void {
    this.memory.close()
  }

  #run({ choose, until }: ResumeOptions): Step {
    const end = performance.now() + this.#stepTimeout
    let options: ResumeOptions = { choose, until, timeout: this.#stepTimeout }
    for (;;) {
      const step = this.#stepOf(this.memory.resume(options))
      if (step !== undefined) return step
      const timeout = Math.ceil(end - performance.now())
      if (timeout <= 0) return this.#hang()
      options = { until, timeout }
    }
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
        if (harmless.has(stop.signal) || this.memory.handlesSignal(stop.signal)) return undefined
        return failure(this.#crash(stop.signal, stop.address))
      case 'timeout':
        return this.#hang()
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
        if (stop.entering) this.#warnOf(stop.name)
        return undefined
      case 'breakpoint':
      case 'clone':
      case 'thread-exit':
        return undefined
      default:
        return stop satisfies never
    }
  }

  /** Which of two threads comes to its choice first is chance, and would be part of every path. */
  #checkChooser(tid: number): void {
    this.#chooser ??= tid
    if (tid === this.#chooser) return
    throw new PageStoreError(
      'ERR_THREADS',
      `two threads of the program make choices (${this.#chooser} and ${tid}), and which of them comes first differs from run to run: let one thread make them all`,
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
    if (call !== undefined) {
      return `the program waits in the system call ${call.name}: it has no input, and no other process to wait for`
    }
    const name = this.#functionAt(this.memory.stopPoint())
    const where = name === undefined ? '' : ` in ${name}`
    return `the program is running${where}: allow more time with --step-timeout, or let it make a choice earlier`
  }

  #functionAt(address: bigint): string | undefined {
    return nameOf(this.memory.regions, address)?.name
  }

  #warnOf(call: string): void {
    if (this.warnings.length > 0) return
    const [fd = 0n] = this.memory.systemCall()?.args ?? []
    const isOutput = call.startsWith('write') && (fd === 1n || fd === 2n)
    if (isOutput) return
    this.warnings.push(
      `The program acts outside of its memory (${call}): files, pipes and other processes are not rolled back.`,
    )
  }
}

function failure(failure: Failure): Step {
  return { kind: 'failure', failure }
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`
}
