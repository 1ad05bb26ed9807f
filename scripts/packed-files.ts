import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The files that `npm pack` would ship, relative to the package's folder. */
export function packedFiles(root: string): string[] {
  // Scripts would print into the answer, and compile what is compiled.
  const printed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const packs: unknown = JSON.parse(printed)
  // npm 11 lists the packages, npm 12 gives each by its name.
  const [pack] = Object.values(packs as Record<string, { files: { path: string }[] }>)
  return pack!.files.map((file) => file.path)
}

/** Copies what would be shipped, without what is prebuilt, to where it can be built. */
export function copyToBuild(root: string, folder: string): void {
  for (const file of packedFiles(root).filter((name) => !name.startsWith('prebuilds/'))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
}
