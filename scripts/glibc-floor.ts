import { execFileSync } from 'node:child_process'

/** The newest version of each family of symbols that Node itself asks for: glibc 2.28, and GCC 8's C++ library. */
export const nodesFloor: ReadonlyMap<string, string> = new Map([
  ['GLIBC', '2.28'],
  ['GLIBCXX', '3.4.25'],
  ['CXXABI', '1.3.11'],
  ['GCC', '8.0.0'],
])

/** The versions that a shared object asks for, of any architecture: `GLIBC_2.28`. As readelf (binutils) tells. */
export function symbolVersions(file: string): string[] {
  const env = { ...process.env, LC_ALL: 'C' }
  return parseVersions(execFileSync('readelf', ['--version-info', '--wide', file], { encoding: 'utf8', env }))
}

export function parseVersions(printed: string): string[] {
  return [...new Set([...printed.matchAll(/ Name: (\S+)/g)].map(([, name]) => name!))]
}

/** Those that are newer, or that are no number of a family that is known: `GLIBC_ABI_DT_RELR`, `GLIBC_PRIVATE`. */
export function beyond(versions: readonly string[], floor: ReadonlyMap<string, string>): string[] {
  return versions.filter((name) => {
    const [, family, version] = /^([A-Z]+)_([\d.]+)$/.exec(name) ?? []
    const limit = floor.get(family ?? '')
    return version === undefined || limit === undefined || order(version, limit) > 0
  })
}

/** The newest of each family. */
export function newest(versions: readonly string[]): string[] {
  const families = new Map<string, string>()
  for (const name of [...versions].sort(order)) families.set(name.replace(/_[^_]*$/, ''), name)
  return [...families.values()]
}

function order(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
