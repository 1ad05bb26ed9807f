#!/usr/bin/env node
/**
 * The command line: which commands and options there are, and how a command ends. A failure is one line on standard error
 * and exit code 1; `NODE_DEBUG=pagestore` adds the stack.
 */
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { debuglog, inspect } from 'node:util'
import { Command, InvalidArgumentError, Option } from 'commander'

import { printable, printableLines, quotedForShell } from '../printable.js'
import type { CheckOptions } from './check.js'
import type { ReplayOptions } from './replay.js'
import type { RunOptions } from './run.js'

const { version, description } = createRequire(import.meta.url)('pagestore/package.json') as Record<string, string>

// The longest that a timer of Node can wait, and the most pages that a store can hold.
const longestInterval = 2 ** 31 - 1
const mostPages = 2 ** 32 - 1
const mostStates = 1e12
const defaultStepTimeout = 10_000
// The message of lib/explore/subjects/program.ts, which is loaded only when something is explored.
const programWithoutChoice = 'the program ended without a choice: it must include pagestore.h and call ps_choose'
// The exit code of check and replay for wrong arguments.
const misuse = 2

const program = new Command('pagestore')
  .description(description ?? '')
  .version(version ?? '', '-v, --version')
  .addOption(new Option('-V').hideHelp())
  .on('option:V', () => {
    process.stdout.write(`${version}\n`)
    process.exit(0)
  })
  .configureOutput({ outputError: (text, write) => write(printableMisuse(text)) })
  .helpCommand('help [command]', 'say what a command does, and its options')

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
  .argument('<pid>', 'the process to read: one of your own, or any as root', wholeNumber(1, Number.MAX_SAFE_INTEGER))
  .action((pid: number, options: RunOptions) =>
    until(async (signal) => (await import('./run.js')).runDedup(pid, options, signal)),
  )

withStepTimeout(program.command('check'))
  .summary('take every alternative at every choice of a program, and report violations')
  .usage('[options] -- <program> [arguments...]')
  .description(
    'Explores a program that includes pagestore.h: takes every alternative at every choice, by rolling the program ' +
      'back. Reports that there is no violation, or a path to each. Exit codes: 0 complete and no violation, 1 a ' +
      'violation, 2 wrong arguments, 3 no violation, but a bound ended the search, 4 no violation, but the program ' +
      'reached outside (with --strict).',
  )
  .addOption(
    new Option('--strategy <name>', 'breadth finds shortest paths')
      .choices(['breadth', 'depth', 'random'])
      .default('breadth'),
  )
  .addOption(
    new Option('--files <kind>', 'whether descriptors roll back with the program')
      .choices(['restore', 'ignore'])
      .default('restore'),
  )
  .option('--first', 'stop at the first violation')
  .option('--allow-deadlock', 'a choice without alternatives is no violation')
  .option('--verify', 'go on twice from a sample of the states that were reached twice, and compare')
  .option('--strict', 'fail if the program does what does not roll back')
  .option('--max-depth <n>', 'the most choices from the start', wholeNumber(0, mostStates))
  .option('--max-states <n>', 'the most states', wholeNumber(1, mostStates))
  .option('--max-transitions <n>', 'the most transitions', wholeNumber(1, mostStates))
  .option('--max-seconds <n>', 'the most seconds', wholeNumber(1, 1e9))
  .option('--max-memory <MB>', 'the most megabytes that snapshots may take', wholeNumber(1, 1e9))
  .option('--seed <n>', 'the seed of what is random', wholeNumber(0, mostPages), 1)
  .option('--trace <file>', 'the file for the trace of the first violation', 'trace.json')
  .option('--json', 'print one JSON object at the end (schema: docs/check.schema.json)')
  .argument('<program...>', 'what to run, after --')
  .action((command: string[], options: CheckOptions) =>
    endWith(async (signal) => (await import('./check.js')).check(command, options, signal)),
  )

withStepTimeout(program.command('replay'))
  .summary('take the path of a trace again')
  .usage('[options] <trace.json> -- <program> [arguments...]')
  .description('Exit codes: 1 if the path leads to the violation again, 0 if it does not, 2 wrong arguments.')
  .option('--gdb', 'leave the program stopped at the end of the path, for a debugger')
  .argument('<trace>', 'a trace file that check has written')
  .argument('<program...>', 'what to run, after --')
  .action((trace: string, command: string[], options: ReplayOptions) =>
    endWith(async (signal) => (await import('./replay.js')).replay(trace, command, options, signal)),
  )

await program.parseAsync()

function withStepTimeout(command: Command): Command {
  return command
    .option(
      '--step-timeout <ms>',
      'how long the program may take from one choice to the next',
      wholeNumber(1, longestInterval),
      defaultStepTimeout,
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : misuse))
}

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

/** A message of commander's, with words of the command line in it and perhaps a line of its own behind it. */
function printableMisuse(text: string): string {
  const [, message = text, suggestion = ''] = /^(.*?)(\n\(Did you mean [^\n]*)?\n$/s.exec(text) ?? []
  return `${printable(message)}${printableLines(suggestion)}\n`
}

/** For whoever looks for a fault of ours: the stack, too. */
function debug(error: unknown): void {
  debuglog('pagestore')('%s', printableLines(inspect(error)))
}

/** Runs `job`, which a signal ends early. */
async function until(job: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort(name))
  // EPIPE: the reader of our output has closed it (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => stop.abort(error.code === 'EPIPE' ? 'SIGPIPE' : error))
  try {
    await job(stop.signal)
  } catch (error) {
    if (!stop.signal.aborted) fail(error)
  }
  if (stop.signal.reason instanceof Error) fail(stop.signal.reason)
  if (stop.signal.aborted) dieOf(stop.signal.reason)
}

/**
 * Runs a job that returns its exit code. The first Ctrl-C asks it to end with what it has, and we die of it if the job
 * throws it back; a second one kills us.
 */
async function endWith(job: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort(name))
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 128 + 13 : misuse))
  try {
    process.exitCode = await job(stop.signal)
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return dieOf(stop.signal.reason)
    debug(error)
    process.stderr.write(`error: ${printable(String(error instanceof Error ? error.message : error))}\n`)
    const hint = hintFor(error)
    if (hint !== '') process.stderr.write(hint)
    process.exitCode = misuse
  }
}

// What to do about an error, in lines of our own.
function hintFor(error: unknown): string {
  const lacksHeader = error instanceof Error && error.message === programWithoutChoice
  if (!lacksHeader) return ''
  const folder = join(dirname(createRequire(import.meta.url).resolve('pagestore/package.json')), 'include')
  return [
    `Add three lines, and compile it with -I ${printable(quotedForShell(relative('.', folder)))}:`,
    '  #include "pagestore.h"',
    '  int way = ps_choose(2);             /* 0 or 1: both are tried */',
    '  ps_assert(total >= 0, "overdrawn"); /* what must hold on every path */',
    '',
  ].join('\n')
}

function fail(error: unknown): never {
  debug(error)
  return program.error(`error: ${printable(String(error instanceof Error ? error.message : error))}`)
}

// Now that all is tidied up, dies of the signal itself, so that a shell sees it.
function dieOf(name: NodeJS.Signals): void {
  if (name === 'SIGPIPE') process.exit(128 + 13)
  process.kill(process.pid, name)
}
