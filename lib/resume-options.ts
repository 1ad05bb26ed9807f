/** What a caller may ask of `Tracee.resume`, and the same checked and in numbers, as the addon takes it. */

import { addressOf, listOf, optionsOf, shown, textOf, wrong } from './arguments.js'
import { PageStoreError } from './errors.js'
import { signalNumber } from './linux/signals.js'
import { mostSystemCalls, systemCallNumber, systemCallSets } from './linux/system-calls.js'

/** What {@link Tracee.resume} lets run, and until when. */
export interface ResumeOptions {
  /** The alternative to take where the program waits in `ps_choose(n)`: 0 ≤ choose < n. */
  choose?: number | undefined
  /** The signal that the program receives: the one that it stopped for (default), another one, or `'none'`. */
  signal?: string | undefined
  /** What else to stop for: system calls, both before and after them; one breakpoint. */
  until?:
    | {
        /** The calls by name, `['openat', 'read']`, or all of them with `true`. */
        syscall?: readonly string[] | true
        /** The address of an instruction. */
        address?: bigint
        /** A function, in place of its address. */
        symbol?: string
      }
    | undefined
  /** The one thread that runs. Default: all. */
  tid?: number | undefined
  /** Milliseconds after which the program is interrupted. Default: none. */
  timeout?: number | undefined
  /**
   * When a thread has come to a choice, so many milliseconds the others may take to come to rest: to wait in a system call,
   * or to stop for something of their own. Default: they are stopped at once. A program with a clock of its own does not wait
   * for the system's then: time passes as soon as all threads wait.
   */
  settle?: number | undefined
}

/** What the addon is given; undefined for what the caller did not ask for. */
export interface PreparedResume {
  choice: number | undefined
  /** 0 for no signal at all. */
  signal: number | undefined
  /** One bit for each system call. */
  calls: Uint8Array | undefined
  address: bigint | undefined
  symbol: string | undefined
  thread: number | undefined
  timeout: number | undefined
  settle: number | undefined
}

const names = ['choose', 'signal', 'until', 'tid', 'timeout', 'settle'] as const
const untilNames = ['syscall', 'address', 'symbol'] as const

/** @throws `ERR_CHOICE`, `ERR_ADDRESS`, `ERR_ARGUMENT_TYPE` */
export function prepareResume(options: ResumeOptions): PreparedResume {
  const { choose, signal, until = {}, tid, timeout, settle } = optionsOf(options, names)
  const { syscall, address, symbol } = optionsOf(until, untilNames, 'until')
  return {
    thread: tid === undefined ? undefined : checkedThread(tid),
    choice: choose === undefined ? undefined : checkedChoice(choose),
    timeout: timeout === undefined ? undefined : checkedTimeout(timeout),
    settle: settle === undefined ? undefined : checkedTimeout(settle, 'settle'),
    signal: signal === undefined ? undefined : signal === 'none' ? 0 : numberOfSignal(signal),
    calls: syscall === undefined ? undefined : callBits(syscall),
    address: address === undefined ? undefined : addressOf(address),
    symbol: symbol === undefined ? undefined : textOf(symbol, 'a symbol'),
  }
}

/**
 * Whether there is such a thread is for the addon to say; this refuses only what can be no thread's number.
 * @returns undefined for 0, which no thread has: the default
 * @throws `ERR_ARGUMENT_TYPE`
 */
export function checkedThread(tid: number): number | undefined {
  if (Number.isInteger(tid) && tid >= 0 && tid < 2 ** 31) return tid || undefined
  throw wrong('tid must be the number of a thread')
}

/** @throws `ERR_ARGUMENT_TYPE` */
export function checkedTimeout(timeout: number, name = 'timeout'): number {
  if (Number.isSafeInteger(timeout) && timeout >= 0) return timeout
  throw wrong(`${name} must be a whole number of milliseconds`)
}

/** @throws `ERR_ARGUMENT_TYPE` */
export function numberOfSignal(name: string): number {
  const number = typeof name === 'string' ? signalNumber(name) : undefined
  if (number === undefined) throw wrong(`there is no signal ${shown(name)}`)
  return number
}

/** Whether the program offers that alternative is for the addon to say. */
function checkedChoice(choose: number): number {
  if (typeof choose !== 'number') throw wrong('choose must be a number')
  if (Number.isSafeInteger(choose) && choose >= 0) return choose
  throw new PageStoreError('ERR_CHOICE', `${choose} is no alternative: choose must be a whole number from 0 on`)
}

function callBits(names: readonly string[] | true): Uint8Array {
  if (names === true) return systemCallSets.all()
  const calls = systemCallSets.none()
  for (const name of listOf(names, 'until.syscall')) {
    const number = typeof name === 'string' ? systemCallNumber(name) : undefined
    if (number === undefined || number >= mostSystemCalls) throw wrong(`there is no system call ${shown(name)}`)
    systemCallSets.add(calls, number)
  }
  return calls
}
