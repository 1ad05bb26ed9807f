/** Whether what a program declared with include/pagestore.h can be understood. The addon reads it (native/ptrace/trap.h). */

import { PageStoreError } from '../../errors.js'
import { filesOf } from '../../linux/process-files.js'
import { findSymbol } from '../../linux/symbols.js'
import type { Tracee } from '../../tracee.js'

const layouts = ['ps_declared_ranges', 'ps_program_layout'] as const

/**
 * Refuses a program or library that was compiled with two versions of the header: its parts would share one of the two
 * layouts, and read it as two.
 * @throws `ERR_PROGRAM`
 */
export function checkLayout(tracee: Tracee): void {
  const { regions } = tracee
  const fileOf = filesOf(tracee.pid)
  const [old, current] = layouts.map((symbol) => findSymbol(regions, symbol, fileOf)?.file)
  if (old === undefined || old !== current) return
  throw new PageStoreError(
    'ERR_PROGRAM',
    'the source files of the program include two versions of pagestore.h: compile all of them again',
  )
}
