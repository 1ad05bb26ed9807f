/** Each call about memory is rolled back, is harmless, is named by a warning, or is refused: never passed over. */
import { spawnSync } from 'node:child_process'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('mapping-calls.c', { flags: ['-g', '-O1'] })

/** What a search does about each of the acts of `mapping-calls.c`: nothing, a warning, or an error. */
const acts: Record<string, string> = {
  mprotect: 'exact',
  'pkey_mprotect without a key': 'exact',
  pkey_mprotect: 'warning: pkey_mprotect',
  munmap: 'exact',
  'munmap of shared memory': 'exact',
  'mremap to less': 'exact',
  'mremap to elsewhere': 'exact',
  'mmap over what is there': 'exact',
  MADV_DONTNEED: 'exact',
  MADV_GUARD_INSTALL: 'exact',
  'MADV_GUARD_INSTALL in a file': 'exact',
  MADV_GUARD_REMOVE: 'exact',
  'mremap of guards to more': 'exact',
  'other advice': 'exact',
  PR_SET_VMA: 'exact',
  mlock: 'warning: mlock',
  set_mempolicy: 'warning: set_mempolicy',
  brk: 'exact',
  shmdt: 'ERR_MAPPING',
  remap_file_pages: 'ERR_MAPPING',
  'munmap of one of two places': 'ERR_MAPPING',
  userfaultfd: 'warning: userfaultfd',
  mseal: 'ERR_MAPPING',
  MAP_DROPPABLE: 'warning: mmap',
  MAP_HUGETLB: 'ERR_MAPPING',
}

/** Whether the system has the call, as the program finds out by itself. */
function isThere(act: string): boolean {
  return spawnSync(program, [act], { env: { PAGESTORE_TRACE: '1,0' } }).status !== 9
}

async function outcome(act: string, strategy: 'breadth' | 'depth'): Promise<string> {
  const found = await explore(new Program(program, [act]), { strategy }).catch((error: { code: string }) => error.code)
  if (typeof found === 'string') return found
  if (found.warnings.length > 0) return `warning: ${found.warnings.map((warning) => warning.split(':')[0]).join(', ')}`
  const wrong = found.violations.filter(({ kind }) => kind !== 'exit')
  return found.complete && wrong.length === 0 ? 'exact' : JSON.stringify(wrong)
}

describe.each(['breadth', 'depth'] as const)('%s first', (strategy) => {
  test.for(Object.entries(acts))('%s: %s', async ([act, expected], { skip }) => {
    if (!isThere(act)) skip('the system does not have it')
    const is = await outcome(act, strategy)
    // Depth first a search need not go back to before the call.
    if (expected.startsWith('ERR')) expect(strategy === 'depth' ? [expected, 'exact'] : [expected]).toContain(is)
    else if (expected === 'exact') expect(is).toBe(expected)
    else expect(is.split(/: |, /)).toEqual(expect.arrayContaining(expected.split(': ')))
  })
})
