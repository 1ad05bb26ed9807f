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
  // Where editors look for it.
  const commands = join(root, 'compile_commands.json')
  rmSync(commands, { force: true })
  symlinkSync(join(name, 'compile_commands.json'), commands)
  return built
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
  return succeeds(tool('vitest'), ['run', '--project', 'default', ...tests], { env: { ...process.env, ...env } })
}

const isNative = (file: string) => /^(native|include|CMakeLists\.txt)/.test(relative(root, file))

function buildAndTest(changed: readonly string[] | 'everything'): boolean {
  const addon = changed === 'everything' || changed.some(isNative)
  const scripts = changed === 'everything' || changed.some((file) => file.endsWith('.ts') && !file.includes('/test/'))
  return (!addon || buildAddon()) && (!scripts || buildScripts()) && runTests()
}

const isGood = buildAndTest('everything')
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
  watcher.on('all', (_, file) => {
    changed.add(file)
    clearTimeout(timer)
    // An editor that saves everything touches many files one after the other.
    timer = setTimeout(() => {
      const files = [...changed]
      changed.clear()
      console.log(`changed: ${files.map((path) => relative(root, path)).join(', ')}`)
      buildAndTest(files)
    }, 200)
  })
  watcher.on('ready', () => console.log('waiting for changes'))
}
