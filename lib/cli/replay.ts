/** `pagestore replay`: goes a way that `check` has found again, and says whether it still leads there. */

import { Program } from '../explore/index.js'
import { replay as goAgain, type Replayed } from '../explore/trace.js'
import { PageStore, type Tracee } from '../index.js'
import { exitCodes, stepText } from './check.js'
import { readTrace, type Trace } from './trace-file.js'

export interface ReplayOptions {
  gdb?: boolean
  /** Milliseconds. */
  stepTimeout: number
}

/** @returns the exit code: 1 where the violation is there again, 0 where it is not */
export function replay(file: string, command: readonly string[], { gdb = false, stepTimeout }: ReplayOptions): number {
  const trace = readTrace(file)
  const [program = '', ...args] = command
  using store = new PageStore()
  // Only what is watched in the slower way can be let go.
  const running = new Program(program, args, { stepTimeout, detachable: gdb }).open(store)
  try {
    const first = running.start()
    const start = running.memory.capture()
    const replayed = goAgain(running, start, first, trace.choices)
    for (const [i, step] of replayed.steps.entries()) process.stdout.write(`${stepText(step, i)}\n`)
    process.stdout.write(`${outcome(replayed)}\n`)
    if (gdb) letGo(running.memory, replayed)
    return isThere(trace, replayed) ? exitCodes.violation : exitCodes.clean
  } finally {
    running.close()
  }
}

function outcome({ end }: Replayed): string {
  switch (end.kind) {
    case 'failure':
      return [end.failure.kind, end.failure.property, end.failure.place, end.failure.detail].filter(Boolean).join(': ')
    case 'end':
      return 'it ends well'
    default:
      return end.ways === 0
        ? `there is no way on at ${end.place}`
        : `it stands at a choice among ${end.ways} at ${end.place}`
  }
}

/** A property that TypeScript checked is not looked at: the way is there, and that is all that can be said. */
function isThere({ kind, property }: Trace, { end }: Replayed): boolean {
  if (end.kind === 'failure') return end.failure.kind === kind && end.failure.property === property
  if (kind === 'deadlock') return end.kind === 'choice' && end.ways === 0
  return kind === 'always' || kind === 'unfaithful'
}

/** It stands still by itself, before whatever it stopped for, until a debugger has it. */
function letGo(tracee: Tracee, { end }: Replayed): void {
  const { pid } = tracee
  process.kill(pid, 'SIGSTOP')
  // A signal that it stands before would come first, and end it. Without, the instruction is about to be run again.
  if (end.kind === 'failure' && end.failure.kind === 'crash') tracee.resume({ signal: 'none' })
  tracee.detach()
  process.stdout.write(`It stands still. To look at it, and end it afterwards:\n  gdb -p ${pid}\n  kill -9 ${pid}\n`)
}
