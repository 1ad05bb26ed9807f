import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { build } from './tracees.js'

function findRefused(): ReadonlySet<string> {
  if (/^Seccomp:\s*0/m.test(readFileSync('/proc/self/status', 'latin1'))) return new Set()
  return new Set(execFileSync(build('refused.c'), { encoding: 'utf8' }).split('\n').filter(Boolean))
}

/** System calls that a filter refuses here, as in a container, and without which some things cannot be. */
export const refused = findRefused()
