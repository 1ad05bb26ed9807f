/** Follows which timers a program has set when it comes to its first choice: they go off later, on whichever path. */

/** The timers of a program, as its calls say them. */
export interface Timers {
  /**
   * A call is about to be made.
   * @returns whether it is one about a timer
   */
  set(call: string, args: readonly bigint[], read: (address: bigint, length: number) => Buffer | undefined): boolean
  /** The calls that have set timers which nothing has stopped since. */
  running(): string[]
}

/** Where each call has the timer's number, and the address of what it is set to. */
const arguments_: Readonly<Record<string, { timer: number; value: number }>> = {
  setitimer: { timer: 0, value: 1 },
  timer_settime: { timer: 0, value: 2 },
  timerfd_settime: { timer: 0, value: 2 },
}

/** Calls that set or stop timers. */
export const timerCalls: readonly string[] = [...Object.keys(arguments_), 'alarm', 'timer_delete']

// An interval, and the time until the timer goes off first: 0 stops it.
const [timerBytes, firstAt] = [32, 16]

// SIGALRM's, as `setitimer` numbers it.
const ofAlarm = 'setitimer 0'

/** @param hasClock whether the program has a clock of its own, by which the timer of SIGALRM goes: it rolls back */
export function createTimers(hasClock: boolean): Timers {
  const timers = new Map<string, string>()

  function note(timer: string, call: string, isRunning: boolean): void {
    if (isRunning && !(hasClock && timer === ofAlarm)) timers.set(timer, call)
    else timers.delete(timer)
  }

  return {
    set(call, args, read) {
      if (!timerCalls.includes(call)) return false
      const where = arguments_[call]
      if (where !== undefined) {
        const value = read(args[where.value] ?? 0n, timerBytes)
        if (value !== undefined) note(`${call} ${args[where.timer]}`, call, value.subarray(firstAt).some(Boolean))
      } else if (call === 'alarm') {
        note(ofAlarm, call, args[0] !== 0n)
      } else {
        note(`timer_settime ${args[0]}`, call, false)
      }
      return true
    },
    running: () => [...new Set(timers.values())],
  }
}
