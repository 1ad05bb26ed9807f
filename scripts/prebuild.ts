/**
 * Builds the addon as it is shipped, for each architecture, into prebuilds/: from a copy of just those files that the
 * package ships, so that whoever builds from source has what it takes. `npm run prebuild [-- x64 | arm64]`.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { beyond, floor, symbolVersions } from './glibc-floor.js'
import { packedFiles } from './packed-files.js'

const architectures = ['x64', 'arm64'] as const
type Architecture = (typeof architectures)[number]

// Debian's names; on a machine of that architecture the plain ones.
const prefixes: Record<Architecture, string> = { x64: 'x86_64-linux-gnu-', arm64: 'aarch64-linux-gnu-' }

const root = fileURLToPath(new URL('../..', import.meta.url))

function build(architecture: Architecture): string {
  const folder = join(root, 'build-prebuild', architecture)
  rmSync(folder, { recursive: true, force: true })
  for (const file of packedFiles(root)) {
    if (file.startsWith('prebuilds/')) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
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

const asked = process.argv.slice(2)
for (const architecture of architectures.filter((name) => asked.length === 0 || asked.includes(name))) {
  const file = build(architecture)
  const versions = symbolVersions(file)
  const tooNew = beyond(versions, floor)
  if (tooNew.length > 0) {
    rmSync(file)
    throw new Error(`linux-${architecture} asks for ${tooNew.join(', ')}, which a system that runs Node may lack`)
  }
  console.log(`${file.slice(root.length)}: ${[...versions].map((words) => words.join(' ')).join(', ')}`)
}
