import type { Snapshot } from '../snapshot.js'

/** A state that is not expanded yet, or not wholly. */
export interface Node {
  readonly snapshot: Snapshot
  /** Which state: they are numbered as they are found. */
  readonly state: number
  readonly ways: number
  /** Choices from the start. */
  readonly depth: number
  /** The way to go next. */
  next: number
  /** It was expanded before, from farther away: its transitions are counted. */
  readonly isAgain: boolean
}

/** The states that wait, and which of them is next. */
export interface Frontier {
  readonly size: number
  current(): Node | undefined
  put(node: Node): void
  /** The current one is done. */
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
    put(node) {
      nodes.push(node)
    },
    drop() {
      // What is done is cut off when it is half of all.
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
    put(node) {
      nodes.push(node)
    },
    drop() {
      nodes.pop()
    },
  }
}
