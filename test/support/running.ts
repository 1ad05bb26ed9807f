// Tracees that run to their end, and what they left in a file.
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type ResumeOptions, type SpawnOptions, type Stop, Tracee } from 'pagestore'

/** The names of what every processor has, for integers. */
export const registerOf: Readonly<Record<'first' | 'second' | 'result' | 'stopPoint' | 'stack', string>> =
  process.arch === 'arm64'
    ? { first: 'x0', second: 'x1', result: 'x0', stopPoint: 'pc', stack: 'sp' }
    : { first: 'rdi', second: 'rsi', result: 'rax', stopPoint: 'rip', stack: 'rsp' }

export function hasEnded(stop: Stop): boolean {
  return stop.kind === 'killed' || (stop.kind === 'exit' && stop.ended)
}

/** Everything it stops for up to its end. At a choice it takes the first alternative. */
export function stopsOf(tracee: Tracee, options: ResumeOptions = {}): Stop[] {
  const stops: Stop[] = []
  for (let stop: Stop | undefined; stop === undefined || !hasEnded(stop); stops.push(stop)) {
    stop = tracee.resume(stop?.kind === 'choice' ? { ...options, choose: 0 } : options)
  }
  return stops
}

/** Runs a program to its end under control, with `input` and its output in files below `folder`. */
export function runTraced(
  folder: string,
  file: string,
  args: string[] = [],
  options: SpawnOptions & { input?: string } = {},
  runOptions: ResumeOptions = {},
): { stop: Stop; output: string } {
  const { input = '/dev/null', ...rest } = options
  const path = join(folder, 'output')
  const streams = [openSync(input, 'r'), openSync(path, 'w')]
  using store = new PageStore()
  using tracee = Tracee.spawn(store, file, args, { stdio: [streams[0]!, streams[1]!, 'inherit'], ...rest })
  for (const fd of streams) closeSync(fd)
  const stop = stopsOf(tracee, runOptions).at(-1)!
  return { stop, output: readFileSync(path, 'utf8') }
}

/** Where in a test program a text stands, as `__FILE__:__LINE__` says it. */
export function locationOf(name: string, text: string): string {
  const file = join(import.meta.dirname, '../programs', name)
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((each) => each.includes(text))
  return `${file}:${line + 1}`.replace('/support/../', '/')
}
