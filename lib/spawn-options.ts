/** What a caller may ask of `Tracee.spawn`, and the same checked and complete, as the addon takes it. */

import { accessSync, constants, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import type { Spawn, TrackerKind } from './addon/native.js'
import { entriesOf, functionOf, listOf, optionsOf, shortened, shown, textOf, wrong } from './arguments.js'
import { PageStoreError } from './errors.js'
import type { KeptStart } from './kept-start.js'
import { checkedTimeout } from './resume-options.js'
import type { WarningTaker } from './warnings.js'

/** What differs from one run of a program to the next unless it is fixed. Each but `time` is fixed by default. */
export interface Determinism {
  /** No address space layout randomization. */
  addresses?: boolean | undefined
  /** The same 16 bytes where the kernel gives a program random ones (`AT_RANDOM`). */
  random?: boolean | undefined
  /** No restartable sequences: with them, the kernel writes the number of the processor into a thread's memory. */
  rseq?: boolean | undefined
  /** Without `env`: a short environment that is always the same, in place of Node's. */
  environment?: boolean | undefined
  /** One processor for the program and for this thread: on two, each stop costs six times as much. */
  processor?: boolean | undefined
  /**
   * A clock of the program's own, in place of the system's clocks and of the processor's counter (`rdtsc`). It begins at
   * 2020-01-01 00:00 UTC, a day after the system's start, and only sleeps and waits whose limit passes let it go on: a
   * program that nobody else could wake does not wait for them. It is part of snapshots and keys. Reading it costs a
   * stop; what is left to the system is in docs/tracee.md. Default: false, and true under the explorer (`Program`).
   */
  time?: boolean | undefined
}

/**
 * What a restore does with the descriptors of a program. `restore` puts back what is open, with offsets and flags, and
 * refuses what it cannot put back (`ERR_FILES`); `ignore` leaves all of it as the program left it.
 */
export type Files = 'restore' | 'ignore'

/** What the explorer asks for beside: stops at system calls, one bit for each, whose fork it is, and who takes warnings. */
export interface Explored {
  furtherCalls: Uint8Array
  kept: KeptStart
  taker: WarningTaker
}

/** What both ways to a tracee have in common: how `Tracee.attach` takes control of a process. */
export interface AttachOptions {
  /** What a restore does with descriptors. Default: `restore`. */
  files?: Files | undefined
  /**
   * Receives what the user should know, a sentence each, once: what a restore did not put back. Default: a warning of
   * Node's (`process.emitWarning`), with the code `PAGESTORE_FILES`, `PAGESTORE_PROCESSES` for what processes that the
   * program started have done, or `PAGESTORE_SYSTEM` for what the system refused at a start, as in a container. What it
   * throws, `capture` or `restore` throws; a snapshot is then released, but a restore is done.
   */
  onWarning?: ((text: string) => void) | undefined
  /** Which tracker to insist on. Default: `write-protect` where the system allows it, else `none`. */
  tracker?: TrackerKind | undefined
}

/** How `Tracee.spawn` starts a program. */
export interface SpawnOptions extends AttachOptions {
  /** The whole environment. Default: that of {@link Determinism.environment}. */
  env?: Readonly<Record<string, string>> | undefined
  /** The directory in which the program starts. Default: that of Node. */
  cwd?: string | undefined
  /** Standard input, output and error. Default: `['ignore', 'inherit', 'inherit']`. */
  stdio?: readonly ('inherit' | 'ignore' | number)[] | undefined
  /** What is fixed: `true` for all but `time`, `false` for nothing. Default: true. */
  deterministic?: boolean | Determinism | undefined
  /**
   * Whether `Tracee.detach` is to be possible, which costs two stops for every system call. Default: false. Otherwise
   * a filter stops the program at few calls; but the kernel never removes a filter, and without a tracer the filtered
   * calls would fail, in the program and in all that it starts.
   */
  detachable?: boolean | undefined
  /** Milliseconds that the program may take until its own code begins. Default: no limit. */
  timeout?: number | undefined
}

const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
// The dynamic linker resolves all symbols at the start: else the first call of each function writes into memory, and
// which ones were called already would tell two states apart.
const fixedEnvironment = { PATH: standardPath, LANG: 'C.UTF-8', LD_BIND_NOW: '1' }
const withoutRseq = 'glibc.pthread.rseq=0'

const attachNames = ['files', 'onWarning', 'tracker'] as const
const spawnNames = [...attachNames, 'env', 'cwd', 'stdio', 'deterministic', 'detachable', 'timeout'] as const
const fixable = ['addresses', 'random', 'rseq', 'environment', 'processor', 'time'] as const
const defaultStdio = ['ignore', 'inherit', 'inherit'] as const

/** What was asked for, read once. */
export type PlainSpawnOptions = SpawnOptions & { stdio: readonly ('inherit' | 'ignore' | number)[] }

/** @throws `ERR_ARGUMENT_TYPE` */
export function readAttachOptions(options: AttachOptions): AttachOptions {
  const read = optionsOf(options, attachNames)
  return { ...read, onWarning: read.onWarning === undefined ? undefined : functionOf(read.onWarning, 'onWarning') }
}

/**
 * @param stdio where the caller names no streams
 * @throws `ERR_ARGUMENT_TYPE`
 */
export function readSpawnOptions(
  options: SpawnOptions,
  stdio: PlainSpawnOptions['stdio'] = defaultStdio,
): PlainSpawnOptions {
  const { env, deterministic = true, ...read } = optionsOf(options, spawnNames)
  return {
    ...read,
    ...readAttachOptions(read),
    stdio: read.stdio === undefined ? stdio : listOf(read.stdio, 'stdio', 3),
    env: env === undefined ? undefined : plainEnvironment(env),
    deterministic:
      typeof deterministic === 'boolean' ? deterministic : optionsOf(deterministic, fixable, 'deterministic'),
  }
}

/**
 * @param furtherCalls a bit for each system call at which the filter shall stop the program, beside those that it must
 * @throws `ERR_ARGUMENT_TYPE`, `ERR_SPAWN` for a program that is in no directory of `PATH`
 */
export function prepareSpawn(
  file: string,
  args: readonly string[],
  options: PlainSpawnOptions,
  furtherCalls?: Uint8Array | undefined,
): Spawn {
  const { stdio, deterministic = true } = options
  if (textOf(file, 'file') === '') throw wrong('file must be a path')
  const environment = spawnEnvironment(options)
  const isFixed = (name: keyof Determinism) => isFixedBy(deterministic, name)
  return {
    file: file.includes('/') ? file : findProgram(file, environment['PATH'] ?? standardPath),
    args: [file, ...listOf(args, 'args').map((each) => textOf(each, 'an argument of the program'))],
    env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    cwd: options.cwd === undefined ? undefined : textOf(options.cwd, 'cwd'),
    stdin: streamOf(stdio[0] ?? 'ignore', 0),
    stdout: streamOf(stdio[1] ?? 'ignore', 1),
    stderr: streamOf(stdio[2] ?? 'ignore', 2),
    inheritsStdin: stdio[0] === 'inherit',
    inheritsStdout: stdio[1] === 'inherit',
    inheritsStderr: stdio[2] === 'inherit',
    restoresFiles: restoresFiles(options.files),
    hasDeterministicAddresses: isFixed('addresses'),
    hasDeterministicRandom: isFixed('random'),
    hasKeptClock: typeof deterministic === 'object' && deterministic.time === true,
    sharesProcessor: isFixed('processor'),
    isDetachable: Boolean(options.detachable),
    furtherCalls,
    timeout: options.timeout === undefined ? undefined : checkedTimeout(options.timeout),
  }
}

/** The environment that a program gets. */
export function spawnEnvironment({ env, deterministic = true }: SpawnOptions): Record<string, string> {
  return environmentOf(env, isFixedBy(deterministic, 'environment'), isFixedBy(deterministic, 'rseq'))
}

function isFixedBy(deterministic: boolean | Determinism, name: keyof Determinism): boolean {
  return typeof deterministic === 'boolean' ? deterministic : deterministic[name] !== false
}

/** @throws `ERR_ARGUMENT_TYPE` */
export function restoresFiles(files: Files = 'restore'): boolean {
  if (files === 'restore' || files === 'ignore') return files === 'restore'
  throw wrong(`files must be 'restore' or 'ignore', not ${shown(files)}`)
}

/** Numbers and truth values are written out; what is undefined is not there. */
function plainEnvironment(env: Readonly<Record<string, unknown>>): Record<string, string> {
  const environment: Record<string, string> = { __proto__: null } as never
  for (const [name, value] of entriesOf(env, 'env')) {
    if (value === undefined) continue
    const text = ['number', 'boolean', 'bigint'].includes(typeof value) ? String(value) : value
    environment[textOf(name, 'a name in env')] = textOf(text, `${shortened(name)} in env`)
  }
  return environment
}

function environmentOf(given: SpawnOptions['env'], isFixed: boolean, lacksRseq: boolean): Record<string, string> {
  const environment: Record<string, string> = { __proto__: null } as never
  for (const [name, value] of Object.entries(given ?? (isFixed ? fixedEnvironment : process.env))) {
    if (value !== undefined) environment[name] = value
  }
  const tunables = environment['GLIBC_TUNABLES']
  if (lacksRseq && !tunables?.includes('rseq')) {
    environment['GLIBC_TUNABLES'] = tunables === undefined ? withoutRseq : `${tunables}:${withoutRseq}`
  }
  return environment
}

function findProgram(name: string, path: string): string {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder || '.', name)
    try {
      accessSync(candidate, constants.X_OK)
      if (statSync(candidate).isFile()) return candidate
    } catch {
      // The next folder may have it.
    }
  }
  throw new PageStoreError('ERR_SPAWN', `there is no program ${basename(name)} in ${path}`)
}

function streamOf(stream: 'inherit' | 'ignore' | number, fd: number): number | undefined {
  if (stream === 'inherit') return fd
  if (stream === 'ignore') return undefined
  if (Number.isInteger(stream) && stream >= 0 && stream < 2 ** 31) return stream
  throw wrong(`stdio must be 'inherit', 'ignore' or descriptors, not ${shown(stream)}`)
}
