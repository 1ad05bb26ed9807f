/**
 * Boots Debian's kernels, which QEMU emulates, and tries what depends on a kernel and a processor: trackers compared with
 * an observer that reads everything, the counts of the models, and what becomes of threads that are stopped and
 * interrupted. `npm run test:kernels [-- [--only NAME,NAME] [TEST...]]`. scripts/machines/machine.ts says what is there.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Argument, Command } from 'commander'

import { countModels } from './machines/counts.js'
import { checkout, type MachineName, machineNames, runIn } from './machines/machine.js'

const all: readonly MachineName[] = ['x86-64-6.1', 'x86-64-6.12', 'arm64-6.12']
const tracked = [
  'test/snapshots/remaps.test.ts',
  'test/snapshots/writers.test.ts',
  'test/snapshots/local-memory.test.ts',
  'test/tracee/stops.test.ts',
  'test/tracee/registers.test.ts',
  'test/tracee/interrupted.test.ts',
]

const command = new Command('npm run test:kernels --')
  .option('--only <names>', `these machines alone, of ${machineNames.join(', ')}; by commas`)
  .addArgument(new Argument('[tests...]', 'files, as vitest takes them, instead of those that are run by default'))
  .parse()
const names = command.opts<{ only?: string }>().only?.split(',')
const only = names === undefined ? all : machineNames.filter((name) => names.includes(name))
const tests = command.args.length > 0 ? command.args : tracked

/** The addon for arm64 is built here: there is no compiler of C++ in the machine. */
function buildForArm64(): void {
  const addon = join(checkout, 'prebuilds/linux-arm64/pagestore.glibc.node')
  const sources = execFileSync('git', ['ls-files', 'native', 'binding.gyp'], { cwd: checkout, encoding: 'utf8' }).split(
    '\n',
  )
  const isNewer = (file: string) => file !== '' && statSync(join(checkout, file)).mtimeMs > statSync(addon).mtimeMs
  const isCurrent = existsSync(addon) && !sources.some((file) => !file.startsWith('native/test/') && isNewer(file))
  if (!isCurrent)
    execFileSync('npm', ['run', '--silent', 'prebuild', '--', 'arm64'], { cwd: checkout, stdio: 'inherit' })
}

const started = Date.now()
if (only.some((name) => name.startsWith('arm64'))) buildForArm64()
const expected = countModels(checkout)
const failures: string[] = []
for (const name of only) {
  console.log(`=== ${name}`)
  const began = Date.now()
  const env = { CI: 'true', NO_COLOR: '1', PAGESTORE_TEST_ROUNDS: process.env['PAGESTORE_TEST_ROUNDS'] ?? '40' }
  const { code, results } = runIn(name, { command: ['node', 'dist/scripts/machines/guest.js', ...tests], env })
  if (code !== 0) failures.push(`${name}: ended with ${code}`)
  const counted = JSON.parse(readFileSync(join(results, 'counts.json'), 'utf8'))
  for (const [model, saying] of Object.entries(expected)) {
    if (counted[model] !== saying) failures.push(`${name}: check of ${model} said ${counted[model]}, and not ${saying}`)
  }
  console.log(`=== ${name}: ${Math.round((Date.now() - began) / 1000)} s`)
}
for (const failure of failures) console.error(`failed: ${failure}`)
console.log(`${Object.keys(expected).length} models counted, in ${Math.round((Date.now() - started) / 1000)} s`)
process.exitCode = failures.length === 0 ? 0 : 1
