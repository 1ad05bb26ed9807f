/**
 * Tries the package, as it would be published, on every runtime that test/runtimes/package.json names: the whole suite on
 * each Node, and what test/runtimes/capability.mjs lists on all. `npm run test:runtimes [-- --write] [-- --no-suite]`:
 * the table must be that of docs/runtimes.md, or is written there. `-- --quick`: the quick part of the suite alone, on each
 * Node, with the addon that was built here.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'

interface Runtime {
  title: string
  command: string[]
  /** Says its version. */
  version: string[]
  /** Whether the whole suite runs there. */
  suite: boolean
}

const {
  write,
  suite: wantsSuite,
  quick,
} = new Command('npm run test:runtimes --')
  .option('--write', 'writes the table into docs/runtimes.md')
  .option('--no-suite', 'leaves the suite out')
  .option('--quick', 'runs the quick part of the suite alone, with the addon that was built here')
  .parse()
  .opts<{ write?: true; suite: boolean; quick?: true }>()

/** The store, snapshots, what tracees can do, and searches of models. */
const quickPart = [
  ...['store-page', 'get-page', 'references', 'tables', 'workers', 'snapshots/local-memory', 'snapshots/map'],
  ...['snapshots/key', 'tracee/start', 'tracee/registers', 'tracee/rollback', 'cli/check'],
].map((name) => `test/${name}.test.ts`)

/** What every runtime must be able to do, whatever the table says. */
const required = [
  'pages stored, counted and released',
  'snapshots of a Buffer, restored',
  'snapshots of WebAssembly, restored',
  'memory given up, and collected',
  'a store shared with a Worker',
]

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'build-runtimes')
const project = join(folder, 'project')

function npmInstall(cwd: string, ...args: string[]): void {
  execFileSync('npm', ['install', '--no-package-lock', '--ignore-scripts', ...args], { cwd, stdio: 'pipe' })
}

function installRuntimes(): void {
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'test/runtimes/package.json'), join(folder, 'package.json'))
  // One of them is for another processor.
  npmInstall(folder, '--force')
}

/** Beside them a project that has what `npm pack` made. */
function installPackage(): void {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  rmSync(project, { recursive: true, force: true })
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  npmInstall(project, join(root, `pagestore-${version}.tgz`))
  cpSync(join(root, 'test/runtimes/capability.mjs'), join(project, 'capability.mjs'))
}

function runtimes(): Runtime[] {
  const at = (file: string) => join(folder, 'node_modules', file)
  const node = (name: string, title = 'Node', ...emulator: string[]): Runtime => {
    const run = [...emulator, at(`${name}/bin/node`)]
    return { title, command: [...run, '--expose-gc'], version: [...run, '--version'], suite: emulator.length === 0 }
  }
  // Bun has a build for processors without AVX2.
  const hasAvx2 = readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2 ')
  const bun = at(hasAvx2 ? 'bun/bin/bun' : 'bun-baseline/bin/bun')
  const deno = at('deno/deno')
  return [
    node('node-20'),
    node('node-22'),
    node('node-24'),
    node('node-26'),
    { title: 'Bun', command: [bun], version: [bun, '--version'], suite: false },
    {
      title: 'Deno',
      command: [deno, 'run', '--allow-all', '--v8-flags=--expose-gc'],
      version: [deno, '--version'],
      suite: false,
    },
    node('node-arm64', 'Node on arm64 (QEMU)', 'qemu-aarch64', '-L', '/usr/aarch64-linux-gnu'),
  ]
}

function nameOf({ title, version: [file, ...args] }: Runtime): string {
  return `${title} ${/\d+\.\d+/.exec(execFileSync(file!, args, { encoding: 'utf8' }))?.[0]}`
}

function passesSuite(runtime: Runtime, ...tests: string[]): boolean {
  console.log(`the suite on ${nameOf(runtime)}`)
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { status } = spawnSync(
    runtime.command[0]!,
    [vitest, 'run', '--project', 'default', '--reporter', 'dot', ...tests],
    {
      cwd: root,
      stdio: 'inherit',
      // The addon that is shipped, and not the one that was built here.
      env: quick ? process.env : { ...process.env, PAGESTORE_PREBUILD: join(project, 'node_modules/pagestore') },
    },
  )
  return status === 0
}

/** `yes`, or what stood in the way. */
function tries({ command: [file, ...args] }: Runtime, capability: string): string {
  const { stdout, stderr, signal, status } = spawnSync(file!, [...args, 'capability.mjs', capability], {
    cwd: project,
    encoding: 'utf8',
  })
  if (signal !== null) return `ended by ${signal}`
  if (status === 0 && stdout.trim() !== '') return stdout.trim()
  console.error(stderr)
  return `ended with ${status}`
}

function row(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function fail(failures: readonly string[]): void {
  for (const failure of failures) console.error(`failed: ${failure}`)
  process.exitCode = failures.length === 0 ? 0 : 1
}

installRuntimes()
const all = runtimes()
if (quick) {
  const nodes = all.filter(({ suite }) => suite)
  fail(nodes.filter((runtime) => !passesSuite(runtime, ...quickPart)).map(nameOf))
  process.exit()
}
installPackage()
const failures: string[] = []
const capabilities: string[] = JSON.parse(
  execFileSync(all[0]!.command[0]!, ['capability.mjs'], { cwd: project, encoding: 'utf8' }),
)
for (const capability of required) if (!capabilities.includes(capability)) failures.push(`nothing tries ${capability}`)

const lines = [row(['', ...all.map(nameOf)]), row(['', ...all].map(() => '---'))]
for (const capability of capabilities) {
  const said = all.map((runtime) => tries(runtime, capability))
  lines.push(row([capability, ...said]))
  if (required.includes(capability) && said.some((word) => word !== 'yes')) failures.push(capability)
}
const table = lines.join('\n')
console.log(table)

const page = join(root, 'docs/runtimes.md')
const text = readFileSync(page, 'utf8')
const between = /(?<=<!-- npm run test:runtimes -->\n)[\s\S]*?(?=\n<!-- end -->)/
if (write)
  writeFileSync(
    page,
    text.replace(between, () => table),
  )
else if (between.exec(text)?.[0] !== table) failures.push('docs/runtimes.md has another table')

if (wantsSuite) {
  for (const runtime of all.filter(({ suite }) => suite)) {
    if (!passesSuite(runtime)) failures.push(`the suite on ${nameOf(runtime)}`)
  }
}
fail(failures)
