/**
 * Builds what is under development, and again whenever a source changes; then runs the tests that it was given.
 *
 *   npm run dev                                      the addon and dist/
 *   npm run dev -- test/misuse.test.ts               and these tests after each build
 *   npm run dev -- --sanitize address,undefined ...  with sanitizers, the tests as well
 *   npm run dev -- --debug                           not optimized, for a debugger
 *   npm run dev -- --once ...                        no waiting for changes; ends with the status of the tests
 *
 * The addon lands in a folder of its own, away from what node-gyp builds for everyday use.
 */
import { execFileSync, type SpawnSyncOptions, spawnSync } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { watch } from 'chokidar'
import { Command } from 'commander'

interface Options {
  once?: true
  sanitize?: string
  debug?: true
  counts?: string
}

const command = new Command('npm run dev --')
  .description('Builds the addon and dist/, and again whenever a source changes; then runs the tests that are named.')
  .argument('[tests...]', 'files, as vitest takes them')
  .option('--sanitize <list>', 'sanitizers, as for -fsanitize: address,undefined')
  .option('--debug', 'not optimized, for a debugger')
  .option('--counts <type>', 'the type of a reference count: uint8_t reaches its limit sooner')
  .option('--once', 'builds once and ends')
  .parse()
const tests = command.args
const { once, sanitize, debug, counts } = command.opts<Options>()

const root = fileURLToPath(new URL('../..', import.meta.url))
const name = [
  'build-dev',
  ...(debug ? ['debug'] : []),
  ...(sanitize?.split(',') ?? []),
  ...(counts ? [counts] : []),
].join('-')
const config = debug ? 'Debug' : sanitize === undefined ? 'Release' : 'RelWithDebInfo'
const folder = join(root, name)

function succeeds(file: string, args: string[], options: SpawnSyncOptions = {}): boolean {
  return spawnSync(file, args, { cwd: root, stdio: 'inherit', ...options }).status === 0
}

function tool(file: string): string {
  return join(root, 'node_modules/.bin', file)
}

function buildAddon(): boolean {
  const define = {
    PAGESTORE_TESTS: 'OFF',
    PAGESTORE_ADDON: 'ON',
    PAGESTORE_SANITIZE: sanitize ?? '',
    PAGESTORE_COUNT_TYPE: counts ?? '',
  }
  const built = succeeds(tool('cmake-js'), [
    'build',
    `--out=${folder}`,
    `--config=${config}`,
    `--parallel=${availableParallelism()}`,
    '--log-level=error',
    ...Object.entries(define).map(([key, value]) => `--CD${key}=${value}`),
  ])
  if (built && !once) showToEditors()
  return built
}

/** Where they look for how each file is compiled. */
function showToEditors(): void {
  const link = join(root, 'compile_commands.json')
  rmSync(link, { force: true })
  symlinkSync(join(name, 'compile_commands.json'), link)
}

function buildScripts(): boolean {
  return succeeds('npm', ['run', 'prepare', '--silent'])
}

// Node itself is not built with sanitizers: their library has to be there before it.
function environment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { PAGESTORE_PREBUILD: folder }
  if (counts !== undefined) env['PAGESTORE_COUNTS'] = 'narrow'
  if (sanitize?.includes('address')) {
    env['LD_PRELOAD'] = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
    env['ASAN_OPTIONS'] = 'detect_leaks=0'
  } else if (sanitize?.includes('thread')) {
    env['LD_PRELOAD'] = execFileSync('gcc', ['-print-file-name=libtsan.so'], { encoding: 'utf8' }).trim()
  }
  return env
}

function runTests(): boolean {
  const env = environment()
  const words = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  if (tests.length === 0) {
    console.log(`built; to use it: ${words.join(' ')} node ...`)
    return true
  }
  const args = ['run', '--project', 'default', `--maxWorkers=${availableParallelism()}`, ...tests]
  return succeeds(tool('vitest'), args, { env: { ...process.env, ...env } })
}

// What was built is as old as its last success, however often a build fails.
const isStale = { addon: true, scripts: true }

/** Takes note of a changed file, relative to the root. */
function note(file: string): void {
  if (/^(native\/(?!test|bench)|CMakeLists\.txt)/.test(file)) isStale.addon = true
  if (/^(lib|scripts|examples|bench)\/.*\.ts$/.test(file)) isStale.scripts = true
}

function buildAndTest(): boolean {
  if (isStale.addon && !buildAddon()) return false
  isStale.addon = false
  if (isStale.scripts && !buildScripts()) return false
  isStale.scripts = false
  return runTests()
}

const isGood = buildAndTest()
if (once) {
  process.exitCode = isGood ? 0 : 1
} else {
  const folders = ['native', 'include', 'lib', 'scripts', 'examples', 'bench', 'test', 'CMakeLists.txt']
  const watcher = watch(
    folders.map((file) => join(root, file)),
    { ignoreInitial: true },
  )
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  watcher.on('all', (_, path) => {
    const file = relative(root, path)
    note(file)
    changed.add(file)
    clearTimeout(timer)
    // An editor that saves everything touches many files one after the other.
    timer = setTimeout(() => {
      console.log(`changed: ${[...changed].join(', ')}`)
      changed.clear()
      buildAndTest()
    }, 200)
  })
  watcher.on('ready', () => console.log('waiting for changes'))
}
