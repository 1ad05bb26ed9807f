/**
 * Builds the addon as it is shipped, for each architecture, into prebuilds/: from a copy of just those files that the
 * package ships, so that whoever builds from source has what it takes. `npm run prebuild [-- x64 | arm64]`.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Argument, Command } from 'commander'

import { beyond, newest, nodesFloor, symbolVersions } from './glibc-floor.js'
import { copyToBuild } from './packed-files.js'

const architectures = ['x64', 'arm64'] as const
type Architecture = (typeof architectures)[number]

// Debian's names; on a machine of that architecture the plain ones.
const machines: Record<Architecture, string> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

function prefixOf(architecture: Architecture): string {
  return architecture === process.arch ? '' : `${machines[architecture]}-`
}

/** What a person reads: there is nothing to look for in our code. */
function end(message: string): never {
  console.error(message)
  process.exit(1)
}

/** Before anything is taken away or built: whether what builds for all of them is there. */
function requireTools(chosen: readonly Architecture[]): void {
  for (const architecture of chosen) {
    const tools = ['gcc', 'g++', 'ar', 'strip'].map((tool) => prefixOf(architecture) + tool)
    const missing = tools.filter((tool) => spawnSync(tool, ['--version']).status !== 0)
    if (missing.length === 0) continue
    const wanted = architecture === process.arch ? 'g++' : `g++-${machines[architecture].replace('_', '-')}`
    end(
      `${missing.join(', ')}: not found, so nothing was built for ${architecture}. On Debian: apt-get install ${wanted}`,
    )
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url))

function build(architecture: Architecture): string {
  const folder = join(root, 'build-prebuild', architecture)
  rmSync(folder, { recursive: true, force: true })
  copyToBuild(root, folder)
  const into = join(root, 'prebuilds', `linux-${architecture}`)
  rmSync(into, { recursive: true, force: true })

  const prefix = prefixOf(architecture)
  const tools = { CC: `${prefix}gcc`, CXX: `${prefix}g++`, AR: `${prefix}ar`, JOBS: String(availableParallelism()) }
  const options = ['--napi', '--strip', '--tag-libc=glibc', `--target=${process.version}`, `--arch=${architecture}`]
  const { status } = spawnSync(
    join(root, 'node_modules/.bin/prebuildify'),
    [...options, `--strip-bin=${prefix}strip`, '--quiet', `--cwd=${folder}`, `--out=${root}`],
    { env: { ...process.env, ...tools }, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  if (status !== 0) end(`the addon for ${architecture} was not built: prebuildify ended with ${status}`)
  const [file] = readdirSync(into)
  return join(into, file!)
}

const command = new Command('npm run prebuild --')
  .addArgument(new Argument('[architectures...]', 'which; all without').choices(architectures))
  .parse()
const chosen = architectures.filter((name) => command.args.length === 0 || command.args.includes(name))
requireTools(chosen)
for (const architecture of chosen) {
  const file = build(architecture)
  const versions = symbolVersions(file)
  const tooNew = beyond(versions, nodesFloor)
  if (tooNew.length > 0) {
    rmSync(file)
    end(`linux-${architecture} asks for ${tooNew.join(', ')}, which a system that runs Node may lack`)
  }
  console.error(`${file.slice(root.length)}: ${newest(versions).join(', ')}`)
}
