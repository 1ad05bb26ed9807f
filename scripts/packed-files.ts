import { execFileSync } from 'node:child_process'

/** The files that `npm pack` would ship, relative to the package's folder. */
export function packedFiles(folder: string): string[] {
  // Scripts would print into the answer, and compile what is compiled.
  const printed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const packs: unknown = JSON.parse(printed)
  // npm 11 lists the packages, npm 12 gives each by its name.
  const [pack] = Object.values(packs as Record<string, { files: { path: string }[] }>)
  return pack!.files.map((file) => file.path)
}
