/** How the user started us, as a shell takes it: what we print can be pasted. */
import { existsSync, realpathSync } from 'node:fs'
import { basename, delimiter, join, relative } from 'node:path'

import { quotedForShell } from '../printable.js'

export interface Invocation {
  /** The program that runs us, and our file, as in `process.argv`. */
  argv: readonly string[]
  env: Readonly<Record<string, string | undefined>>
}

const name = 'pagestore'

/** The words that start this program again. */
export function invocation({ argv, env }: Invocation = process): string {
  const [runner = 'node', file = name] = argv
  const isCommand = basename(file) === name
  // A script of npm's has our folder in its PATH, and the user's shell has not.
  const isOfNpm = env['npm_command'] !== undefined && file.includes('node_modules')
  if (isCommand && isOfNpm) return `npx ${name}`
  if (isCommand && isFirst(file, env['PATH'] ?? '')) return name
  const words = isCommand ? [file] : [isFirst(runner, env['PATH'] ?? '') ? basename(runner) : runner, file]
  return words.map((word) => quotedForShell(word.startsWith('/') ? shorter(word) : word)).join(' ')
}

/** Whether a shell finds this file by its name. */
function isFirst(file: string, path: string): boolean {
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, basename(file)))
    .find((candidate) => existsSync(candidate))
  return found !== undefined && realpathSync(found) === realpathSync(file)
}

function shorter(file: string): string {
  const below = relative('.', file)
  if (below.startsWith('../..') || below.length >= file.length) return file
  return below.includes('/') ? below : `./${below}`
}
