import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type PageStore, type SpawnOptions, Tracee } from 'pagestore'

import { ownFolder } from './programs.js'
import { build } from './tracees.js'

const program = build('file-steps.c')
const parent = ownFolder()

/** Starts `test/programs/file-steps.c` with its steps, each of them a line of acts. */
export function startFileSteps(store: PageStore, steps: readonly string[], options: SpawnOptions = {}) {
  const folder = mkdtempSync(join(parent, 'steps-'))
  const warnings: string[] = []
  const args = steps.flatMap((step) => [...step.split(' ').filter((act) => act !== ''), '.'])
  const prepare = (name: string, text: string) => writeFileSync(join(folder, name), text, 'latin1')
  prepare('log', 'so far\n')
  prepare('other', 'another file\n')
  const onWarning = (text: string) => void warnings.push(text)
  const tracee = Tracee.spawn(store, program, args, { cwd: folder, stdio: [], onWarning, ...options })
  const contents = (name = 'log') => {
    const path = join(folder, name)
    return existsSync(path) ? readFileSync(path, 'latin1') : undefined
  }
  return { tracee, program, folder, contents, warnings, prepare }
}
