/**
 * The native benchmarks (native/bench): the core, the machine's limits and the C++ peer, measured by one executable.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { Figures, Sizes } from './sizes.js'
import { median } from './statistics.js'

const executable = fileURLToPath(new URL('../../build-bench/native/bench/pagestore_bench', import.meta.url))
/** The parts of a step that rolls a program back (native/bench/rollbacks.cc). */
export const parts = ['stop', 'scan', 'read', 'hash_store', 'state', 'diff', 'write', 'registers', 'mappings'] as const
const sides = ['core', 'limit', 'peer', 'bytes', ...parts] as const

type Result = { run_name: string; run_type: 'iteration' | 'aggregate' } & Partial<
  Record<(typeof sides)[number], number>
>

/** Which benchmarks: those of the store, or those of snapshots. */
export type Part = 'store' | 'snapshots'

const snapshots = 'local_memory|process_|rollbacks'

/** Figures are called `core duplicates_in_order/256` and the like: side, benchmark, size of a batch. */
export async function nativeRound({ pages, repetitions }: Sizes, part: Part): Promise<Figures> {
  const { stdout } = await promisify(execFile)(executable, [
    `--benchmark_filter=${part === 'snapshots' ? '' : '-'}${snapshots}`,
    `--pages=${pages}`,
    `--benchmark_repetitions=${repetitions}`,
    '--benchmark_format=json',
  ])
  const { benchmarks } = JSON.parse(stdout) as { benchmarks: Result[] }
  const measured = new Map<string, number[]>()
  for (const result of benchmarks) {
    if (result.run_type !== 'iteration') continue
    const benchmark = result.run_name.replace(/\/(iterations|repeats):.*/, '')
    for (const side of sides) {
      const figure = result[side]
      if (figure === undefined) continue
      const name = `${side} ${benchmark}`
      measured.set(name, [...(measured.get(name) ?? []), figure])
    }
  }
  return new Map(Array.from(measured, ([name, figures]) => [name, median(figures)]))
}
