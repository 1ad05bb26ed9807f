/** The names that a compiler left in a module. They are no part of what is valid: what cannot be read has no name. */

import { Cursor } from './cursor.js'

export interface Names {
  tables: Map<number, string>
  globals: Map<number, string>
}

const kinds = { tables: 5, globals: 7 } as const

/** @param sections custom ones, the one with names among them */
export function readNames(bytes: Uint8Array, sections: readonly { start: number; end: number }[]): Names {
  const names: Names = { tables: new Map(), globals: new Map() }
  for (const { start, end } of sections) {
    try {
      const cursor = new Cursor(bytes, start, end)
      if (cursor.name() !== 'name') continue
      while (!cursor.isAtEnd()) {
        const kind = cursor.byte()
        const length = cursor.index()
        const from = cursor.at()
        cursor.skip(length)
        const list = kind === kinds.tables ? names.tables : kind === kinds.globals ? names.globals : undefined
        const part = new Cursor(bytes, from, from + length)
        if (list !== undefined) part.list(() => list.set(part.index(), part.name()))
      }
      break
    } catch {
      // The rest has no names.
    }
  }
  return names
}
