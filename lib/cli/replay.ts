/** `pagestore replay`: takes the path of a trace again, and says whether it still leads to the violation. */

import { Program } from '../explore/index.js'
import { type Replayed, replay as replayPath } from '../explore/trace.js'
import { PageStore, PageStoreError, type Tracee } from '../index.js'
import { printable } from '../printable.js'
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
  // Only a detachable program can be handed to a debugger, and only one that reads the system's clocks.
  const subject = new Program(program, args, { stepTimeout, detachable: gdb, deterministic: { time: !gdb } })
  const running = subject.open(store)
  try {
    const first = running.start()
    const start = running.memory.capture()
    const replayed = replayPath(running, start, first, trace.choices)
    for (const [i, step] of replayed.steps.entries()) process.stdout.write(`${stepText(step, i)}\n`)
    process.stdout.write(`${printable(outcome(replayed))}\n`)
    if (gdb) handOver(running.memory, replayed)
    return isThere(trace, replayed) ? exitCodes.violation : exitCodes.clean
  } finally {
    running.close()
    subject.close()
  }
}

function outcome({ end }: Replayed): string {
  switch (end.kind) {
    case 'failure':
      return [end.failure.kind, end.failure.property, end.failure.location, end.failure.detail]
        .filter(Boolean)
        .join(': ')
    case 'end':
      return 'the program ends without a violation'
    default:
      return end.alternatives === 0
        ? `deadlock: no alternative at ${end.location}`
        : `the program is at a choice with ${end.alternatives} alternatives at ${end.location}`
  }
}

function isThere({ kind, property }: Trace, { end }: Replayed): boolean {
  switch (kind) {
    case 'assertion':
    case 'crash':
    case 'exit':
    case 'hang':
      return end.kind === 'failure' && end.failure.kind === kind && end.failure.property === property
    case 'deadlock':
      return end.kind === 'choice' && end.alternatives === 0
    case 'always':
    case 'unfaithful':
      // The property is written in TypeScript and is not here. All that can be said is that the program has the path.
      return end.kind !== 'failure'
    case 'sometimes':
      return false // no path leads to it
    default:
      throw new PageStoreError('ERR_TRACE', `this version knows no violation of the kind "${kind satisfies never}"`)
  }
}

/** Detaches from the program and leaves it stopped, before what it stopped for, until a debugger attaches. */
function handOver(tracee: Tracee, { end }: Replayed): void {
  const { pid } = tracee
  process.kill(pid, 'SIGSTOP')
  // The signal that it is about to receive would end it. Without the signal, the instruction runs again, and faults again.
  if (end.kind === 'failure' && end.failure.kind === 'crash') tracee.resume({ signal: 'none' })
  tracee.detach()
  process.stdout.write(
    `The program is stopped. To debug it, and to kill it afterwards:\n  gdb -p ${pid}\n  kill -9 ${pid}\n`,
  )
}
