/** What `/proc/PID/status` says about a process. */

import { readFileSync } from 'node:fs'

/** How a process receives a signal when nobody interferes. */
export type SignalDisposition = 'default' | 'ignored' | 'caught'

/**
 * How a process receives a signal.
 * @throws the error of `readFileSync` where there is no such process
 */
export function signalDisposition(pid: number, signal: number): SignalDisposition {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const bit = 1n << BigInt(signal - 1)
  const has = (set: string) => {
    const mask = new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1]
    return mask !== undefined && (BigInt(`0x${mask}`) & bit) !== 0n
  }
  if (has('SigIgn')) return 'ignored'
  return has('SigCgt') ? 'caught' : 'default'
}
