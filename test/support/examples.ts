import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { ownFolder } from './programs.js'

const root = join(import.meta.dirname, '../..')
const folder = ownFolder()

/** Compiles `examples/NAME.c`, and says where the program is. `ballast` are megabytes of memory that it does not need. */
export function buildExample(name: string, flags: readonly string[] = [], ballast = 0): string {
  const program = join(folder, `${name}${flags.join('')}-${ballast}`.replace(/[^\w]/g, '-'))
  const more = ballast > 0 ? [join(root, 'test/programs/ballast.c'), `-DBALLAST=${ballast}`] : []
  const usual = ['-Wall', '-Wextra', '-Werror']
  const optimized = flags.some((flag) => flag.startsWith('-O')) ? [] : ['-O2']
  execFileSync('cc', [...usual, ...optimized, ...flags, '-o', program, join(root, `examples/${name}.c`), ...more])
  return program
}
