/** The states whose alternatives have not all been taken, in the order in which a search expands them. */

import type { Snapshot } from '../snapshot.js'

/** A state whose alternatives have not all been taken. */
export interface Node {
  readonly snapshot: Snapshot
  /** The state's number: states are numbered as they are found. */
  readonly state: number
  readonly alternatives: number
  /** Choices from the start. */
  readonly depth: number
  /** The alternative to take next. */
  next: number
  /** Whether the state was expanded before, from farther away, so that its transitions are counted already. */
  readonly isRevisited: boolean
}

/** A queue or a stack of nodes. */
export interface Frontier {
  readonly size: number
  /** The node to expand now. */
  current(): Node | undefined
  add(node: Node): void
  /** Removes the current node. */
  drop(): void
}

/** First in, first out: breadth first. */
export function createQueue(): Frontier {
  let nodes: Node[] = []
  let head = 0
  return {
    get size() {
      return nodes.length - head
    },
    current: () => nodes[head],
    add(node) {
      nodes.push(node)
    },
    drop() {
      // Dropped nodes are cut off when they are half of all.
      if (++head * 2 < nodes.length || head < 1024) return
      nodes = nodes.slice(head)
      head = 0
    },
  }
}

/** Last in, first out: depth first. */
export function createStack(): Frontier {
  const nodes: Node[] = []
  return {
    get size() {
      return nodes.length
    },
    current: () => nodes[nodes.length - 1],
    add(node) {
      nodes.push(node)
    },
    drop() {
      nodes.pop()
    },
  }
}
