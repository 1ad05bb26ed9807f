/** Why a tracee is stopped: what the addon reports in numbers, made into an object with names. */

import { stopSlots as slot, stopFlags, stopKinds } from './addon/tables.js'
import { signalName } from './linux/signals.js'
import { systemCallName } from './linux/system-calls.js'

/** Why a tracee is stopped. `tid` is the thread that stopped. */
export type Stop = {
  /** The kernel's number for the thread. */
  tid: number
} & (
  | {
      kind: 'choice'
      /** `ps_choose(n)` waits for `resume({ choose })`, 0 ≤ choose < n; with 0 alternatives it cannot go on. */
      alternatives: number
      /** Where in the source: `file.c:12`. */
      location: string
    }
  | {
      kind: 'assertion'
      /** The text that the program passed to `ps_assert`. */
      text: string
      /** Where in the source: `file.c:12`. */
      location: string
    }
  | {
      kind: 'syscall'
      /** As in the manual: `openat`; `syscall_500` for one that has no name here. */
      name: string
      /** Whether the thread stopped before the call, rather than after it. */
      entering: boolean
    }
  /** The thread is about to receive a signal. */
  | {
      kind: 'signal'
      /** `SIGSEGV`. */
      signal: string
      /** The address whose access faulted. */
      address?: bigint
    }
  | {
      kind: 'breakpoint'
      /** The address of the instruction that comes next. */
      address: bigint
    }
  /** The process has become another program. */
  | { kind: 'exec' }
  /** The process has started a thread. */
  | {
      kind: 'clone'
      /** The new thread, which is stopped at its start. */
      newTid: number
    }
  /** The process has started another process, which runs while it runs. */
  | {
      kind: 'fork'
      /** The kernel's number for the new process. */
      pid: number
    }
  /** The timeout has passed, and the process was interrupted. */
  | { kind: 'timeout' }
  /** The process is about to exit, and can still be restored; one more `resume` ends it, and reports `ended`. */
  | {
      kind: 'exit'
      /** The exit code, 0 to 255. */
      code: number
      /** Whether the process has ended. */
      ended: boolean
    }
  /** One thread among several is about to exit, or has. */
  | {
      kind: 'thread-exit'
      /** Whether the thread has ended. */
      ended: boolean
    }
  /** A signal has ended the process. */
  | {
      kind: 'killed'
      /** `SIGKILL`. */
      signal: string
    }
)

/** What the addon writes a stop into: numbers, in the order of addon/tables.ts, and one address as 64 bits. */
export interface StopSlots {
  readonly numbers: Float64Array
  readonly address: BigUint64Array
}

export function stopSlots(): StopSlots {
  const numbers = new Float64Array(Object.keys(slot).length)
  return { numbers, address: new BigUint64Array(numbers.buffer, slot.address * 8) }
}

/** @param name reads the name of a source file in the tracee's memory, @param text any other string */
export function readStop(
  { numbers, address }: StopSlots,
  name: (address: number) => string,
  text: (address: number) => string,
): Stop {
  const at = (index: number) => numbers[index] ?? 0
  const [index, tid, value] = [at(slot.kind), at(slot.tid), at(slot.value)]
  const has = (flag: number) => (at(slot.flags) & flag) !== 0
  const location = () => `${name(at(slot.file))}:${at(slot.line)}`
  // test/tables.test.ts: the addon has no other kinds.
  const kind = stopKinds[index]!
  switch (kind) {
    case 'choice':
      return { kind, tid, alternatives: value, location: location() }
    case 'assertion':
      return { kind, tid, text: text(at(slot.text)), location: location() }
    case 'syscall':
      return { kind, tid, name: systemCallName(value), entering: has(stopFlags.entering) }
    case 'signal':
      return { kind, tid, signal: signalName(value), ...(has(stopFlags.hasAddress) && { address: address[0] ?? 0n }) }
    case 'breakpoint':
      return { kind, tid, address: address[0] ?? 0n }
    case 'clone':
      return { kind, tid, newTid: value }
    case 'fork':
      return { kind, tid, pid: value }
    case 'exit':
      return { kind, tid, code: value, ended: has(stopFlags.ended) }
    case 'thread-exit':
      return { kind, tid, ended: has(stopFlags.ended) }
    case 'killed':
      return { kind, tid, signal: signalName(value) }
    case 'exec':
    case 'timeout':
      return { kind, tid }
    default:
      return kind satisfies never
  }
}
