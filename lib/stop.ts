import { stopSlots as slot, stopFlags, stopKinds } from './addon/tables.js'
import { signalName } from './linux/signals.js'
import { systemCallName } from './linux/system-calls.js'

/** Why a tracee stands still. `tid` is the thread that stopped. */
export type Stop = {
  /** The system's number for the thread. */
  tid: number
} & (
  | {
      kind: 'choice'
      /** `ps_choose(ways)` waits for `resume({ choose })`, 0 ≤ choose < ways; with 0 ways there is no way on. */
      ways: number
      /** Where: `file.c:12`. */
      place: string
    }
  | {
      kind: 'assertion'
      /** What was to hold: the source between the parentheses of `ps_assert`. */
      text: string
      /** Where: `file.c:12`. */
      place: string
    }
  | {
      kind: 'syscall'
      /** As in the manual: `openat`; `syscall_500` for one that has no name here. */
      name: string
      /** Before it, rather than behind it. */
      entering: boolean
    }
  /** It is about to receive a signal. */
  | {
      kind: 'signal'
      /** `SIGSEGV`. */
      signal: string
      /** What a fault was about. */
      address?: bigint
    }
  | {
      kind: 'breakpoint'
      /** Of the instruction that comes next. */
      address: bigint
    }
  /** It is another program now. */
  | { kind: 'exec' }
  /** It has one thread more. */
  | {
      kind: 'clone'
      /** The new thread, which stands at its start. */
      newTid: number
    }
  /** It has a child, which runs while it runs. */
  | {
      kind: 'fork'
      /** The child's. */
      pid: number
    }
  /** The time was up, and it was interrupted. */
  | { kind: 'timeout' }
  /** About to exit, which can still be undone; one more `resume` ends it, and tells so with `ended`. */
  | {
      kind: 'exit'
      /** 0 to 255. */
      code: number
      /** Whether it is gone. */
      ended: boolean
    }
  /** The same of one thread among several. */
  | {
      kind: 'thread-exit'
      /** Whether it is gone. */
      ended: boolean
    }
  /** A signal has ended it. */
  | {
      kind: 'killed'
      /** `SIGKILL`. */
      signal: string
    }
)

/** Where the addon puts a stop: numbers, in the order of addon/tables.ts, and one address as bits. */
export interface StopSlots {
  readonly numbers: Float64Array
  readonly address: BigUint64Array
}

export function stopSlots(): StopSlots {
  const numbers = new Float64Array(Object.keys(slot).length)
  return { numbers, address: new BigUint64Array(numbers.buffer, slot.address * 8) }
}

/** Both read a string of the tracee's: the name of a source file, or any. */
export function readStop(
  { numbers, address }: StopSlots,
  name: (address: number) => string,
  text: (address: number) => string,
): Stop {
  const at = (index: number) => numbers[index] ?? 0
  const [index, tid, value] = [at(slot.kind), at(slot.tid), at(slot.value)]
  const has = (flag: number) => (at(slot.flags) & flag) !== 0
  const place = () => `${name(at(slot.file))}:${at(slot.line)}`
  const kind = stopKinds[index] ?? 'timeout'
  switch (kind) {
    case 'choice':
      return { kind, tid, ways: value, place: place() }
    case 'assertion':
      return { kind, tid, text: text(at(slot.text)), place: place() }
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
    default:
      return { kind, tid }
  }
}
