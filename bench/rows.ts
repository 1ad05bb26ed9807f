/**
 * The table: what is measured, what stands beside it, and what it must reach. The targets are the project's own.
 */
import { ballasts } from './explorer-round.js'
import { parts } from './native-round.js'
import type { Figures } from './sizes.js'
import { type Spread, spread } from './statistics.js'

interface Row {
  what: string
  /** Name of a figure. */
  measured: string
  /** Name of the figure beside it, and what that is. */
  beside?: [figure: string, what: string]
  /** What the target speaks of: measured / beside, measured - beside, or measured alone. */
  as: Comparison
  /** The most that is good. Without one the row is there for information. */
  target?: number
  unit?: string
}

export type Comparison = 'ratio' | 'difference' | 'absolute'

export interface Outcome {
  what: string
  unit: string
  measured: Spread
  beside: (Spread & { what: string }) | null
  comparison: Spread & { kind: Comparison }
  target: number | null
  met: boolean | null
}

const situations = [
  { name: 'duplicates_in_order', what: 'duplicates, in order', batches: [256, 4096] },
  { name: 'duplicates_at_random', what: 'duplicates, random order', batches: [256, 4096] },
  { name: 'duplicates_hot', what: 'duplicates, hot', batches: [256] },
  { name: 'new_pages_recycled', what: 'new pages, recycled slots', batches: [256, 4096] },
  { name: 'new_pages_growing', what: 'new pages, growing store', batches: [256, 4096] },
]

const rows: Row[] = [
  limited('duplicates, in order', 'duplicates_in_order/256', 'memcmp', 1.2),
  limited('duplicates, random order', 'duplicates_at_random/256', 'memcmp at random', 1.4),
  limited('duplicates, hot', 'duplicates_hot/256', 'XXH3 + memcmp hot', 1.1),
  limited('new pages, recycled slots', 'new_pages_recycled/256', 'memcpy', 0.9),
  limited('new pages, growing store', 'new_pages_growing/256', 'populate + memcpy', 1.5),
  { ...againstPeer('new pages, growing store', 'new_pages_growing/256'), target: 0.2 },
  { ...againstPeer('random store and release', 'churn'), target: 0.35 },
  { what: 'release to zero', measured: 'core release_to_zero', as: 'absolute', target: 30 },
  { what: 'refPage above zero', measured: 'core ref_page', as: 'absolute', target: 3 },
  { what: 'unrefPage above zero', measured: 'core unref_page', as: 'absolute', target: 3 },
  { what: 'bookkeeping, 4 MiB and more', measured: 'bytes bookkeeping', as: 'absolute', target: 28, unit: 'bytes' },
  ...situations.flatMap(({ name, what, batches }) =>
    batches.map(
      (batch): Row => ({
        what: `JavaScript storePages by ${batch}: ${what}`,
        measured: `javascript ${name}/${batch}`,
        beside: [`core ${name}/${batch}`, 'native core'],
        as: 'ratio',
        target: 1.05,
      }),
    ),
  ),
  {
    what: 'JavaScript storePage, hot',
    measured: 'javascript duplicates_hot/1',
    beside: ['core duplicates_hot/1', 'native core'],
    as: 'difference',
    target: 60,
  },
  { what: 'JavaScript getPage', measured: 'getPage', beside: ['view', 'Buffer.from'], as: 'difference', target: 40 },
  ...snapshots(),
  ...rollbacks(),
  ...explorer(),
  ...['duplicates_in_order', 'duplicates_at_random', 'duplicates_hot', 'new_pages_recycled'].map((name) =>
    againstPeer(situations.find((situation) => situation.name === name)!.what, `${name}/256`),
  ),
  againstPeer('release to zero', 'release_to_zero'),
  againstMap('duplicates, in order', 'duplicates_in_order/256', 'map duplicates'),
  againstMap('new pages, growing store', 'new_pages_growing/256', 'map new_pages'),
]

function snapshots(): Row[] {
  const against = (what: string, benchmark: string, side: 'limit' | 'peer', other: string, target?: number): Row => ({
    what,
    measured: `core ${benchmark}`,
    beside: [`${side} ${benchmark}`, other],
    as: 'ratio',
    unit: 'ns in all',
    ...(target !== undefined && { target }),
  })
  const rewind = '256 MiB of our own, 100 pages dirty: capture and restore'
  return [
    against(rewind, 'local_memory/100', 'limit', 'memcpy of all', 0.02),
    against(rewind, 'local_memory/100', 'peer', 'copy into new memory and back', 0.02),
    ...[0, 100, 10_000].flatMap((dirty) => {
      const what = `1 GiB of another process, ${dirty} pages dirty: capture`
      return [
        against(what, `process_capture/${dirty}`, 'limit', 'process_vm_readv of all'),
        against(what, `process_capture/${dirty}`, 'peer', 'fork'),
      ]
    }),
    against(
      '1 GiB of another process: first capture',
      'process_first_capture',
      'limit',
      'process_vm_readv + XXH3',
      1.5,
    ),
  ]
}

function explorer(): Row[] {
  return [
    ...ballasts.flatMap((ballast): Row[] => {
      const row = {
        what: `explorer, ${ballast} MB: a transition`,
        measured: `explorer steps/${ballast}`,
        as: 'ratio',
      } as const
      return [
        { ...row, beside: [`loop steps/${ballast}`, 'a loop over the tracee'], target: 1.15 },
        { ...row, beside: [`fork steps/${ballast}`, 'fork'] },
      ]
    }),
    { what: 'explorer: 8-puzzle, a state', measured: 'bytes puzzle', as: 'absolute', unit: 'bytes' },
    { what: 'explorer: WasmModel, a transition', measured: 'wasm philosophers', as: 'absolute', target: 10_000 },
  ]
}

function rollbacks(): Row[] {
  const targets = { 0: 1 / 4, 16: 1 / 12, 256: 1 / 50, 1024: 1 / 80 }
  const all = Object.entries(targets).map(
    ([ballast, target]): Row => ({
      what: `a program with ${ballast} MB rolled back: a step`,
      measured: `core rollbacks/${ballast}`,
      beside: [`peer rollbacks/${ballast}`, 'fork'],
      as: 'ratio',
      unit: 'ns in all',
      target,
    }),
  )
  const some = parts.map(
    (part): Row => ({
      what: `a program with 16 MB rolled back: of a step, ${part.replace('_', ' and ')}`,
      measured: `${part} rollbacks/16`,
      as: 'absolute',
      unit: 'ns',
    }),
  )
  return [...all, ...some]
}

function limited(what: string, benchmark: string, limit: string, target: number): Row {
  return { what, measured: `core ${benchmark}`, beside: [`limit ${benchmark}`, limit], as: 'ratio', target }
}

function againstPeer(what: string, benchmark: string): Row {
  return { what, measured: `core ${benchmark}`, beside: [`peer ${benchmark}`, 'C++ peer'], as: 'ratio' }
}

function againstMap(what: string, benchmark: string, figure: string): Row {
  return {
    what: `JavaScript storePages by 256: ${what}`,
    measured: `javascript ${benchmark}`,
    beside: [figure, 'JavaScript Map'],
    as: 'ratio',
  }
}

/** Compares round by round: both sides of a round saw the same machine. */
export function outcomes(rounds: readonly Figures[]): Outcome[] {
  return rows.map(({ what, measured, beside, as, target = null, unit = 'ns' }) => {
    const values = figuresOf(measured, rounds)
    const others = beside && figuresOf(beside[0], rounds)
    const comparison = { kind: as, ...spread(values.map((value, i) => compare(as, value, others?.[i]))) }
    return {
      what,
      unit,
      measured: spread(values),
      beside: beside && others ? { what: beside[1], ...spread(others) } : null,
      comparison,
      target,
      met: target === null ? null : comparison.median <= target,
    }
  })
}

function compare(as: Comparison, value: number, other = Number.NaN): number {
  if (as === 'ratio') return value / other
  return as === 'difference' ? value - other : value
}

function figuresOf(name: string, rounds: readonly Figures[]): number[] {
  return rounds.map((figures) => {
    const figure = figures.get(name)
    if (figure === undefined) throw new Error(`'${name}' was not measured`)
    return figure
  })
}
