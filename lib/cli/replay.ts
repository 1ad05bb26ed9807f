/** `pagestore replay`: takes the path of a trace again, and says whether it still leads to the violation. */

import { setTimeout } from 'node:timers/promises'

import { Program } from '../explore/index.js'
import type { Step } from '../explore/subject.js'
import { replay as replayPath } from '../explore/trace.js'
import { Interrupted, takeStep } from '../explore/turns.js'
import { PageStore, PageStoreError, type Tracee } from '../index.js'
import { isStopped } from '../linux/process-status.js'
import { printable } from '../printable.js'
import { exitCodes, stepText } from './check.js'
import { readTrace, type Trace } from './trace-file.js'

const mostTries = 1000

export interface ReplayOptions {
  gdb?: boolean
  /** Milliseconds. */
  stepTimeout: number
}

/**
 * Prints each step as soon as it is taken.
 * @returns the exit code: 1 where the violation is there again, 0 where it is not
 * @throws the signal's reason, if it is aborted
 */
export async function replay(
  file: string,
  command: readonly string[],
  { gdb = false, stepTimeout }: ReplayOptions,
  signal: AbortSignal,
): Promise<number> {
  const trace = await untilAborted(readTrace(file), signal)
  const [program = '', ...args] = command
  using store = new PageStore()
  // Only a detachable program can be handed to a debugger, and only one that reads the system's clocks.
  const subject = new Program(program, args, { stepTimeout, detachable: gdb, deterministic: { time: !gdb } })
  const running = subject.open(store)
  let taken = 0
  try {
    const first = await takeStep(running, undefined, signal)
    const start = running.memory.capture()
    const end = await replayPath(running, { snapshot: start, step: first }, trace.choices, {
      signal,
      onStep: (step) => void process.stdout.write(`${stepText(step, taken++)}\n`),
    })
    process.stdout.write(`${printable(outcome(end))}\n`)
    if (gdb) await handOver(running.memory, end)
    return isThere(trace, end) ? exitCodes.violation : exitCodes.clean
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.stdout.write(`interrupted after ${taken} of ${trace.choices.length} choices\n`)
    throw signal.reason
  } finally {
    running.close()
    subject.close()
  }
}

/** @throws the signal's reason, if it is aborted before that */
async function untilAborted<T>(awaited: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: over.signal })
  })
  try {
    return await Promise.race([awaited, aborted])
  } finally {
    over.abort()
  }
}

function outcome(end: Step): string {
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

function isThere({ kind, property }: Trace, end: Step): boolean {
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
async function handOver(tracee: Tracee, end: Step): Promise<void> {
  const { pid } = tracee
  process.kill(pid, 'SIGSTOP')
  // The signal that it is about to receive would end it. Without the signal, the instruction runs again, and faults again.
  if (end.kind === 'failure' && end.failure.kind === 'crash') tracee.resume({ signal: 'none' })
  tracee.detach()
  // It takes the signal when its turn comes. Whoever lets it run on again need not be waited for.
  for (let tries = 0; tries < mostTries && !isStopped(pid); tries++) await setTimeout(1)
  process.stdout.write(
    `The program is stopped. To debug it, and to kill it afterwards:\n  gdb -p ${pid}\n  kill -9 ${pid}\n`,
  )
}
