import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { inject } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A folder that goes when the test does: `using folder = newFolder()`. */
export function newFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'pagestore-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export const tarball = inject('tarball')

/** The tarball without what was prebuilt. */
export function withoutPrebuilds(folder: string): string {
  execFileSync('tar', ['xzf', tarball], { cwd: folder })
  rmSync(join(folder, 'package/prebuilds'), { recursive: true })
  execFileSync('tar', ['czf', 'bare.tgz', 'package'], { cwd: folder })
  return join(folder, 'bare.tgz')
}

/** Installs what test/package/npm names, and returns where. */
export function installNpms(): string {
  const folder = join(root, 'build-npms')
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'test/package/npm/package.json'), join(folder, 'package.json'))
  execFileSync('npm', ['install', '--no-package-lock', '--ignore-scripts'], { cwd: folder, stdio: 'pipe' })
  return join(folder, 'node_modules')
}

export function whereIs(tool: string): string {
  return execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim()
}

/** A PATH with the given node and a shell, and so with no compiler, make or Python. */
export function barePath(folder: string, node: string): string {
  const path = join(folder, 'bin')
  mkdirSync(path)
  for (const tool of ['sh', 'env', 'uname']) symlinkSync(whereIs(tool), join(path, tool))
  symlinkSync(node, join(path, 'node'))
  return path
}

export interface Npm {
  node: string
  script: string
}

export function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 26 })
}

/** An empty project, which lets the scripts of what is `packed` run: npm 12 wants that said. */
export function newProject(folder: string, packed: string): string {
  const project = join(folder, 'project')
  mkdirSync(project)
  const allowScripts = { [`file:${packed}`]: true, 'xxhash-addon': true }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, allowScripts }))
  return project
}
