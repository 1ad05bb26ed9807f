import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The packages for arm64 of what is here for this processor: of the same version, as npm brings them. */
const forArm64 = { rolldown: '@rolldown/binding-linux-arm64-gnu', lightningcss: 'lightningcss-linux-arm64-gnu' }

function versionOf(folder: string): string {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
}

/** Where those packages lie, and where they are looked for. */
export function linksForArm64(checkout: string, cache: string): [from: string, to: string][] {
  const pairs = Object.values(forArm64).map((name): [string, string] => [
    join(cache, 'npm-arm64/node_modules', name),
    join(checkout, 'node_modules', name),
  ])
  return pairs.filter(([from]) => existsSync(from))
}

/** A Node for arm64, and what vitest needs there. The path of its program. */
export function bringNode(checkout: string, cache: string): string {
  const folder = join(cache, 'npm-arm64')
  const { dependencies } = JSON.parse(readFileSync(join(checkout, 'test/runtimes/package.json'), 'utf8'))
  const wanted: Record<string, string> = { 'node-arm64': dependencies['node-arm64'] }
  for (const [name, other] of Object.entries(forArm64)) {
    const own = join(checkout, 'node_modules', name)
    if (existsSync(own)) wanted[other] = versionOf(own)
  }
  const manifest = JSON.stringify({ private: true, dependencies: wanted })
  const file = join(folder, 'package.json')
  const node = join(folder, 'node_modules/node-arm64/bin/node')
  if (existsSync(node) && readFileSync(file, 'utf8') === manifest) return node
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, manifest)
  // They are for another processor.
  execFileSync('npm', ['install', '--no-package-lock', '--ignore-scripts', '--force'], { cwd: folder, stdio: 'pipe' })
  return node
}
