/** Live programs under control: starts or attaches to a process, runs it from stop to stop, captures and restores it. */

import { type Handle, native, type Range, type Region, type TrackerKind } from './addon/native.js'
import { resumeSlots as slot } from './addon/tables.js'
import { entriesOf, shortened, shown, textOf, wrong } from './arguments.js'
import { PageStoreError } from './errors.js'
import { filesOf } from './linux/process-files.js'
import { signalDisposition } from './linux/process-status.js'
import { argumentRegisters, fitsRegister, type SystemCall, stopPointIn, systemCallIn } from './linux/registers.js'
import { textAt } from './linux/remote-text.js'
import { findSymbol } from './linux/symbols.js'
import type { RestorableMemory } from './memory.js'
import { handleOf, type PageStore } from './page-store.js'
import type { Refusal } from './refusals.js'
import { closedOnFailure, closeMemory, withReleases } from './releases.js'
import { checkedThread, checkedTimeout, numberOfSignal, prepareResume, type ResumeOptions } from './resume-options.js'
import { allocate, createSnapshot, type Snapshot, snapshotHandle } from './snapshot.js'
import {
  type AttachOptions,
  type Explored,
  prepareSpawn,
  readAttachOptions,
  readSpawnOptions,
  restoresFiles,
  type SpawnOptions,
} from './spawn-options.js'
import { readStop, type Stop, stopSlots } from './stop.js'
import { passRefusals, passWarnings, type WarningTaker, warningTaker } from './warnings.js'

// A tracee that nobody closed is closed when it is collected.
const forgotten = new FinalizationRegistry<Handle>(closeMemory)

const { registerNames } = native

/** Signals of which a program that has no handler notices nothing. */
const ignoredByDefault = new Set(['SIGCHLD', 'SIGCONT', 'SIGURG', 'SIGWINCH'])

/**
 * For the explorer: `Tracee.spawn` with a filter that stops the program at further system calls. The program runs on from
 * them unless {@link resumeToEntries} asks for them.
 */
export let spawnFiltered: (
  store: PageStore,
  file: string,
  args: readonly string[],
  options: SpawnOptions,
  explored: Explored,
) => Tracee
/** For the explorer: what the system refused when it was spawned. */
export let refusalsOf: (tracee: Tracee) => Refusal[]
/**
 * For the explorer: `resume` that stops before each of these system calls, too, one bit for each. Of a program that has
 * a filter they must be among those of {@link spawnFiltered}; then no other call costs anything. `goesOn`: this is more of
 * the last run, and nothing was done to the program since.
 */
export let resumeToEntries: (tracee: Tracee, options: ResumeOptions & { goesOn: boolean }, calls: Uint8Array) => Stop
/** For the explorer: the arguments of the call that a thread is about to make, where it stopped for that. */
export let callArguments: (tracee: Tracee, tid: number) => bigint[]
/** For the explorer: takes away files and folders that a program has made since its first snapshot, to which it was restored. */
export let removeMadeFiles: (tracee: Tracee) => void

const argumentIndices = argumentRegisters().map((name) => registerNames.indexOf(name))

/**
 * A live program under control, which can be rolled back: captured and restored in place, as often as one likes.
 *
 * A snapshot has the program's memory, its mappings, the registers of all threads, and its descriptors with offsets and
 * flags. What else the kernel keeps does not roll back: signal handlers, what timers are set to, other processes.
 *
 * Between two calls the program is stopped. It belongs to the thread (the main thread or a Worker) that made the tracee.
 * Calls are synchronous: a caller that needs its event loop makes the tracee in a Worker. Every method throws
 * `ERR_PROCESS_GONE` once the program has ended.
 */
export class Tracee implements RestorableMemory {
  static {
    spawnFiltered = (store, file, args, options, explored) => Tracee.#spawn(store, file, args, options, explored)
    refusalsOf = (tracee) => native.traceeRefusals(tracee.#handle)
    resumeToEntries = (tracee, { goesOn, ...options }, calls) => tracee.#resume(options, { calls, goesOn })
    removeMadeFiles = (tracee) => native.removeMadeFiles(tracee.#handle)
    callArguments = (tracee, tid) => {
      const values = tracee.#registers(tid)
      return argumentIndices.map((index) => values[index] ?? 0n)
    }
  }

  readonly #store: PageStore
  readonly #handle: Handle
  readonly #request = new Float64Array(Object.keys(slot).length)
  readonly #stop = stopSlots()
  readonly #warningTaker: WarningTaker
  readonly #fileNames = new Map<number, string>()
  /** The kernel's number for the process. */
  readonly pid: number

  private constructor(store: PageStore, handle: Handle, taker: WarningTaker) {
    this.#warningTaker = taker
    this.#store = store
    this.#handle = handle
    this.pid = native.traceePid(handle)
    forgotten.register(this, handle, this)
  }

  /**
   * Starts a program in a session of its own. It is stopped where its own code begins: the dynamic linker is done.
   * @throws `ERR_SPAWN`, `ERR_TRACEE`, `ERR_TRACKER`, `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED`
   */
  static spawn(store: PageStore, file: string, args: readonly string[] = [], options: SpawnOptions = {}): Tracee {
    const tracee = Tracee.#spawn(store, file, args, options)
    const refused = native.traceeRefusals(tracee.#handle).filter((each) => each === 'addresses')
    return closedOnFailure(tracee, () => {
      passRefusals(refused, tracee.#warningTaker)
      return tracee
    })
  }

  static #spawn(
    store: PageStore,
    file: string,
    args: readonly string[],
    options: SpawnOptions,
    explored?: Explored,
  ): Tracee {
    const plain = readSpawnOptions(options)
    const what = prepareSpawn(file, args, plain, explored?.furtherCalls)
    const taker = explored?.taker ?? warningTaker(plain.onWarning)
    const handle = native.spawnTracee(handleOf(store), what, plain.tracker, explored?.kept.handle)
    return new Tracee(store, handle, taker)
  }

  /**
   * Takes control of a process that runs, and stops all its threads. The process runs on when the tracee is closed, or
   * when Node ends. While it is traced it stops at each system call, which makes it slow.
   * @throws `ERR_PROCESS_GONE`, `ERR_PERMISSION`, `ERR_TRACEE`, `ERR_TRACKER`, `ERR_WRONG_THREAD` (a child of this
   *   process, in a Worker), `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED`
   */
  static attach(store: PageStore, pid: number, options: AttachOptions = {}): Tracee {
    const { tracker, files, onWarning } = readAttachOptions(options)
    const isRestored = restoresFiles(files)
    const attach = () => native.attachTracee(handleOf(store), pid, tracker, isRestored)
    return new Tracee(store, withReleases(attach), warningTaker(onWarning))
  }

  /**
   * Lets the program run until it stops.
   * @throws `ERR_CHOICE`, `ERR_THREAD`, `ERR_SYMBOL`, `ERR_ADDRESS` (no breakpoint can be there), `ERR_ARGUMENT_TYPE`
   */
  resume(options: ResumeOptions = {}): Stop {
    return this.#resume(options)
  }

  #resume(options: ResumeOptions, explored?: { calls: Uint8Array; goesOn: boolean }): Stop {
    const { choice, signal, calls, address, symbol, thread, timeout, settle } = prepareResume(options)
    const breakpoint = symbol === undefined ? address : this.symbol(symbol).address
    const request = this.#request
    request[slot.choose] = choice ?? Number.NaN
    request[slot.signal] = signal ?? Number.NaN
    request[slot.tid] = thread ?? Number.NaN
    request[slot.timeout] = timeout ?? Number.NaN
    request[slot.settle] = settle ?? Number.NaN
    request[slot.onlyEntries] = explored === undefined ? Number.NaN : 1
    request[slot.goesOn] = explored?.goesOn ? 1 : Number.NaN
    native.resumeTracee(this.#handle, request, explored?.calls ?? calls, breakpoint, this.#stop.numbers)
    const stop = readStop(this.#stop, this.#fileName, this.#readText)
    if (stop.kind === 'exec') this.#fileNames.clear()
    return stop
  }

  /**
   * Lets the program run on for some milliseconds: through the births of threads and processes, and through signals that
   * it handles, until the time has passed or it stops for something else.
   * @param ms how long: a whole number
   * @throws `ERR_CHOICE` (it waits in `ps_choose`), `ERR_ARGUMENT_TYPE`
   */
  runFor(ms: number): Stop {
    const end = performance.now() + checkedTimeout(ms, 'ms')
    for (let left = ms; ; left = Math.ceil(end - performance.now())) {
      const stop = this.resume({ timeout: Math.max(left, 0) })
      if (!this.#goesOn(stop)) return stop
      if (performance.now() >= end) return { tid: stop.tid, kind: 'timeout' }
    }
  }

  /**
   * Takes a snapshot. It costs what was written since the last capture or restore; the first one costs everything.
   * @throws `ERR_ADDRESS` (what makes the state is not all captured), `ERR_OUT_OF_MEMORY`, `ERR_TRACEE` (in the middle of
   *   `vfork`, or while another process shares the memory), `ERR_FILES` (a thread has descriptors of its own),
   *   `ERR_MEMORY_CLOSED`, `ERR_STORE_CLOSED`, `ERR_STORE_DAMAGED`
   */
  capture(): Snapshot {
    const snapshot = createSnapshot(this.#store, native.captureMemory(handleOf(this.#store), this.#handle))
    passWarnings(this.#handle, this.#warningTaker, snapshot)
    return snapshot
  }

  /**
   * Makes the program what it was at a snapshot, stopped where it was stopped. After `ERR_MAPPING` and
   * `ERR_STORE_DAMAGED` the program is neither the old nor the new one, until another `restore` succeeds.
   * @throws `ERR_THREADS`, `ERR_TRACEE` (a process that the program started cannot be put back), `ERR_FILES`,
   *   `ERR_MAPPING`, `ERR_OTHER_MEMORY`, `ERR_OTHER_STORE`, `ERR_SNAPSHOT_RELEASED`, `ERR_OUT_OF_MEMORY`,
   *   `ERR_STORE_DAMAGED`
   */
  restore(snapshot: Snapshot): void {
    native.restoreMemory(handleOf(this.#store), this.#handle, snapshotHandle(snapshot))
    passWarnings(this.#handle, this.#warningTaker)
  }

  get regions(): readonly Region[] {
    return native.memoryRegions(this.#handle)
  }

  get tracker(): TrackerKind {
    return native.memoryTracker(this.#handle)
  }

  /**
   * What the program had declared with `ps_state`, itself or one of its libraries, when it was captured last; empty where
   * all of its memory is its state.
   */
  get declared(): readonly Range[] {
    return native.traceeDeclared(this.#handle)
  }

  /** The kernel's numbers for the threads. */
  get threads(): readonly number[] {
    return native.traceeThreads(this.#handle)
  }

  /** The threads that wait for the answer to a choice; `resume` reports the choices of several one after the other. */
  get choosers(): readonly number[] {
    return native.traceeChoosers(this.#handle)
  }

  /**
   * A thread that did not come to rest in the last `resume` with `settle`: it ran on, or waits for no longer than some time
   * that passes by itself. Undefined if there was none.
   */
  get restless(): number | undefined {
    return native.traceeRestless(this.#handle) || undefined
  }

  read(address: bigint, length: number): Buffer {
    const bytes = allocate(length)
    native.readMemory(this.#handle, address, bytes)
    return bytes
  }

  /**
   * Writes bytes, even where the program itself may not write.
   * @throws `ERR_ADDRESS`
   */
  write(address: bigint, bytes: Uint8Array): void {
    native.writeTracee(this.#handle, address, bytes)
  }

  /**
   * All registers of a thread, by the names that the processor's manual uses.
   * @param tid default: the thread that stopped last
   * @throws `ERR_THREAD`, `ERR_ARGUMENT_TYPE`
   */
  registers(tid?: number): Record<string, bigint> {
    const values = this.#registers(tid)
    return Object.fromEntries(registerNames.map((name, i) => [name, values[i] ?? 0n]))
  }

  /**
   * Changes the registers that are given, and no others.
   * @param tid default: the thread that stopped last
   * @throws `ERR_THREAD`, `ERR_ARGUMENT_TYPE`
   */
  setRegisters(values: Readonly<Record<string, bigint>>, tid?: number): void {
    const changes = entriesOf(values, 'registers').map(([name, value]) => {
      const index = registerNames.indexOf(name)
      if (index < 0) throw wrong(`there is no register ${shown(name)}`)
      if (typeof value !== 'bigint' || !fitsRegister(value)) throw wrong(`${name} must be a bigint of at most 64 bits`)
      return { index, value }
    })
    const all = this.#registers(tid)
    for (const { index, value } of changes) all[index] = value
    native.writeRegisters(this.#handle, tid === undefined ? undefined : checkedThread(tid), all)
  }

  /**
   * The address of the instruction that comes next.
   * @param tid default: the thread that stopped last
   * @throws `ERR_THREAD`, `ERR_ARGUMENT_TYPE`
   */
  stopPoint(tid?: number): bigint {
    return stopPointIn(this.registers(tid))
  }

  /**
   * The system call that a thread is in, or makes next; undefined if it is running its own code.
   * @param tid default: the thread that stopped last
   * @throws `ERR_THREAD`, `ERR_ARGUMENT_TYPE`
   */
  systemCall(tid?: number): SystemCall | undefined {
    return systemCallIn(this.registers(tid), (address, length) => this.read(address, length))
  }

  /**
   * Whether the program has a handler for a signal, or ignores it, so that the kernel does not do what is the default.
   * @param signal by name: `SIGSEGV`
   * @throws `ERR_ARGUMENT_TYPE`
   */
  handlesSignal(signal: string): boolean {
    const number = numberOfSignal(signal)
    try {
      return signalDisposition(this.pid, number) !== 'default'
    } catch {
      throw new PageStoreError('ERR_PROCESS_GONE', `process ${this.pid} has ended`)
    }
  }

  /**
   * Where a function or variable of the program, or of one of its libraries, is.
   * @throws `ERR_SYMBOL`
   */
  symbol(name: string): {
    /** Where it is loaded. */
    address: bigint
    /** In bytes; 0 where the symbol table does not say. */
    size: number
  } {
    const found = findSymbol(this.regions, textOf(name, 'a symbol'), filesOf(this.pid))
    if (found === undefined) {
      const text = `neither the program nor its libraries have a symbol ${shortened(name)}`
      throw new PageStoreError('ERR_SYMBOL', text)
    }
    return { address: found.address, size: found.size }
  }

  ignore(address: bigint, length: number): void {
    native.ignoreRange(this.#handle, address, length)
  }

  track(address: bigint, length: number): void {
    native.trackRange(this.#handle, address, length)
  }

  /**
   * Ends tracing: the program runs on by itself. A thread inside `vfork` is let go when that is over, as long as our event
   * loop runs; when our thread ends, the kernel does it.
   * @throws `ERR_TRACEE` for a program that was spawned without `detachable`
   */
  detach(): void {
    withReleases(() => native.detachTracee(this.#handle))
    this.close()
  }

  /** Kills the program. */
  kill(): void {
    native.killTracee(this.#handle)
  }

  /** Kills a program that was spawned, detaches from a process that was attached to. Snapshots stay. */
  close(): void {
    forgotten.unregister(this)
    closeMemory(this.#handle)
  }

  /** Closes it: `using tracee = Tracee.spawn(…)`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** Whether nothing came of a stop that the program itself would notice if it were not traced. */
  #goesOn(stop: Stop): boolean {
    if (stop.kind === 'signal') return this.handlesSignal(stop.signal) || ignoredByDefault.has(stop.signal)
    return stop.kind === 'clone' || stop.kind === 'fork'
  }

  #registers(tid: number | undefined): BigUint64Array {
    const thread = tid === undefined ? undefined : checkedThread(tid)
    const values = new BigUint64Array(registerNames.length)
    native.readRegisters(this.#handle, thread, values)
    return values
  }

  // Names of source files are constants: each is read once.
  readonly #fileName = (address: number): string => {
    const text = this.#fileNames.get(address) ?? this.#readText(address)
    this.#fileNames.set(address, text)
    return text
  }

  readonly #readText = (address: number): string => textAt((at, length) => this.read(at, length), BigInt(address))
}
