import { execFileSync } from 'node:child_process'

/** The newest version of each family of symbols that a binary asks for: `GLIBC` -> `2.28`. */
export type SymbolVersions = ReadonlyMap<string, string>

/** What Node itself asks for: glibc 2.28, and the C++ library of GCC 8 (Node's BUILDING.md). */
export const floor: SymbolVersions = new Map([
  ['GLIBC', '2.28'],
  ['GLIBCXX', '3.4.25'],
  ['CXXABI', '1.3.11'],
  ['GCC', '8.0.0'],
])

function isNewer(a: string, b: string): boolean {
  return a.localeCompare(b, 'en', { numeric: true }) > 0
}

/** What readelf (binutils) finds in a shared object of any architecture. */
export function symbolVersions(file: string): SymbolVersions {
  const printed = execFileSync('readelf', ['--version-info', '--wide', file], {
    encoding: 'utf8',
    env: { LC_ALL: 'C' },
  })
  const newest = new Map<string, string>()
  for (const [, family, version] of printed.matchAll(/Name: ([A-Z]+)_([0-9.]+)/g)) {
    if (isNewer(version!, newest.get(family!) ?? '0')) newest.set(family!, version!)
  }
  return newest
}

/** Those that are newer than `limit`, or of a family that it does not know. */
export function beyond(versions: SymbolVersions, limit: SymbolVersions): string[] {
  return [...versions]
    .filter(([family, version]) => isNewer(version, limit.get(family) ?? '0'))
    .map(([family, version]) => `${family}_${version}`)
}
