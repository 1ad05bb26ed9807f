import type { Bytes } from 'pagestore/explore'

/** The models of `examples/models` once more, as plain objects whose state is bytes. */

/** A model described by the steps that it can take: each is the bytes that follow. */
function modelOf(start: readonly number[], next: (state: readonly number[]) => (readonly number[])[]): Bytes {
  const state = Uint8Array.from(start)
  const steps = () => next([...state])
  return {
    state,
    alternatives: () => steps().length,
    choose: (alternative) => state.set(steps()[alternative] ?? []),
  }
}

function changed(state: readonly number[], changes: Readonly<Record<number, number>>): number[] {
  return state.map((value, i) => changes[i] ?? value)
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

/** Where each is, then which forks are taken. */
export function philosophers(n: number, { reversed = false, singly = false } = {}): Bytes {
  const fork = (i: number, nth: number) => n + ((i + (reversed && i === n - 1 ? 1 - nth : nth)) % n)
  return modelOf(Array(2 * n).fill(0), (state) =>
    upTo(n).flatMap((i) => {
      const forks = state[i]
      const [first, second] = [fork(i, 0), fork(i, 1)]
      if (forks === 0) return state[first] === 0 ? [changed(state, { [i]: 1, [first]: 1 })] : []
      if (forks === 1) return state[second] === 0 ? [changed(state, { [i]: 2, [second]: 1 })] : []
      if (forks === 2 && singly) return [changed(state, { [i]: 3, [first]: 0 })]
      const down = forks === 2 ? { [first]: 0, [second]: 0 } : { [second]: 0 }
      return [changed(state, { ...down, [i]: 0 })]
    }),
  )
}

/** The peg of each disc, the smallest first. */
export function hanoi(n: number): Bytes {
  const top = (state: readonly number[], peg: number) => (state.includes(peg) ? state.indexOf(peg) : n)
  return modelOf(Array(n).fill(0), (state) =>
    upTo(9).flatMap((move) => {
      const [from, to] = [Math.floor(move / 3), move % 3]
      const disc = top(state, from)
      return disc < top(state, to) ? [changed(state, { [disc]: to })] : []
    }),
  )
}

export function puzzle(rows: number): Bytes {
  const columns = 3
  return modelOf(upTo(rows * columns), (state) => {
    const hole = state.indexOf(0)
    const beside = upTo(rows * columns).filter((at) => {
      const [down, right] = [Math.floor(at / columns) - Math.floor(hole / columns), (at % columns) - (hole % columns)]
      return Math.abs(down) + Math.abs(right) === 1
    })
    return beside.map((at) => changed(state, { [hole]: state[at] ?? 0, [at]: 0 }))
  })
}

/** Missionaries and cannibals on the left bank, and the boat. */
export function missionaries(): Bytes {
  const isSafe = (m: number, c: number) =>
    m >= 0 && m <= 3 && c >= 0 && c <= 3 && (m === 0 || m >= c) && (m === 3 || 3 - m >= 3 - c)
  return modelOf([3, 3, 1], ([m = 0, c = 0, boat = 0]) => {
    const sign = boat === 1 ? -1 : 1
    const loads = [
      [1, 0],
      [2, 0],
      [0, 1],
      [0, 2],
      [1, 1],
    ] as const
    return loads
      .map(([dm, dc]) => [m + sign * dm, c + sign * dc, 1 - boat])
      .filter(([nm = 0, nc = 0]) => isSafe(nm, nc))
  })
}

/** The bank of farmer, wolf, goat and cabbage. */
export function wolf(): Bytes {
  return modelOf([0, 0, 0, 0], (state) =>
    upTo(4)
      .filter((who) => state[who] === state[0])
      .map((who) => changed(state, { 0: 1 - (state[0] ?? 0), [who]: 1 - (state[who] ?? 0) }))
      .filter(([farmer, wolf, goat, cabbage]) => goat === farmer || (goat !== wolf && goat !== cabbage)),
  )
}

export function jugs(): Bytes {
  return modelOf([0, 0], ([small = 0, big = 0]) => {
    const into = Math.min(small, 5 - big)
    const back = Math.min(big, 3 - small)
    return [
      [3, big],
      [small, 5],
      [0, big],
      [small, 0],
      [small - into, big + into],
      [small + back, big - back],
    ]
  })
}

/** Of each manager what it is, whether it was heard, whether it has said that it is prepared; then the rest. */
export function commit(managers: number): Bytes {
  const [working, prepared, committed, aborted] = [0, 1, 2, 3]
  const [heard, said, coordinator] = [managers, 2 * managers, 3 * managers]
  const [toCommit, toAbort] = [coordinator + 1, coordinator + 2]
  return modelOf(Array(3 * managers + 3).fill(0), (state) => {
    const isUndecided = state[coordinator] === 0
    const isHeard = upTo(managers).every((r) => state[heard + r] === 1)
    return [
      ...(isUndecided && isHeard ? [changed(state, { [coordinator]: 1, [toCommit]: 1 })] : []),
      ...(isUndecided ? [changed(state, { [coordinator]: 2, [toAbort]: 1 })] : []),
      ...upTo(managers).flatMap((r) => [
        ...(isUndecided && state[said + r] === 1 ? [changed(state, { [heard + r]: 1 })] : []),
        ...(state[r] === working
          ? [changed(state, { [r]: prepared, [said + r]: 1 }), changed(state, { [r]: aborted })]
          : []),
        ...(state[toCommit] === 1 ? [changed(state, { [r]: committed })] : []),
        ...(state[toAbort] === 1 ? [changed(state, { [r]: aborted })] : []),
      ]),
    ]
  })
}
