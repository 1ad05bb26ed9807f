/** The violations that a search has found: of each kind and property the one with the shortest path. */

import type { Violation } from './exploration.js'

export type Found = Pick<Violation, 'kind' | 'property' | 'location' | 'detail'>

export interface ShortestViolations {
  /**
   * Keeps a violation if there is none like it with as short a path.
   * @param path made only for one that is kept; it has at least `depth` choices
   * @returns whether it was kept
   */
  add(found: Found, path: () => number[], depth: number): boolean
  readonly all: Violation[]
}

export function createShortestViolations(): ShortestViolations {
  const violations = new Map<string, Violation>()
  return {
    add({ kind, property, location, detail }, path, depth) {
      const name = `${kind}\0${property}`
      const shortest = violations.get(name)
      if (shortest !== undefined && shortest.choices.length <= depth) return false
      const choices = path()
      if (shortest !== undefined && shortest.choices.length <= choices.length) return false
      violations.set(name, { kind, property, choices, location, detail })
      return true
    },
    get all() {
      return [...violations.values()]
    },
  }
}
