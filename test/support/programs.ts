import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll } from 'vitest'

/** A folder for what a test file makes. */
export function ownFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, 'pagestore-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function isInstalled(tool: string): boolean {
  return spawnSync(tool, ['--version']).status === 0
}

/** Compiles a C program, and returns its path. */
export function compile(folder: string, name: string, source: string, ...flags: string[]): string {
  const file = join(folder, name)
  writeFileSync(`${file}.c`, source)
  execFileSync('cc', ['-O1', '-o', file, `${file}.c`, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] })
  return file
}
