/** The names of a program's variables, from the symbols of its file. */

import { addressOf } from '../../arguments.js'
import { filesOf } from '../../linux/process-files.js'
import { findSymbol, nameOf } from '../../linux/symbols.js'
import type { Tracee } from '../../tracee.js'
import type { Layout } from '../subject.js'

/** The layout of a program; it finds names as long as the tracee is open. */
export function layoutOf(tracee: Tracee): Layout {
  // Read once: other mappings come and go, but the program's own variables stay where they are.
  let regions: Tracee['regions'] | undefined
  const fileOf = filesOf(tracee.pid)
  return {
    hidesUnnamed: true,
    find: (name) => tracee.symbol(name),
    nameOf(address) {
      const at = addressOf(address)
      regions ??= tracee.regions
      const found = nameOf(regions, at, fileOf)
      // Variables of libraries are left out.
      if (found === undefined || found.file !== regions.find(({ path }) => path.startsWith('/'))?.path) return undefined
      const size = findSymbol(regions, found.name, fileOf)?.size ?? 0
      return found.offset < size || size === 0 ? { name: found.name, offset: found.offset, size } : undefined
    },
    declared: () => [...tracee.declared],
  }
}
