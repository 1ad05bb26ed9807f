/**
 * Builds what is under development and runs the tests that it was given; then vitest waits for changes, and does both again.
 *
 *   npm run dev -- test/misuse.test.ts               the addon and dist/, and these tests after each build
 *   npm run dev -- --sanitize address,undefined ...  with sanitizers, the tests as well
 *   npm run dev -- --once ...                        no waiting for changes; ends with the status of the tests
 *   npm run dev -- --once --debug                    without tests: builds an addon that is not optimized, for a debugger
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { build, folderOf, type Kind } from './dev-build.js'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

// Node itself is not built with sanitizers: their library has to be there before it.
function environment(kind: Kind): Record<string, string> {
  const library = (name: string) => execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()
  return {
    PAGESTORE_PREBUILD: join(root, folderOf(kind)),
    ...(kind.counts !== undefined && { PAGESTORE_COUNTS: 'narrow' }),
    ...(kind.sanitize?.includes('address') && { LD_PRELOAD: library('libasan.so'), ASAN_OPTIONS: 'detect_leaks=0' }),
    ...(kind.sanitize?.includes('thread') && { LD_PRELOAD: library('libtsan.so') }),
  }
}

/** Where editors look for how each file is compiled. */
function showToEditors(folder: string): void {
  const link = join(root, 'compile_commands.json')
  rmSync(link, { force: true })
  symlinkSync(join(folder, 'compile_commands.json'), link)
}

const command = new Command('npm run dev --')
  .description('Builds the addon and dist/ and runs tests, and again whenever a source changes.')
  .argument('[tests...]', 'files, as vitest takes them; all without')
  .option('--sanitize <list>', 'sanitizers, as for -fsanitize: address,undefined')
  .option('--debug', 'not optimized, for a debugger')
  .option('--counts <type>', 'the type of a reference count: uint8_t reaches its limit sooner')
  .option('--once', 'does not wait for changes; without tests it only builds')
  .parse()
const { once, ...kind } = command.opts<Kind & { once?: true }>()
const tests = command.args
const env = environment(kind)

if (once && tests.length === 0) {
  build(root, kind)
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  console.log(`built; to use it: ${settings.join(' ')} node ...`)
} else {
  if (!once) showToEditors(folderOf(kind))
  const args = [once ? 'run' : 'watch', '--project', 'dev', `--maxWorkers=${availableParallelism()}`, ...tests]
  const { status } = spawnSync(join(root, 'node_modules/.bin/vitest'), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env, PAGESTORE_DEV: JSON.stringify(kind) },
  })
  process.exitCode = status ?? 1
}
