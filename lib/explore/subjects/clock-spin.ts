/** Tells a program that waits for a clock by reading it from one that computes. */

import type { Tracee } from '../../tracee.js'

const reads = ['clock_gettime', 'gettimeofday', 'time', 'times', 'getrusage', 'sysinfo']
// The processor's counter (`rdtsc`, `rdtscp`), which is read without a system call.
const counterReads = ['0f31', '0f01f9']

/**
 * Of a tracee with a clock of its own that was interrupted; it may run on for some milliseconds.
 * @returns undefined where it has come to another stop by then, a choice or its end: it must not run on from there
 */
export function readsClockOnly(tracee: Tracee): boolean | undefined {
  const call = tracee.systemCall()
  if (call !== undefined) return reads.includes(call.name)
  // Each read of the counter costs a stop, so that it is where an interruption finds the program.
  const code = tracee.read(tracee.stopPoint() - 3n, 3).toString('hex')
  if (process.arch === 'x64' && counterReads.some((each) => code.endsWith(each))) return true
  const { kind } = tracee.resume({ until: { syscall: reads }, timeout: 50 })
  return kind === 'syscall' ? true : kind === 'timeout' ? false : undefined
}
