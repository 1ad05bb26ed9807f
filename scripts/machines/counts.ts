/** What `pagestore check` says of each example model: the same on every kernel and processor. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** By model, all that does not depend on how fast or how large something is. */
export type Counts = Record<string, string>

// The whole puzzle has 181 440 states: too many for a machine that is emulated.
const flagsOf: Record<string, string[]> = { puzzle: ['-DROWS=2'] }

export function countModels(checkout: string): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'pagestore-counts-'))
  const models = join(checkout, 'examples/models')
  const counts: Counts = {}
  for (const file of readdirSync(models).filter((name) => name.endsWith('.c'))) {
    const name = file.slice(0, -2)
    const program = join(folder, name)
    const flags = ['-O1', '-I', join(checkout, 'include'), ...(flagsOf[name] ?? [])]
    execFileSync('cc', [...flags, '-o', program, join(models, file)])
    const main = join(checkout, 'dist/lib/cli/main.js')
    const { stdout, stderr } = spawnSync(process.execPath, [main, 'check', '--json', '--', program], {
      encoding: 'utf8',
    })
    counts[name] = stdout === '' ? stderr.trim() : sayingOf(stdout)
  }
  rmSync(folder, { recursive: true })
  return counts
}

function sayingOf(json: string): string {
  const { complete, states, transitions, depth, deadlocks, violations, warnings } = JSON.parse(json)
  return JSON.stringify({ complete, states, transitions, depth, deadlocks, violations, warnings })
}
