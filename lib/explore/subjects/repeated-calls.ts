/** Says which system calls a program makes again and again instead of coming to a choice, and what they give. */

import { getSystemErrorName } from 'node:util'

import { resultIn } from '../../linux/registers.js'
import type { Tracee } from '../../tracee.js'

// So many calls are looked at, so many milliseconds in all and for each. What repeats itself is short, or nobody would know
// it for that.
const [mostCalls, inAll, forOne] = [64, 300, 50]
const [fewestCalls, mostKinds] = [5, 3]

/**
 * Of a tracee that was interrupted; it may run on for some milliseconds.
 * @returns `openat (EEXIST), sched_yield`; undefined where it makes no such calls
 */
export function repeatedCalls(tracee: Tracee): string | undefined {
  const end = performance.now() + inAll
  const kinds = new Set<string>()
  let calls = 0
  while (calls < mostCalls) {
    const timeout = Math.min(Math.ceil(end - performance.now()), forOne)
    if (timeout <= 0) break
    const stop = tracee.resume({ until: { syscall: true }, timeout })
    if (stop.kind === 'timeout') break
    if (stop.kind !== 'syscall') return undefined
    if (stop.entering) continue
    kinds.add(stop.name + errorIn(tracee, stop.tid))
    calls++
  }
  return calls >= fewestCalls && kinds.size <= mostKinds ? [...kinds].join(', ') : undefined
}

function errorIn(tracee: Tracee, tid: number): string {
  const result = resultIn(tracee.registers(tid))
  return result < 0 && result > -4096 ? ` (${getSystemErrorName(result)})` : ''
}
