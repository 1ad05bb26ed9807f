/**
 * The explorer, beside a loop over the tracee that does no more than it must, and beside the program that forks itself for
 * each state; and models that are no programs.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import wabt from 'wabt'

import { explore, Program, WasmModel } from '../lib/explore/index.js'
import { PageStore, type Snapshot, Tracee } from '../lib/index.js'
import type { Figures, Sizes } from './sizes.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const steps = join(root, 'build-bench/native/bench/steps')
const megabyte = 2 ** 20
/** Megabytes beside what the program needs. */
export const ballasts = [0, 16, 256] as const

/** Figures are nanoseconds for a transition, called `explorer steps/16` and the like, and bytes for a state. */
export async function explorerRound({ pages }: Sizes): Promise<Figures> {
  const figures: Figures = new Map()
  const transitions = Math.min(20_000, pages)
  for (const ballast of ballasts) {
    const bytes = Math.min(ballast * megabyte, pages * 2048)
    figures.set(`loop steps/${ballast}`, loop([String(bytes), '0', 'declared'], transitions))
    const found = await explore(new Program(steps, [String(bytes), '0', 'declared']), {
      maxTransitions: transitions,
    })
    figures.set(`explorer steps/${ballast}`, (found.seconds * 1e9) / found.transitions)
    figures.set(`fork steps/${ballast}`, Number(execFileSync(steps, [String(bytes), '100'], { encoding: 'utf8' })))
  }
  figures.set('bytes puzzle', await puzzle(pages))
  figures.set('wasm philosophers', await philosophers())
  return figures
}

/** Breadth first, with a set of keys. */
function loop(args: string[], most: number): number {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, steps, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  const first = tracee.resume()
  const start = { snapshot: tracee.capture(), alternatives: first.kind === 'choice' ? first.alternatives : 0 }
  const queue: { snapshot: Snapshot; alternatives: number }[] = [start]
  const seen = new Set([start.snapshot.key])
  let transitions = 0
  const began = performance.now()
  for (const { snapshot, alternatives } of queue) {
    for (let choose = 0; choose < alternatives && transitions < most; choose++) {
      tracee.restore(snapshot)
      const stop = tracee.resume({ choose })
      transitions++
      const next = tracee.capture()
      if (stop.kind !== 'choice' || seen.has(next.key)) {
        next.release()
        continue
      }
      seen.add(next.key)
      queue.push({ snapshot: next, alternatives: stop.alternatives })
    }
    if (transitions >= most) break
  }
  const milliseconds = performance.now() - began
  store.close()
  return (milliseconds * 1e6) / transitions
}

/** All of the 8-puzzle where there is time for it. */
async function puzzle(pages: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'pagestore-bench-'))
  try {
    const program = join(folder, 'puzzle')
    execFileSync('cc', ['-O2', '-o', program, join(root, 'examples/models/puzzle.c')])
    const { bytesPerState } = await explore(new Program(program), { maxStates: pages < 100_000 ? 2000 : 181_440 })
    return bytesPerState
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function philosophers(): Promise<number> {
  const { parseWat } = await wabt()
  const text = readFileSync(join(root, 'examples/models/philosophers.wat'), 'utf8').replace('5 (; N ;)', '8 (; N ;)')
  const model = new WasmModel(parseWat('philosophers.wat', text).toBinary({}).buffer)
  let seconds = 0
  let transitions = 0
  for (let i = 0; i < 20; i++) {
    const found = await explore(model)
    seconds += found.seconds
    transitions += found.transitions
  }
  return (seconds * 1e9) / transitions
}
