/**
 * Packages of Debian, of a release and an architecture that need not be this machine's: brought into a folder and unpacked
 * there. Nothing gets installed. apt is asked, where this machine's own apt is set to ask; what was brought once is kept.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Archive {
  release: 'bookworm' | 'trixie'
  architecture: 'amd64' | 'arm64'
}

function run(file: string, args: readonly string[], cwd?: string): string {
  return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 26 })
}

/** The places that this machine's apt asks, for another release. */
function sources(release: string): string {
  const own = /^VERSION_CODENAME=(\S+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
  const lines = run('apt-get', ['indextargets', '--format', '$(SITE) $(CODENAME) main', 'Created-By: Packages'])
    .split('\n')
    // Fixes of security are in a suite of their own; others would be of no use for one release that is done.
    .filter((line) => [own, `${own}-security`].includes(line.split(' ')[1]!))
    .map((line) => `deb ${line.replace(` ${own}`, ` ${release}`)}\n`)
  if (lines.length === 0) throw new Error('apt has no list of packages of this Debian: apt-get update')
  return [...new Set(lines)].join('')
}

/** What apt is told so that it works in `folder`, as if nothing was installed, with lists that are there afterwards. */
function settings(folder: string, { release, architecture }: Archive): string[] {
  const at = join(folder, `apt-${release}-${architecture}`)
  const set = (name: string, value: string) => ['-o', `${name}=${value}`]
  const all = [
    ...set('Dir::Etc::sourcelist', join(at, 'sources.list')),
    ...set('Dir::Etc::sourceparts', '/dev/null'),
    ...set('Dir::State', join(at, 'state')),
    ...set('Dir::State::status', join(at, 'status')),
    ...set('Dir::Cache', join(at, 'cache')),
    ...set('Dir::Cache::archives', join(folder, 'packages')),
    ...set('APT::Architecture', architecture),
    ...set('APT::Architectures', architecture),
    ...set('APT::Sandbox::User', ''),
    ...set('Acquire::Languages', 'none'),
    ...set('Debug::NoLocking', '1'),
  ]
  if (existsSync(join(at, 'ready'))) return all
  mkdirSync(join(at, 'state/lists/partial'), { recursive: true })
  mkdirSync(join(at, 'cache/archives/partial'), { recursive: true })
  for (const each of ['packages', 'nothing']) mkdirSync(join(folder, each, 'partial'), { recursive: true })
  writeFileSync(join(at, 'status'), '')
  writeFileSync(join(at, 'sources.list'), sources(release))
  run('apt-get', [...all, '-qq', 'update'])
  writeFileSync(join(at, 'ready'), '')
  return all
}

/** Does it once: `what` is remembered in a file `name`, whose contents are what `make` said. */
function once(name: string, what: string, make: () => string): string {
  if (existsSync(name)) {
    const [before, ...said] = readFileSync(name, 'utf8').split('\n')
    if (before === what) return said.join('\n')
  }
  rmSync(name, { force: true })
  const said = make()
  writeFileSync(name, `${what}\n${said}`)
  return said
}

function unpack(packages: readonly string[], into: string): void {
  rmSync(into, { recursive: true, force: true })
  // The links that the newer layout has, which a package with the older one would make folders of.
  for (const name of ['bin', 'lib', 'sbin']) mkdirSync(join(into, 'usr', name), { recursive: true })
  run('ln', ['-s', 'usr/bin', 'usr/lib', 'usr/sbin', into])
  for (const file of packages) {
    execFileSync('sh', [
      '-c',
      'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
      '-',
      file,
      into,
    ])
  }
}

/** These packages and all that they need, unpacked below `folder`, as `name`. */
export function bringRoot(folder: string, name: string, archive: Archive, packages: readonly string[]): string {
  const root = join(folder, name)
  once(`${root}.packages`, `${archive.release} ${archive.architecture} ${packages.join(' ')}`, () => {
    const apt = [...settings(folder, archive), 'install', '--no-install-recommends', '-y', '-qq']
    // apt names those alone that are not there yet.
    const nowhere = ['-o', `Dir::Cache::archives=${join(folder, 'nothing')}`]
    const files = run('apt-get', [...apt, ...nowhere, '--print-uris', ...packages]).matchAll(/^'\S+' (\S+)/gm)
    run('apt-get', [...apt, '--download-only', ...packages])
    const brought = [...files].map(([, file]) => join(folder, 'packages', file!))
    unpack(brought, root)
    return brought.join('\n')
  })
  return root
}

/** The kernel that Debian's `linux-image-ARCHITECTURE` stands for, with its modules and nothing that it needs. */
export function bringKernel(folder: string, archive: Archive): string {
  const root = join(folder, `kernel-${archive.release}-${archive.architecture}`)
  once(`${root}.packages`, 'kernel', () => {
    const apt = settings(folder, archive)
    const name = /linux-image-\d\S*/.exec(run('apt-cache', [...apt, 'depends', `linux-image-${archive.architecture}`]))
    if (name === null) throw new Error(`apt knows no linux-image-${archive.architecture} of ${archive.release}`)
    const own = join(folder, `download-${archive.release}-${archive.architecture}`)
    rmSync(own, { recursive: true, force: true })
    mkdirSync(own)
    run('apt-get', [...apt, '-qq', 'download', name[0]], own)
    const file = join(own, run('ls', [own]).trim())
    unpack([file], root)
    rmSync(own, { recursive: true })
    return name[0]
  })
  return root
}
