/** Random machines: a few variables, and alternatives that change them; and a plain search of all that they can do. */

/** A generator of numbers from 0 to just below `n`. Equal seeds give equal numbers. */
export type Random = (n: number) => number

export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return (n) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random(from.length)]!
}

/** One of the variables becomes a sum of the others, as they were, if one of them has a certain value. */
export interface Update {
  variable: number
  /** What each variable counts in the sum. */
  factors: readonly number[]
  constant: number
  guard?: { variable: number; value: number }
}

export interface Machine {
  /** How many values each variable has: 0, 1, and so on. All begin as 0. */
  sizes: readonly number[]
  /** Of each alternative: what it changes. */
  alternatives: readonly (readonly Update[])[]
  /** Whether there is one more alternative, which ends the program. */
  ends: boolean
  /** The values at which an assertion fails; undefined for a variable that does not matter. */
  bad: readonly (number | undefined)[]
}

type Values = readonly number[]

/** @param sizes the most values that each variable can have */
export function randomMachine(random: Random, sizes: readonly number[]): Machine {
  const update = (): Update => {
    const variable = random(sizes.length)
    const other = random(sizes.length)
    return {
      variable,
      factors: sizes.map((_, i) => (i === variable || random(3) === 0 ? 1 + random(2) : 0)),
      constant: random(3),
      ...(random(2) === 0 ? { guard: { variable: other, value: random(sizes[other]!) } } : {}),
    }
  }
  const alternatives = Array.from({ length: 2 + random(3) }, () => Array.from({ length: 1 + random(2) }, update))
  const machine = { sizes, alternatives, ends: random(3) === 0, bad: [] }
  const all = [...reached(machine).values()].map(({ values }) => values)
  // Half of the assertions speak of values that come up, late ones above all.
  const bad = random(2) === 0 ? all.at(-1 - random(Math.ceil(all.length / 3)))! : sizes.map((size) => random(size))
  return { ...machine, bad: bad.map((value) => (random(5) === 0 ? undefined : value)) }
}

/** What a search of a machine finds. */
export interface Found {
  states: number
  transitions: number
  depth: number
  /** How many choices lead to the failure, if any do. */
  failure?: number
}

export function search(machine: Machine): Found {
  const states = [...reached(machine).values()]
  const isEnded = machine.ends ? 2 : 1
  const failures = states.flatMap(({ values, depth }) =>
    machine.alternatives.some((updates) => isBad(machine, next(machine, values, updates))) ? [depth + 1] : [],
  )
  const deepest = Math.max(...states.map(({ depth }) => depth))
  return {
    states: states.length * isEnded,
    transitions: states.length * (machine.alternatives.length + isEnded - 1),
    depth: deepest + isEnded - 1,
    ...(failures.length > 0 ? { failure: Math.min(...failures) } : {}),
  }
}

/** Breadth first. What fails leads nowhere. */
function reached(machine: Machine): Map<string, { values: Values; depth: number }> {
  const start: { values: Values; depth: number } = { values: machine.sizes.map(() => 0), depth: 0 }
  const states = new Map([[start.values.join(), start]])
  for (const { values, depth } of states.values()) {
    for (const updates of machine.alternatives) {
      const after = next(machine, values, updates)
      if (!states.has(after.join()) && !isBad(machine, after))
        states.set(after.join(), { values: after, depth: depth + 1 })
    }
  }
  return states
}

function next({ sizes }: Machine, values: Values, updates: readonly Update[]): Values {
  const after: number[] = [...values]
  for (const { variable, factors, constant, guard } of updates) {
    if (guard !== undefined && values[guard.variable] !== guard.value) continue
    const sum = factors.reduce((total, factor, i) => total + factor * values[i]!, constant)
    after[variable] = sum % sizes[variable]!
  }
  return after
}

function isBad({ bad }: Machine, values: Values): boolean {
  return bad.some((value) => value !== undefined) && bad.every((value, i) => value === undefined || value === values[i])
}
