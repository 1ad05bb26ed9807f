/** Follows what a program does to its signal handlers, which do not roll back: harmless is what a step undoes itself. */

import { hasSignal, type SignalSets } from '../../linux/process-status.js'

/** The handlers of a program, as its calls of `rt_sigaction` say them. */
export interface SignalHandlers {
  /** The program sets what the bytes of a `struct sigaction` say. */
  set(signal: number, action: Buffer): void
  /** The handlers are now those that every path starts with. */
  settle(signals: SignalSets): void
  /** Whether every path starts with a handler for a signal. */
  has(signal: number): boolean
  /** Whether a step has left others than it began with. The next step begins with those that were settled. */
  endStep(): boolean
}

/** As the kernel has it: handler, flags, restorer, mask. */
export const actionBytes = 32

const unknown = 'set before we looked'
const [toDefault, toIgnored] = ['0', '1']
const lastSignal = 64

export function createSignalHandlers(): SignalHandlers {
  const settled = new Map<number, string>()
  const now = new Map<number, string>()
  return {
    set(signal, action) {
      const handler = action.readBigUInt64LE(0).toString()
      // Flags and mask mean something only with a handler.
      now.set(signal, handler === toDefault || handler === toIgnored ? handler : action.toString('hex'))
    },
    settle({ caught, ignored }) {
      for (let signal = 1; signal <= lastSignal; signal++) {
        // The libraries of a program may set handlers before its own code begins.
        if (hasSignal(caught, signal)) settled.set(signal, now.get(signal) ?? unknown)
        if (hasSignal(ignored, signal)) settled.set(signal, toIgnored)
      }
      now.clear()
    },
    has: (signal) => ![undefined, toDefault, toIgnored].includes(settled.get(signal)),
    endStep() {
      const isChanged = [...now].some(([signal, action]) => action !== (settled.get(signal) ?? toDefault))
      now.clear()
      return isChanged
    },
  }
}
