import { type Handle, native, type Region, type TrackerKind } from './addon/native.js'
import { resumeSlots as slot } from './addon/tables.js'
import { PageStoreError } from './errors.js'
import { signalNumber } from './linux/signals.js'
import { findSymbol } from './linux/symbols.js'
import { systemCallNumber } from './linux/system-calls.js'
import type { RestorableMemory } from './memory.js'
import { handleOf, type PageStore } from './page-store.js'
import { allocate, createSnapshot, type Snapshot, snapshotHandle } from './snapshot.js'
import { prepareSpawn, type SpawnOptions } from './spawn-options.js'
import { readStop, type Stop, stopSlots } from './stop.js'

/** How {@link Tracee.attach} takes a process. */
export interface AttachOptions {
  /** Which tracker to insist on. Default: `write-protect` where the system allows it, else `none`. */
  tracker?: TrackerKind | undefined
}

/** What {@link Tracee.resume} lets go on, and until when. */
export interface ResumeOptions {
  /** The answer to `ps_choose` where the program waits for one: 0 ≤ choose < ways. */
  choose?: number | undefined
  /** What it receives: the signal that it stopped for (default), another one, or `'none'`. */
  signal?: string | undefined
  /** What else to stop for: system calls (all of them with `true`), on their way in and out; one breakpoint. */
  until?:
    | {
        /** By name: `['openat', 'read']`. */
        syscall?: readonly string[] | true
        /** Of an instruction. */
        address?: bigint
        /** The function of that name, in place of its address. */
        symbol?: string
      }
    | undefined
  /** The one thread that runs. Default: all. */
  tid?: number | undefined
  /** Milliseconds after which it is interrupted. Default: none. */
  timeout?: number | undefined
}

// A tracee that nobody closed is closed when it is collected.
const forgotten = new FinalizationRegistry<Handle>((handle) => native.closeMemory(handle))

const registerNames: readonly string[] = native.registerNames

/**
 * A live program under control, which can be rolled back: captured and restored in place, as often as one likes.
 *
 * A snapshot holds its memory, its mappings and all threads' registers. What the system keeps beside that stays as it
 * is: files and what was written to them, signal handlers, timers, other processes.
 *
 * Between two calls the program stands still. It belongs to the thread (the main thread or a Worker) that made it, and
 * calls are synchronous: whoever needs the event loop free puts it into a Worker. Every method throws
 * `ERR_PROCESS_GONE` once the program has ended.
 */
export class Tracee implements RestorableMemory {
  readonly #store: PageStore
  readonly #handle: Handle
  readonly #request = new Float64Array(Object.keys(slot).length)
  readonly #stop = stopSlots()
  readonly #texts = new Map<number, string>()
  /** The system's number for the process. */
  readonly pid: number

  private constructor(store: PageStore, handle: Handle) {
    this.#store = store
    this.#handle = handle
    this.pid = native.traceePid(handle)
    forgotten.register(this, handle, this)
  }

  /**
   * Starts a program in a session of its own. It stands where its own code begins: the dynamic linker is done.
   * @throws `ERR_SPAWN`, `ERR_TRACEE`, `ERR_TRACKER`, `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED`
   */
  static spawn(store: PageStore, file: string, args: readonly string[] = [], options: SpawnOptions = {}): Tracee {
    const what = { ...prepareSpawn(file, args, options), timeout: timeoutOf(options) }
    return new Tracee(store, native.spawnTracee(handleOf(store), what, options.tracker))
  }

  /**
   * Takes control of a process that runs: all its threads stand still. It runs on when this is closed, or when Node
   * ends. Every system call that it makes is looked at meanwhile, which makes it slow.
   * @throws `ERR_PROCESS_GONE`, `ERR_PERMISSION`, `ERR_TRACEE`, `ERR_TRACKER`, `ERR_WRONG_THREAD` (a child of this
   *   process, in a Worker), `ERR_ARGUMENT_TYPE`, `ERR_STORE_CLOSED`
   */
  static attach(store: PageStore, pid: number, options: AttachOptions = {}): Tracee {
    checkOptions(options)
    return new Tracee(store, native.attachTracee(handleOf(store), pid, options.tracker))
  }

  /**
   * Lets it run until something happens.
   * @throws `ERR_CHOICE`, `ERR_THREAD`, `ERR_SYMBOL`, `ERR_ADDRESS` (no breakpoint can be there), `ERR_ARGUMENT_TYPE`
   */
  resume(options: ResumeOptions = {}): Stop {
    checkOptions(options)
    const { choose, signal, until = {}, tid } = options
    checkOptions(until, 'until')
    if (tid !== undefined) checkThread(tid)
    const request = this.#request
    request[slot.choose] = choose === undefined ? Number.NaN : answerOf(choose)
    request[slot.signal] = signal === undefined ? Number.NaN : signal === 'none' ? 0 : numberOfSignal(signal)
    request[slot.tid] = tid || Number.NaN
    request[slot.timeout] = timeoutOf(options) ?? Number.NaN
    const calls = until.syscall === undefined ? undefined : callBits(until.syscall)
    if (until.address !== undefined) checkAddress(until.address)
    const breakpoint = until.symbol === undefined ? until.address : this.symbol(until.symbol).address
    native.resumeTracee(this.#handle, request, calls, breakpoint, this.#stop.numbers)
    const stop = readStop(this.#stop, this.#name, this.#readText)
    if (stop.kind === 'exec') this.#texts.clear()
    return stop
  }

  /**
   * Takes a snapshot. Costs what was written since the last capture or restore; the first one costs everything.
   * @throws `ERR_OUT_OF_MEMORY`, `ERR_TRACEE` (in the middle of `vfork`), `ERR_MEMORY_CLOSED`, `ERR_STORE_CLOSED`
   */
  capture(): Snapshot {
    return createSnapshot(this.#store, native.captureMemory(handleOf(this.#store), this.#handle))
  }

  /**
   * Makes it what it was, and have it stand where it stood. If this fails half-way (`ERR_MAPPING`), nothing is lost
   * but what it was last: another restore makes it whole again.
   * @throws `ERR_THREADS`, `ERR_MAPPING`, `ERR_OTHER_MEMORY`, `ERR_OTHER_STORE`, `ERR_SNAPSHOT_RELEASED`,
   *   `ERR_OUT_OF_MEMORY`
   */
  restore(snapshot: Snapshot): void {
    native.restoreMemory(handleOf(this.#store), this.#handle, snapshotHandle(snapshot))
  }

  get regions(): readonly Region[] {
    return native.memoryRegions(this.#handle)
  }

  get tracker(): TrackerKind {
    return native.memoryTracker(this.#handle)
  }

  /** Thread numbers. */
  get threads(): readonly number[] {
    return native.traceeThreads(this.#handle)
  }

  read(address: bigint, length: number): Buffer {
    const bytes = allocate(length)
    native.readMemory(this.#handle, address, bytes)
    return bytes
  }

  /**
   * Writes bytes, also where the program may not write itself.
   * @throws `ERR_ADDRESS`
   */
  write(address: bigint, bytes: Uint8Array): void {
    native.writeTracee(this.#handle, address, bytes)
  }

  /** By the names that the processor's manual uses. Default: of the thread that stopped last. */
  registers(tid?: number): Record<string, bigint> {
    const words = this.#registers(tid)
    return Object.fromEntries(registerNames.map((name, i) => [name, words[i] ?? 0n]))
  }

  /** Changes those that are given. */
  setRegisters(values: Readonly<Record<string, bigint>>, tid?: number): void {
    checkOptions(values, 'registers')
    const words = this.#registers(tid)
    for (const [name, value] of Object.entries(values)) {
      const index = registerNames.indexOf(name)
      if (index < 0) throw new PageStoreError('ERR_ARGUMENT_TYPE', `there is no register ${name}`)
      if (typeof value !== 'bigint' || !isWord(value)) {
        throw new PageStoreError('ERR_ARGUMENT_TYPE', `${name} must be a bigint of at most 64 bits`)
      }
      words[index] = value
    }
    native.writeRegisters(this.#handle, tid || undefined, words)
  }

  /**
   * Where a function or variable of the program or of one of its libraries is.
   * @throws `ERR_SYMBOL`
   */
  symbol(name: string): {
    /** Where it is loaded. */
    address: bigint
    /** In bytes; 0 where the symbol table does not say. */
    size: number
  } {
    if (typeof name !== 'string') throw new PageStoreError('ERR_ARGUMENT_TYPE', 'a symbol must be a string')
    const found = findSymbol(this.regions, name)
    if (found === undefined) {
      throw new PageStoreError('ERR_SYMBOL', `neither the program nor its libraries have a symbol ${name}`)
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
   * Lets it go: it runs on by itself.
   * @throws `ERR_TRACEE` for one that was spawned without `detachable`
   */
  detach(): void {
    native.detachTracee(this.#handle)
    this.close()
  }

  /** Ends it. */
  kill(): void {
    native.killTracee(this.#handle)
  }

  /** Ends what was spawned, lets go of what was attached to. Snapshots stay. */
  close(): void {
    forgotten.unregister(this)
    native.closeMemory(this.#handle)
  }

  /** Closes it: `using tracee = Tracee.spawn(…)`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #registers(tid: number | undefined): BigUint64Array {
    if (tid !== undefined) checkThread(tid)
    const words = new BigUint64Array(registerNames.length)
    native.readRegisters(this.#handle, tid || undefined, words)
    return words
  }

  // Names of source files: constants, each read once.
  readonly #name = (address: number): string => {
    const known = this.#texts.get(address)
    if (known !== undefined) return known
    const text = this.#readText(address)
    this.#texts.set(address, text)
    return text
  }

  readonly #readText = (address: number): string => {
    const parts: Buffer[] = []
    // Up to the end of a string, which may be the end of what is mapped.
    for (let at = BigInt(address); parts.length < 64; ) {
      const length = 64n - (at % 64n)
      let part: Buffer
      try {
        part = this.read(at, Number(length))
      } catch {
        break
      }
      at += length
      const end = part.indexOf(0)
      parts.push(end < 0 ? part : part.subarray(0, end))
      if (end >= 0) break
    }
    return Buffer.concat(parts).toString()
  }
}

function checkOptions(value: unknown, name = 'options'): void {
  if (value !== null && typeof value === 'object') return
  throw new PageStoreError('ERR_ARGUMENT_TYPE', `${name} must be an object`)
}

/** What could not be any thread's number is no number of a thread that has ended. */
function checkThread(tid: number): void {
  if (Number.isInteger(tid) && tid >= 0 && tid < 2 ** 31) return
  throw new PageStoreError('ERR_ARGUMENT_TYPE', 'tid must be the number of a thread')
}

function checkAddress(address: bigint): void {
  if (typeof address !== 'bigint') throw new PageStoreError('ERR_ARGUMENT_TYPE', 'an address must be a bigint')
  if (BigInt.asUintN(64, address) === address) return
  throw new PageStoreError('ERR_ADDRESS', 'the address is negative or has more than 64 bits')
}

/** With or without a sign. */
function isWord(value: bigint): boolean {
  return BigInt.asUintN(64, value) === value || BigInt.asIntN(64, value) === value
}

/** Whether it was offered is for the addon to say. */
function answerOf(choose: number): number {
  if (typeof choose !== 'number') throw new PageStoreError('ERR_ARGUMENT_TYPE', 'choose must be a number')
  if (Number.isSafeInteger(choose) && choose >= 0) return choose
  throw new PageStoreError('ERR_CHOICE', `${choose} is no answer to any choice: a whole number from 0 on`)
}

function timeoutOf({ timeout }: { timeout?: number | undefined }): number | undefined {
  if (timeout === undefined) return undefined
  if (Number.isSafeInteger(timeout) && timeout >= 0) return timeout
  throw new PageStoreError('ERR_ARGUMENT_TYPE', 'timeout must be a whole number of milliseconds')
}

function numberOfSignal(name: string): number {
  const number = signalNumber(name)
  if (number === undefined) throw new PageStoreError('ERR_ARGUMENT_TYPE', `there is no signal ${name}`)
  return number
}

const mostCalls = 1024

/** One bit for each system call. */
function callBits(names: readonly string[] | true): Uint8Array {
  const bits = new Uint8Array(mostCalls / 8)
  if (names === true) return bits.fill(0xff)
  if (!Array.isArray(names))
    throw new PageStoreError('ERR_ARGUMENT_TYPE', 'until.syscall must be an array of names, or true')
  for (const name of names) {
    const number = systemCallNumber(name)
    if (number === undefined || number >= mostCalls) {
      throw new PageStoreError('ERR_ARGUMENT_TYPE', `there is no system call ${name}`)
    }
    bits[number >> 3] = (bits[number >> 3] ?? 0) | (1 << (number & 7))
  }
  return bits
}
