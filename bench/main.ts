/**
 * Measures the store against the machine's own limits and against what one would write without it (`npm run bench`).
 *
 * Native and JavaScript benchmarks take turns, round by round, so that both sides of a ratio see the same machine.
 * Standard output has the result and nothing else.
 */
import { availableParallelism, cpus, loadavg, release } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'

import { PageStore, pageSize } from '../lib/index.js'
import { explorerRound } from './explorer-round.js'
import { javascriptRound } from './javascript-round.js'
import { nativeRound } from './native-round.js'
import { outcomes } from './rows.js'
import { type Figures, full, quick } from './sizes.js'
import { createSource } from './source.js'
import { table } from './table.js'

const options = new Command('bench')
  .description('Measures the store against the limits of this machine. Takes some minutes and 4 GiB of memory.')
  .option('--rounds <n>', 'how often native and JavaScript take turns (default: 5, quick: 1)', wholeNumber)
  .option('--quick', 'little data: proves that the benchmark runs; its numbers mean nothing')
  .option('--json', 'the result as JSON')
  .parse()
  .opts<{ rounds?: number; quick?: true; json?: true }>()

const sizes = options.quick ? quick : full
const rounds = options.rounds ?? (options.quick ? 1 : 5)
const machine = describeMachine()
const source = createSource(sizes.pages)
const figures: Figures[] = []
for (let round = 1; round <= rounds; round++) {
  console.error(`round ${round} of ${rounds}`)
  const native = await nativeRound(sizes, 'store')
  const javascript = javascriptRound(source, sizes)
  // Last: the gigabytes that they leave behind are not at hand for who comes next.
  const snapshots = await nativeRound(sizes, 'snapshots')
  const explorer = await explorerRound(sizes)
  figures.push(new Map([...native, ...javascript, ...snapshots, ...explorer]))
}

const results = outcomes(figures)
if (options.json) {
  console.log(JSON.stringify({ meaningful: !options.quick, machine, pages: sizes.pages, rounds, results }, null, 2))
} else {
  const { cores, model, kernel, node, memory, hash, load } = machine
  console.log(`${cores} cores of ${model}, Linux ${kernel}, Node ${node}; ${memory} memory, ${hash} hash`)
  console.log(`${sizes.pages} pages of ${pageSize} bytes; median (lowest–highest) of ${rounds} rounds; load ${load}`)
  console.log(table(results))
  if (options.quick) console.log('Little data was used: these numbers mean nothing.')
}

function describeMachine() {
  using store = new PageStore()
  const { memory, hash } = store.stats()
  const model = cpus()[0]?.model ?? 'unknown'
  const load = loadavg()[0]!.toFixed(1)
  return { cores: availableParallelism(), model, kernel: release(), node: process.version, memory, hash, load }
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1 to 9999.')
}
