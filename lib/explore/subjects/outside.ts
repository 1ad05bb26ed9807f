/**
 * Watches what a program under check does that does not roll back, and says each kind of it once.
 *
 * A filter stops the program before each system call that is not known to be harmless (lib/linux/harmless-calls.ts).
 * What happens before the first choice is not rolled back past, so all paths have it; only what acts later counts: a
 * timer, a file that is mapped shared.
 *
 * Each warning begins with what it is about, a call's name as a rule, and a colon.
 */

import { readdirSync, readlinkSync, statfsSync, statSync } from 'node:fs'

import { type BytePath, pathOfBytes } from '../../linux/byte-paths.js'
import { effectOf } from '../../linux/call-effects.js'
import { kindOfDescriptor, kindOfPath } from '../../linux/file-kinds.js'
import { isDescriptorUnchanged, isPathUnchanged, momentForFiles } from '../../linux/file-times.js'
import type { AskedFile, CallMade, HarmlessCalls } from '../../linux/harmless-calls.js'
import { hasSignal, signalSets } from '../../linux/process-status.js'
import { stackPointerIn } from '../../linux/registers.js'
import { type SharedMapping, sharedMappings } from '../../linux/shared-mappings.js'
import { signalName, signalNumber } from '../../linux/signals.js'
import { systemCallNumber, systemCallSets } from '../../linux/system-calls.js'
import type { Stop } from '../../stop.js'
import { callArguments, type Tracee } from '../../tracee.js'
import { type CallerCheck, createCallerCheck } from './caller.js'
import { actionBytes, createSignalHandlers } from './signal-handlers.js'
import { createSignalStacks, disarmsItself, stackBytes, stackInFrame } from './signal-stacks.js'
import { createTimers, type Timers, timerCalls } from './timers.js'

// Before the first choice, calls that act later: these, and those that set timers.
const actingCalls = [
  'rt_sigaction',
  'sigaltstack',
  'fcntl',
  'ioctl',
  'prlimit64',
  'setrlimit',
  'io_setup',
  'io_uring_setup',
  'userfaultfd',
  'perf_event_open',
  'mq_notify',
  'inotify_add_watch',
  'fanotify_mark',
]

// AT_FDCWD.
const workingDirectory = -100n

// Divides a page, and most paths are shorter.
const partOfPath = 256
const [here, nowhere] = [pathOfBytes(Buffer.from('.')), pathOfBytes(Buffer.from(''))]

/** The calls that a filter has to stop a program at so that it can be watched: one bit each. */
export function filteredCalls(harmless: HarmlessCalls): Uint8Array {
  return systemCallSets.of((name) => !harmless.isAlways(name))
}

/** What watches one program. */
export class Outside {
  readonly #tracee: Tracee
  readonly #harmless: HarmlessCalls
  readonly #handlers = createSignalHandlers()
  readonly #stacks = createSignalStacks()
  readonly #timers: Timers
  readonly #since = momentForFiles()
  readonly #isCalledByLibrary: CallerCheck
  readonly #warnings = new Map<string, string>()
  #calls = systemCallSets.of((name) => actingCalls.includes(name) || timerCalls.includes(name))
  // What descriptors were open on when the program last wrote to them, until it makes another call.
  readonly #paths = new Map<bigint, string>()
  #hasStarted = false
  // In this step.
  readonly #delivered = new Set<number>()

  /** @param hasClock whether the program has a clock of its own */
  constructor(tracee: Tracee, harmless: HarmlessCalls, hasClock: boolean) {
    this.#timers = createTimers(hasClock)
    this.#isCalledByLibrary = createCallerCheck(tracee)
    this.#tracee = tracee
    this.#harmless = harmless
  }

  /** The calls to stop before, now: one bit each. */
  get calls(): Uint8Array {
    return this.#calls
  }

  get warnings(): readonly string[] {
    return [...this.#warnings.values()]
  }

  /** The program has stopped. */
  onStop(stop: Stop): void {
    if (stop.kind === 'syscall') this.#onCall(stop.tid, stop.name, callArguments(this.#tracee, stop.tid))
    if (stop.kind === 'thread-exit') this.#stacks.forget(stop.tid)
    if (stop.kind === 'signal') this.#delivered.add(signalNumber(stop.signal) ?? 0)
  }

  /** The program is at its first choice. */
  onStart(): void {
    this.#hasStarted = true
    this.#calls = filteredCalls(this.#harmless)
    this.#delivered.clear()
    this.#handlers.settle(signalSets(this.#tracee.pid))
    for (const name of this.#timers.running()) this.#warnOfCall(name)
    const shared = sharedFiles(this.#tracee).find(({ isWritable }) => isWritable)
    if (shared !== undefined) this.#warnOfCall('mmap', `${shared.path} is mapped shared: ${effectOf('mmap')}`)
    const { pid } = this.#tracee
    const varying = descriptorsOf(pid).find((fd) => kindOfDescriptor(pid, fd) === 'varying')
    if (varying !== undefined) {
      this.#warnOfCall(
        'read',
        `${pathOf(pid, BigInt(varying))} is open, and says something else each time: what that leads to is not explored`,
      )
    }
  }

  /** A step has ended: at a choice, at an end, or in a failure. */
  onStepEnd(): void {
    if (this.#handlers.endStep()) this.#warnOfCall('rt_sigaction')
    if (this.#delivered.size > 0) this.#warnOfResetHandlers()
    this.#delivered.clear()
  }

  #onCall(tid: number, name: string, args: readonly bigint[]): void {
    if (name === 'rt_sigaction') {
      const action = this.#readOrNothing(args[1] ?? 0n, actionBytes)
      if (action !== undefined) this.#handlers.set(Number(args[0]), action)
      return
    }
    if (name === 'sigaltstack') this.#setStack(tid, args[0] ?? 0n)
    if (!this.#hasStarted) {
      if (name === 'sigaltstack') {
        this.#warnOfStack(args[0] ?? 0n)
        return
      }
      const isOfTimer = this.#timers.set(name, args, (address, length) => this.#readOrNothing(address, length))
      if (!isOfTimer && actsLater(name, args)) this.#warnOfCall(name)
      return
    }
    if (!name.startsWith('write')) this.#paths.clear()
    // What it sends to itself rolls back, whether it is still pending or not.
    if (!isSignalToItself(name, args, this.#tracee) && !this.#harmless.isNow(name, this.#callMade(tid, args)))
      this.#warnOfCall(name)
  }

  #setStack(tid: number, address: bigint): void {
    const stack = this.#readOrNothing(address, stackBytes)
    if (stack !== undefined) this.#stacks.set(tid, stack, this.#stackPointer(tid))
  }

  #keepsStack(tid: number): boolean {
    // Then its calls are not seen, so that nobody knows which stack there is; and that one does not roll back was said.
    if (this.#warnings.has('sigaltstack')) return true
    const stack = this.#readOrNothing(this.#stackPointer(tid) + stackInFrame, stackBytes)
    return stack === undefined || this.#stacks.isKept(tid, stack)
  }

  #stackPointer(tid: number): bigint {
    return stackPointerIn(this.#tracee.registers(tid))
  }

  #callMade(tid: number, args: readonly bigint[]): CallMade {
    const { pid } = this.#tracee
    return {
      args,
      pid,
      pathOf: (fd) => {
        const path = this.#paths.get(fd) ?? pathOf(pid, fd)
        this.#paths.set(fd, path)
        return path
      },
      get hasOurFiles() {
        return hasOurFiles(pid)
      },
      isMemory: (fd) => isMemory(pid, fd),
      kindAt: (address, directory) => kindOfPath(pid, this.#pathAt(address), folderOf(directory)),
      isEmptyAt: (address) => address === 0n || this.#readOrNothing(address, 1)?.[0] === 0,
      isUnchanged: (file) => this.#isUnchanged(file),
      isOfLibrary: () => this.#isCalledByLibrary(tid),
      keepsStack: () => this.#keepsStack(tid),
      sharesFile: (start, length) =>
        sharedFiles(this.#tracee).some((mapping) => mapping.start < start + length && start < mapping.end),
    }
  }

  #isUnchanged({ path, fd, throughLinks }: AskedFile): boolean {
    const { pid } = this.#tracee
    const directory = folderOf(fd)
    if (path === 0n && directory !== undefined) return isDescriptorUnchanged(pid, directory, this.#since)
    const asked = path === 0n ? here : this.#pathAt(path)
    return isPathUnchanged(pid, { path: asked, directory, throughLinks }, this.#since)
  }

  /** A part of a page at a time: what lies behind the path's end may not be mapped. */
  #pathAt(address: bigint): BytePath {
    const parts: Buffer[] = []
    for (let at = address; parts.length < 4096 / partOfPath; ) {
      const length = partOfPath - Number(at % BigInt(partOfPath))
      const part = this.#readOrNothing(at, length)
      if (part === undefined) return nowhere
      const end = part.indexOf(0)
      if (end >= 0) return pathOfBytes(Buffer.concat([...parts, part.subarray(0, end)]))
      parts.push(part)
      at += BigInt(length)
    }
    return nowhere
  }

  #readOrNothing(address: bigint, length: number): Buffer | undefined {
    try {
      return address === 0n ? undefined : this.#tracee.read(address, length)
    } catch {
      return undefined // the call will fail
    }
  }

  #warn(subject: string, effect: string): void {
    if (!this.#warnings.has(subject)) this.#warnings.set(subject, `${subject}: ${effect}`)
  }

  /** Each call is named once, so the program need not stop for it any more. */
  #warnOfCall(name: string, effect = effectOf(name, this.#harmless.descriptors)): void {
    this.#warn(name, effect)
    const number = systemCallNumber(name)
    if (number !== undefined) systemCallSets.remove(this.#calls, number)
  }

  /** A handler disarms such a stack while it runs, and a rollback out of it does not arm it again. */
  #warnOfStack(address: bigint): void {
    const stack = this.#readOrNothing(address, stackBytes)
    if (stack !== undefined && disarmsItself(stack)) {
      this.#warnOfCall(
        'sigaltstack',
        'a stack with SS_AUTODISARM is not rolled back: where a path leaves a handler by a rollback, other paths run without it',
      )
    }
  }

  #warnOfResetHandlers(): void {
    if (this.#warnings.has('rt_sigaction')) return
    const { caught } = signalSets(this.#tracee.pid)
    const reset = [...this.#delivered].find((signal) => this.#handlers.has(signal) && !hasSignal(caught, signal))
    if (reset === undefined) return
    const effect = `the handler of ${signalName(reset)} was there for one signal, and is not rolled back: other paths run without it`
    this.#warn('SA_RESETHAND', effect)
  }
}

/** The descriptor from which a relative path goes; undefined for the working directory. */
function folderOf(directory = workingDirectory): number | undefined {
  const fd = BigInt.asIntN(32, directory)
  return fd === workingDirectory ? undefined : Number(fd)
}

/** Files that are mapped shared and that snapshots leave out, so that what is written there is in the file. */
function sharedFiles(tracee: Tracee): SharedMapping[] {
  const captured = new Set(tracee.regions.map(({ start }) => start))
  return sharedMappings(tracee.pid).filter(({ path, start }) => path.startsWith('/') && !captured.has(start))
}

// Of statfs(2). What snapshots take, native/linux/memory_files.h says; huge pages are memory if they were never mounted.
const memoryFileSystems = [0x01021994n, 0x858458f6n]
const hugePages = 0x958458f6n

function isMemory(pid: number, fd: bigint): boolean {
  const path = `/proc/${pid}/fd/${BigInt.asIntN(32, fd)}`
  try {
    const name = readlinkSync(path)
    // Devices may lie on a tmpfs, too.
    if (/^\/dev\/(?!shm\/|zero$)/.test(name)) return false
    const type = BigInt.asUintN(32, statfsSync(path, { bigint: true }).type)
    return memoryFileSystems.includes(type) || (type === hugePages && name.startsWith('/memfd:'))
  } catch {
    return false
  }
}

function pathOf(pid: number, fd: bigint): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${BigInt.asIntN(32, fd)}`)
  } catch {
    return ''
  }
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
  } catch {
    return []
  }
}

/** Whether a process has the same root directory, and the same mounts. */
function hasOurFiles(pid: number): boolean {
  try {
    const [theirs, ours] = [statSync(`/proc/${pid}/root`), statSync('/')]
    const isSameRoot = theirs.dev === ours.dev && theirs.ino === ours.ino
    return isSameRoot && readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/self/ns/mnt')
  } catch {
    return false
  }
}

// What fcntl, ioctl and limits do only with these arguments: SIGIO, SIGXCPU.
const [setFlags, isAsynchronous, setAsynchronous, cpuTime] = [4n, 0x2000n, 0x5452n, 0n]
const notifying = [10n, 1024n, 1026n]

/** Whether a call that is made before the first choice has an effect after it. */
function actsLater(name: string, args: readonly bigint[]): boolean {
  const [first, second = 0n, third = 0n] = args
  if (name === 'fcntl') return notifying.includes(second) || (second === setFlags && (third & isAsynchronous) !== 0n)
  if (name === 'ioctl') return second === setAsynchronous
  if (name === 'setrlimit') return first === cpuTime
  if (name === 'prlimit64') return second === cpuTime && third !== 0n
  return true
}

/** Whether a program sends a signal to itself, or to one of its threads, with a call. */
function isSignalToItself(name: string, args: readonly bigint[], tracee: Tracee): boolean {
  const to = Number(BigInt.asIntN(32, args[0] ?? 0n))
  switch (name) {
    case 'kill':
      // It is alone in its group and session.
      return [tracee.pid, -tracee.pid, 0].includes(to)
    case 'tkill':
      return tracee.threads.includes(to)
    case 'rt_sigqueueinfo':
    case 'tgkill':
    case 'rt_tgsigqueueinfo':
      return to === tracee.pid
    default:
      return false
  }
}
