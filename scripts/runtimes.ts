/**
 * Tries the package, as it would be published, on every runtime that test/runtimes/package.json names: the whole suite on
 * each Node, and what test/runtimes/capability.mjs lists on all. `npm run test:runtimes [-- --write] [-- --no-suite]`:
 * the table must be that of docs/runtimes.md, or is written there.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'

interface Runtime {
  name: string
  command: string[]
  /** Whether the whole suite runs there. */
  suite: boolean
}

const { write, suite: wantsSuite } = new Command('npm run test:runtimes --')
  .option('--write', 'writes the table into docs/runtimes.md')
  .option('--no-suite', 'leaves the suite out')
  .parse()
  .opts<{ write?: true; suite: boolean }>()

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'build-runtimes')
const project = join(folder, 'project')
const modules = join(folder, 'node_modules')

function install(): void {
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'test/runtimes/package.json'), join(folder, 'package.json'))
  // One of them is for another processor.
  execFileSync('npm', ['install', '--no-package-lock', '--ignore-scripts', '--force'], { cwd: folder, stdio: 'pipe' })
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.tgz'))) rmSync(join(folder, name))
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root, stdio: 'pipe' })
  const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'))
  rmSync(project, { recursive: true, force: true })
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  execFileSync('npm', ['install', '--no-package-lock', '--ignore-scripts', `../${tarball}`], {
    cwd: project,
    stdio: 'pipe',
  })
  cpSync(join(root, 'test/runtimes/capability.mjs'), join(project, 'capability.mjs'))
}

function runtimes(): Runtime[] {
  const node = (name: string, suite: boolean) =>
    [join(modules, name, 'bin/node')].map((command) => ({ name, command, suite }))
  // Bun has a build for processors without AVX2.
  const hasAvx2 = readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2 ')
  const bun = join(modules, hasAvx2 ? 'bun' : 'bun-baseline', 'bin/bun')
  const emulator = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu']
  return [
    ...['node-20', 'node-22', 'node-24', 'node-26'].flatMap((name) => node(name, true)),
    { name: 'bun', command: bun, suite: false },
    { name: 'deno', command: join(modules, 'deno/deno'), suite: false },
    ...node('node-arm64', false),
  ].map(({ name, command, suite }) => ({
    name,
    suite,
    command:
      name === 'node-arm64' ? [...emulator, command] : name === 'deno' ? [command, 'run', '--allow-all'] : [command],
  }))
}

function versionOf({ name, command }: Runtime): string {
  const [file, ...args] = name === 'deno' ? [command[0]!] : command
  const printed = execFileSync(file!, [...args, '--version'], { encoding: 'utf8' })
  const version = /\d+\.\d+/.exec(printed)?.[0]
  const named: Record<string, string> = { bun: 'Bun', deno: 'Deno', 'node-arm64': 'Node on arm64 (QEMU)' }
  return `${named[name] ?? 'Node'} ${version}`
}

function passesSuite({ name, command: [node] }: Runtime): string {
  console.log(`the suite on ${name}`)
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { status } = spawnSync(node!, [vitest, 'run', '--project', 'default', '--reporter', 'dot'], {
    cwd: root,
    stdio: 'inherit',
    // The addon that is shipped, and not the one that was built here.
    env: { ...process.env, PAGESTORE_PREBUILD: join(project, 'node_modules/pagestore') },
  })
  return status === 0 ? 'yes' : 'no'
}

function tries({ command: [file, ...args] }: Runtime, capability: string): string {
  const { stdout, stderr, signal, error } = spawnSync(file!, [...args, 'capability.mjs', capability], {
    cwd: project,
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (error !== undefined) return error.message
  const said = stdout.trim() || stderr.trim().split('\n')[0] || 'nothing said'
  return signal === null ? said : `${signal}: ${said}`
}

function row(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

install()
const all = runtimes()
const capabilities: string[] = JSON.parse(
  execFileSync(all[0]!.command[0]!, ['capability.mjs'], { cwd: project, encoding: 'utf8' }),
)
const lines = [row(['', ...all.map(versionOf)]), row(['', ...all].map(() => '---'))]
for (const capability of capabilities)
  lines.push(row([capability, ...all.map((runtime) => tries(runtime, capability))]))
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
else if (between.exec(text)?.[0] !== table) {
  console.error('docs/runtimes.md has another table')
  process.exitCode = 1
}

const failed = wantsSuite ? all.filter((runtime) => runtime.suite && passesSuite(runtime) === 'no') : []
if (failed.length > 0) {
  console.error(`the suite fails on ${failed.map(({ name }) => name).join(', ')}`)
  process.exitCode = 1
}
