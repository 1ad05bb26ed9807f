/**
 * Builds the addon as it is shipped, for each architecture, into prebuilds/: from a copy of just those files that the
 * package ships, so that whoever builds from source has what it takes. `npm run prebuild [-- x64 | arm64]`.
 */
import { execFileSync } from 'node:child_process'
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
const prefixes: Record<Architecture, string> = { x64: 'x86_64-linux-gnu-', arm64: 'aarch64-linux-gnu-' }

const root = fileURLToPath(new URL('../..', import.meta.url))

function build(architecture: Architecture): string {
  const folder = join(root, 'build-prebuild', architecture)
  rmSync(folder, { recursive: true, force: true })
  copyToBuild(root, folder)
  const into = join(root, 'prebuilds', `linux-${architecture}`)
  rmSync(into, { recursive: true, force: true })

  const prefix = architecture === process.arch ? '' : prefixes[architecture]
  const tools = { CC: `${prefix}gcc`, CXX: `${prefix}g++`, AR: `${prefix}ar`, JOBS: String(availableParallelism()) }
  const options = ['--napi', '--strip', '--tag-libc=glibc', `--target=${process.version}`, `--arch=${architecture}`]
  execFileSync(
    join(root, 'node_modules/.bin/prebuildify'),
    [...options, `--strip-bin=${prefix}strip`, '--quiet', `--cwd=${folder}`, `--out=${root}`],
    { env: { ...process.env, ...tools }, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const [file] = readdirSync(into)
  return join(into, file!)
}

const command = new Command('npm run prebuild --')
  .addArgument(new Argument('[architectures...]', 'which; all without').choices(architectures))
  .parse()
for (const architecture of architectures.filter((name) => command.args.length === 0 || command.args.includes(name))) {
  const file = build(architecture)
  const versions = symbolVersions(file)
  const tooNew = beyond(versions, nodesFloor)
  if (tooNew.length > 0) {
    rmSync(file)
    throw new Error(`linux-${architecture} asks for ${tooNew.join(', ')}, which a system that runs Node may lack`)
  }
  console.error(`${file.slice(root.length)}: ${newest(versions).join(', ')}`)
}
