/**
 * The addon and dist/ as they are under development, with what was asked for. Vitest builds them by `setup` before it runs
 * tests for `npm run dev`, and again before it runs them anew.
 *
 * cmake-js builds into a folder of its own, away from what node-gyp builds for everyday use.
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

export interface Kind {
  /** As for -fsanitize: `address,undefined`. */
  sanitize?: string
  /** Not optimized. */
  debug?: true
  /** The type of a reference count. */
  counts?: string
}

/** The folder of the addon, relative to the root. */
export function folderOf({ sanitize, debug, counts }: Kind): string {
  return ['build-dev', ...(debug ? ['debug'] : []), ...(sanitize?.split(',') ?? []), ...(counts ? [counts] : [])].join(
    '-',
  )
}

export function build(root: string, kind: Kind): void {
  const config = kind.debug ? 'Debug' : kind.sanitize === undefined ? 'Release' : 'RelWithDebInfo'
  const run = (file: string, ...args: string[]) =>
    // A sanitizer's library is for the tests alone.
    execFileSync(file, args, { cwd: root, stdio: 'inherit', env: { ...process.env, LD_PRELOAD: '' } })
  run(
    'node_modules/.bin/cmake-js',
    'build',
    `--out=${root}/${folderOf(kind)}`,
    `--config=${config}`,
    `--parallel=${process.env['JOBS'] ?? availableParallelism()}`,
    '--log-level=error',
    `--CDPAGESTORE_SANITIZE=${kind.sanitize ?? ''}`,
    `--CDPAGESTORE_COUNT_TYPE=${kind.counts ?? ''}`,
  )
  run('npm', 'run', 'prepare', '--silent')
}

export function setup(project: TestProject): void {
  const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
  const kind: Kind = JSON.parse(process.env['PAGESTORE_DEV'] ?? '{}')
  build(root, kind)
  project.onTestsRerun(() => {
    try {
      build(root, kind)
    } catch {
      console.error('not built: the tests run with what was built before')
    }
  })
}
