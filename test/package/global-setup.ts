import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The tarball, as it would be published from what is compiled and prebuilt now. */
    tarball: string
  }
}

/** Packs once, before any test compiles something anew. */
export function setup({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'pagestore-'))
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd, stdio: 'pipe' })
  provide('tarball', join(folder, readdirSync(folder)[0]!))
  return () => rmSync(folder, { recursive: true, force: true })
}
