#!/usr/bin/env node
/**
 * The command line: what may be asked for, and how each kind of end is told. A failure is one line on standard error
 * and exit code 1; `NODE_DEBUG=pagestore` adds the stack.
 */
import { createRequire } from 'node:module'
import { debuglog } from 'node:util'
import { Command, InvalidArgumentError } from 'commander'

import type { RunOptions } from './run.js'

const { version, description } = createRequire(import.meta.url)('pagestore/package.json') as Record<string, string>

// The longest that a timer of Node can wait, and the most pages that a store can hold.
const longestInterval = 2 ** 31 - 1
const mostPages = 2 ** 32 - 1

const program = new Command('pagestore')
  .description(description ?? '')
  .version(version ?? '')
  .helpCommand(false)

withRunOptions(program.command('demo'), { rounds: 12, interval: 200 })
  .summary('start a working program and store its memory again and again')
  .description(
    'Starts a Node program that works on its heap, reads all of its private memory again and again, and stores ' +
      'every page once. Then reads every page back and compares it.',
  )
  .action((options: RunOptions) => until(async (signal) => (await import('./run.js')).runDemo(options, signal)))

withRunOptions(program.command('dedup'), { rounds: 5, interval: 200 })
  .summary("store a running process's memory again and again")
  .description(
    'Reads all private memory of a running process again and again, without stopping it, and stores every page ' +
      'once. Then reads every page back and compares it. Memory reserved but never touched is left out.',
  )
  .argument('<pid>', 'a process that you may read: your own, or any as root', wholeNumber(1, Number.MAX_SAFE_INTEGER))
  .action((pid: number, options: RunOptions) =>
    until(async (signal) => (await import('./run.js')).runDedup(pid, options, signal)),
  )

await program.parseAsync()

function withRunOptions(command: Command, { rounds, interval }: RunOptions): Command {
  return command
    .option('--rounds <n>', 'how often to read all memory', wholeNumber(1, 1e9), rounds)
    .option('--interval <ms>', 'milliseconds between two rounds', wholeNumber(0, longestInterval), interval)
    .option('--max-pages <n>', 'distinct pages to keep (default: 3/4 of free memory)', wholeNumber(1, mostPages))
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const n = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (n >= least && n <= most) return n
    throw new InvalidArgumentError(
      most === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number from ${least}.`
        : `It must be a whole number from ${least} to ${most}.`,
    )
  }
}

/** Runs `job`, and ends it first when somebody wants us gone. */
async function until(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort(name))
  // EPIPE: who reads our output has seen enough (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => stop.abort(error.code === 'EPIPE' ? 'SIGPIPE' : error))
  try {
    await job(stop.signal)
  } catch (error) {
    if (!stop.signal.aborted) fail(error)
  }
  if (stop.signal.reason instanceof Error) fail(stop.signal.reason)
  if (stop.signal.aborted) dieOf(stop.signal.reason)
}

function fail(error: unknown): never {
  debuglog('pagestore')('%O', error)
  return program.error(`error: ${error instanceof Error ? error.message : error}`)
}

// Now that all is tidied up: the default way, so that a shell knows.
function dieOf(name: NodeJS.Signals): void {
  if (name === 'SIGPIPE') process.exit(128 + 13)
  process.kill(process.pid, name)
}
