import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { ownFolder } from './programs.js'

const root = join(import.meta.dirname, '../..')
const folder = ownFolder()

/** Compiles files of `test/programs`, C or C++, and says where the program is. */
export function build(name: string, { flags = ['-O2'], more = [] as string[] } = {}): string {
  const program = join(folder, `${basename(name)}${flags.join('')}`.replace(/[^\w]/g, '-'))
  const sources = [name, ...more].map((file) => join(root, 'test/programs', file))
  const compiler = name.endsWith('.c') ? 'cc' : 'c++'
  // Not every linker puts code and constants into segments of their own unasked.
  const usual = ['-Wall', '-Wextra', '-Werror', '-pthread', '-Wl,-z,separate-code', '-I', join(root, 'include')]
  execFileSync(compiler, [...usual, ...flags, '-o', program, ...sources, '-lm'])
  return program
}

/** Whether a process runs. */
export function isThere(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

/** The words that a process was started with, each with a zero byte behind it; none of one that has ended. */
export function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

export async function untilGone(pid: number): Promise<void> {
  while (isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** For C: what to include. */
export const header = `"${join(root, 'include/pagestore.h')}"`

/** For the compiler. */
export const includes = ['-I', join(root, 'include')]
