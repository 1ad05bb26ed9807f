import { readFileSync } from 'node:fs'

import { PageStoreError } from '../../errors.js'
import { signalNumber } from '../../linux/signals.js'
import { findSymbol, nameOf } from '../../linux/symbols.js'
import { systemCallName } from '../../linux/system-calls.js'
import type { PageStore } from '../../page-store.js'
import type { SpawnOptions } from '../../spawn-options.js'
import type { Stop } from '../../stop.js'
import { type ResumeOptions, Tracee } from '../../tracee.js'
import type { Failure, Layout, Running, Step, Subject } from '../subject.js'
import { declaredRanges } from './declared.js'

/** How a program is started and followed. */
export interface ProgramOptions extends SpawnOptions {
  /** Milliseconds that it may take from one choice to the next. Default: 10 000. */
  stepTimeout?: number | undefined
}

// So many steps are watched for what reaches beyond the program's own memory: that costs two stops for each call.
const watchedSteps = 32
const outward = [
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

/**
 * Explores a native program that includes `pagestore.h`. It has a session of its own, no input, and its output goes
 * nowhere, unless `stdio` says otherwise.
 */
export class Program implements Subject {
  /** A path, or a name that is looked for on the path. */
  readonly file: string
  /** Its arguments, without its own name. */
  readonly args: readonly string[]
  readonly #options: ProgramOptions

  /** Nothing is started before it is opened. */
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
    const tracee = Tracee.spawn(store, this.file, this.args, { timeout: stepTimeout, ...options, stdio })
    return new RunningProgram(tracee, stepTimeout)
  }
}

/** A program between two choices. */
export class RunningProgram implements Running {
  readonly memory: Tracee
  readonly layout: Layout
  readonly warnings: string[] = []
  readonly #limit: number
  #steps = 0

  constructor(tracee: Tracee, limit: number) {
    this.memory = tracee
    this.layout = layoutOf(tracee)
    this.#limit = limit
  }

  /** @throws `ERR_PROGRAM` where there is nothing to explore */
  start(): Step {
    const step = this.#run({ timeout: this.#limit })
    if (step.kind === 'choice') return step
    const { kind } = step
    throw new PageStoreError(
      'ERR_PROGRAM',
      kind === 'end'
        ? 'the program ended without a choice: it is to include pagestore.h and to call ps_choose'
        : `the program came to no choice: ${describe(step.failure)}`,
    )
  }

  /** @throws `ERR_PROGRAM` for what cannot be rolled back: another process, another program */
  go(way: number): Step {
    if (this.#steps < watchedSteps) return this.#goWatched(way)
    return this.#run({ choose: way, timeout: this.#limit })
  }

  close(): void {
    this.memory.close()
  }

  #run(options: ResumeOptions): Step {
    const end = performance.now() + this.#limit
    for (let next = options; ; ) {
      const stop = this.memory.resume(next)
      const step = this.#stepOf(stop)
      if (step !== undefined) return step
      const timeout = Math.ceil(end - performance.now())
      if (timeout <= 0) return this.#hang()
      const { choose: _, ...rest } = options
      next = { ...rest, timeout }
    }
  }

  #hang(): Step {
    return failure({
      kind: 'hang',
      property: `no choice within ${this.#limit} ms`,
      detail: this.#whereItIs(),
    })
  }

  #goWatched(way: number): Step {
    this.#steps++
    return this.#run({ choose: way, timeout: this.#limit, until: { syscall: outward } })
  }

  /** Nothing where it is to go on. */
  #stepOf(stop: Stop): Step | undefined {
    switch (stop.kind) {
      case 'choice':
        return { kind: 'choice', ways: stop.ways, place: stop.place }
      case 'exit':
        if (stop.code === 0) return { kind: 'end' }
        return failure({ kind: 'exit', property: `exit(${stop.code})` })
      case 'assertion':
        return failure({ kind: 'assertion', property: stop.text, place: stop.place })
      case 'signal':
        return this.#isFatal(stop.signal) ? failure(this.#crash(stop.signal, stop.address)) : undefined
      case 'timeout':
        return this.#hang()
      case 'fork':
        throw new PageStoreError(
          'ERR_PROGRAM',
          `the program starts another process (${stop.pid}), which cannot be rolled back: leave that out of what is checked`,
        )
      case 'exec':
        throw new PageStoreError('ERR_PROGRAM', 'the program becomes another one (exec): check that one by itself')
      case 'killed':
        throw new PageStoreError(
          'ERR_PROCESS_GONE',
          `the program was killed, by somebody or by itself (${stop.signal})`,
        )
      case 'syscall':
        this.#warnOf(stop.name, stop.entering)
        return undefined
      default:
        return undefined
    }
  }

  #isFatal(signal: string): boolean {
    const number = signalNumber(signal)
    if (number === undefined || harmless.has(signal)) return false
    const status = readFileSync(`/proc/${this.memory.pid}/status`, 'latin1')
    const bit = 1n << BigInt(number - 1)
    return !['SigCgt', 'SigIgn'].some((set) => {
      const bits = new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1]
      return bits !== undefined && (BigInt(`0x${bits}`) & bit) !== 0n
    })
  }

  #crash(signal: string, address: bigint | undefined): Failure {
    const at = this.#pointOf()
    const name = at === undefined ? undefined : nameOf(this.memory.regions, at)
    const of = address === undefined ? '' : ` at ${hex(address)}`
    return {
      kind: 'crash',
      property: name === undefined ? signal : `${signal} in ${name.name}`,
      detail: `${signal}${of}${at === undefined ? '' : `, by the instruction at ${hex(at)}`}`,
    }
  }

  #whereItIs(): string {
    const { orig_rax: call } = this.memory.registers()
    const name = call === undefined || BigInt.asIntN(64, call) < 0n ? undefined : systemCallName(Number(call))
    if (name !== undefined) return `it waits in the system call ${name}: it has no input, and nobody else to wait for`
    const at = this.#pointOf()
    const place = at === undefined ? undefined : nameOf(this.memory.regions, at)
    return `it computes${place === undefined ? '' : ` in ${place.name}`}; give it more time (--step-timeout), or let it choose on the way`
  }

  #pointOf(): bigint | undefined {
    const registers = this.memory.registers()
    return registers['rip'] ?? registers['pc']
  }

  #warnOf(name: string, entering: boolean): void {
    if (!entering || this.warnings.length > 0) return
    const { rdi, x0 } = this.memory.registers()
    const isOutput = name.startsWith('write') && [1n, 2n].includes(rdi ?? x0 ?? 0n)
    if (isOutput) return
    this.warnings.push(
      `The program reaches beyond its memory (${name}): files, pipes and other processes are not rolled back.`,
    )
  }
}

const harmless = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'])

function failure(failure: Failure): Step {
  return { kind: 'failure', failure }
}

function describe({ kind, property, place, detail }: Failure): string {
  return [kind, property, place, detail].filter((each) => each !== undefined && each !== '').join(', ')
}

function hex(address: bigint): string {
  return `0x${address.toString(16)}`
}

function layoutOf(tracee: Tracee): Layout {
  // Mappings change, and where the program's own variables are does not.
  let regions: Tracee['regions'] | undefined
  return {
    hidesUnnamed: true,
    find: (name) => tracee.symbol(name),
    nameOf(address) {
      regions ??= tracee.regions
      const place = nameOf(regions, address)
      // What libraries remember is theirs.
      if (place === undefined || place.file !== regions.find(({ path }) => path.startsWith('/'))?.path) return undefined
      const size = findSymbol(regions, place.name)?.size ?? 0
      return place.offset < size || size === 0 ? { ...place, size } : undefined
    },
    declared: () => declaredRanges(tracee),
  }
}
