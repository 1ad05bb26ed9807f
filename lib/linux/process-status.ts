/** What `/proc/PID/status` says about a process, and about each of its threads. */

import { readFileSync } from 'node:fs'

/** How a process receives a signal when nobody interferes. */
export type SignalDisposition = 'default' | 'ignored' | 'caught'

/** Sets of signals, as bits: that of signal 1 is the lowest. */
export interface SignalSets {
  ignored: bigint
  caught: bigint
}

/**
 * The signals of a thread and of its process.
 * @throws the error of `readFileSync` where there is no such thread
 */
export function signalSets(thread: number): SignalSets {
  const status = readFileSync(`/proc/${thread}/status`, 'latin1')
  const set = (name: string) => BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? 0}`)
  return { ignored: set('SigIgn'), caught: set('SigCgt') }
}

/** Whether a set has a signal. */
export function hasSignal(set: bigint, signal: number): boolean {
  return ((set >> BigInt(signal - 1)) & 1n) !== 0n
}

/**
 * How a process receives a signal.
 * @throws the error of `readFileSync` where there is no such process
 */
export function signalDisposition(pid: number, signal: number): SignalDisposition {
  const { ignored, caught } = signalSets(pid)
  if (hasSignal(ignored, signal)) return 'ignored'
  return hasSignal(caught, signal) ? 'caught' : 'default'
}
