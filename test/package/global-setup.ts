import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** What `npm pack` made, and `npm publish` would send. */
    tarball: string
  }
}

export function setup({ provide }: TestProject): void {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const tarball = join(root, `pagestore-${version}.tgz`)
  if (!existsSync(tarball)) throw new Error(`there is no ${tarball}: npm run test:package makes it`)
  provide('tarball', tarball)
}
