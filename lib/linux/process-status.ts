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
  const status = statusFields(readFileSync(`/proc/${thread}/status`, 'latin1'))
  const set = (name: string) => BigInt(`0x${/^[0-9a-f]{1,16}/.exec(status.get(name) ?? '')?.[0] ?? 0}`)
  return { ignored: set('SigIgn'), caught: set('SigCgt') }
}

/**
 * Whether a process is stopped by a signal, and by no tracer.
 * @throws the error of `readFileSync` where there is no such process
 */
export function isStopped(pid: number): boolean {
  return (
    statusFields(readFileSync(`/proc/${pid}/status`, 'latin1'))
      .get('State')
      ?.startsWith('T') === true
  )
}

/** The fields of a `status` file. Only a line feed ends a line: a thread's name may have a carriage return in it. */
export function statusFields(text: string): Map<string, string> {
  return new Map(
    text.split('\n').map((line) => {
      const end = line.indexOf(':')
      return [line.slice(0, Math.max(end, 0)), line.slice(end + 1).trimStart()]
    }),
  )
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
