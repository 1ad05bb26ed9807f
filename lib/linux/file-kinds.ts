/**
 * Whether what a process reads from a file is the same each time: not random bytes, the time, what is used or free.
 *
 * A name proves nothing: a symbolic link, a working directory, a device of another name or a second mount may lead
 * anywhere. So a path is looked up as the kernel does it for that process, and the file is judged by what it is. Of files of
 * the kernel it is their names that say it. What cannot be looked up counts as another each time.
 *
 * It leaves to its caller: that the process is stopped, so that the file is still there when the process opens it.
 */

import type { Stats } from 'node:fs'

import { type BytePath, fileSystemOf, statusOfEntry, statusOfTarget, targetOf } from './byte-paths.js'

/** `empty`: it keeps nothing, and what it says is always the same, as /dev/null. */
export type FileKind = 'empty' | 'lasting' | 'varying'

// Of a process, and in all: what rolls back, or stays as it is. All others may say something else each time.
const lastingOfProcess =
  'attr/.*|auxv|cgroup|cmdline|comm|cwd|environ|exe|fd|fd/.*|fdinfo|fdinfo/.*|gid_map|limits|map_files/.*|maps|mem|mounts|mountinfo|ns/.*|personality|root|setgroups|task|uid_map'
const lastingOfAll =
  'bus/.*|cmdline|cgroups|config.gz|crypto|devices|filesystems|modules|mounts|partitions|sys/(?!kernel/random/).*|version'
const lastingOfSystem =
  'devices/system/(cpu|node)|devices/system/(cpu|node)/[a-z_]+|devices/system/(cpu|node)/(cpu|node)\\d+/(cache|topology)/.*|fs/cgroup/.*\\.(max|min|high|low)|kernel/mm/.*'
const ofKernel = /^\/(proc|sys)(\/|$)/
const lastingOfKernel = new RegExp(
  `^/(proc/((self|thread-self|\\d+)(/task/\\d+)?/(${lastingOfProcess})|${lastingOfAll})|sys/(${lastingOfSystem}))$`,
)

/** Whether a file of that name, if it is one of the kernel's, may say something else each time. */
export function isVaryingName(path: string): boolean {
  return ofKernel.test(path) && !lastingOfKernel.test(path)
}

// /dev/null, /dev/zero, /dev/full.
const emptyDevices = [0x103, 0x105, 0x107]
// What goes through terminals is refused elsewhere.
const isTerminal = (major: number) => major === 4 || major === 5 || (major >= 136 && major <= 143)

// Of statfs(2), and where these are mounted as a rule.
const kernelFileSystems = new Map([
  [0x9fa0, '/proc'],
  [0x62656572, '/sys'],
  [0x63677270, '/sys/fs/cgroup'],
])
// Of cgroups as they were, debugging, tracing, security and BPF.
const varyingFileSystems = [0x27e0eb, 0x64626720, 0x74726163, 0x73636673, 0xcafe4a11]

/** What a descriptor of a process is open on. */
export function kindOfDescriptor(pid: number, fd: string): FileKind {
  const link = `/proc/${pid}/fd/${fd}`
  try {
    return kindOf(pid, targetOf(link), statusOfTarget(link), link)
  } catch {
    return 'varying'
  }
}

// Links that the kernel itself throughLinks: only it knows the file of a descriptor that has no name any more.
const ofProcess = /^\/proc\/\d+\/./

/**
 * What a process would open.
 * @param directory the descriptor of a folder from which a relative path goes; undefined for the working directory
 */
export function kindOfPath(pid: number, path: BytePath, directory?: number): FileKind {
  if (path === '') return 'lasting' // the call will fail
  try {
    const { name, status } = find(pid, path, directory, true)
    if (status === undefined) return isVaryingName(name) ? 'varying' : 'lasting'
    const there = `/proc/${pid}/root${name}`
    if (!status.isSymbolicLink()) return kindOf(pid, name, status, there)
    return kindOf(pid, targetOf(there), statusOfTarget(there), there)
  } catch {
    return 'varying'
  }
}

/**
 * What a path leads a process to; undefined where there is nothing.
 * @param directory as for {@link kindOfPath}
 * @param throughLinks whether a link at its end leads on
 * @throws where it cannot be looked up as the process does
 */
export function statusOfPath(
  pid: number,
  path: BytePath,
  directory: number | undefined,
  throughLinks: boolean,
): Stats | undefined {
  const { name, status } = find(pid, path, directory, throughLinks)
  return throughLinks && status?.isSymbolicLink() === true ? statusOfTarget(`/proc/${pid}/root${name}`) : status
}

/** @param there where we find it */
function kindOf(pid: number, name: string, status: Stats, there: string): FileKind {
  if (status.isCharacterDevice()) {
    if (emptyDevices.includes(status.rdev)) return 'empty'
    return isTerminal((status.rdev >> 8) & 0xfff) ? 'lasting' : 'varying'
  }
  if (ofKernel.test(name)) return isVaryingName(name) ? 'varying' : 'lasting'
  const type = fileSystemOf(there)
  if (varyingFileSystems.includes(type)) return 'varying'
  const mounted = kernelFileSystems.get(type)
  return mounted !== undefined && isVaryingName(mounted + belowMount(pid, name, status.dev)) ? 'varying' : 'lasting'
}

/** The part of a path that lies on the file system `device`. */
function belowMount(pid: number, path: string, device: number): string {
  let mount = path
  while (mount !== '') {
    const parent = mount.slice(0, mount.lastIndexOf('/'))
    if (statusOfEntry(`/proc/${pid}/root${parent}/`)?.dev !== device) break
    mount = parent
  }
  return path.slice(mount.length)
}

// As many as the kernel takes.
const mostLinks = 40

interface Found {
  /** The path without links, from the root of the process. */
  name: string
  /** Undefined where there is nothing. */
  status: Stats | undefined
}

/**
 * Where a path leads. What it leads to is a link only where nobody but the kernel knows what that is, or where a link at
 * its end is not followed.
 */
function find(pid: number, path: BytePath, directory: number | undefined, throughLinks: boolean): Found {
  let name = path.startsWith('/') ? '' : folderOf(pid, directory)
  let status: Stats | undefined
  const left = path.split('/').reverse()
  for (let links = 0; left.length > 0; ) {
    const part = left.pop() ?? ''
    if (part === '' || part === '.') continue
    status = undefined
    if (part === '..') {
      name = name.slice(0, Math.max(name.lastIndexOf('/'), 0))
      continue
    }
    const next = `${name}/${part}`
    const there = `/proc/${pid}/root${next}`
    status = statusOfEntry(there)
    const isLink = status?.isSymbolicLink() === true
    if (!isLink || (left.length === 0 && (!throughLinks || ofProcess.test(next)))) {
      name = next
      continue
    }
    status = undefined
    if (ofProcess.test(next)) {
      name = pathFromRoot(pid, there)
    } else {
      if (++links > mostLinks) throw new Error(`${path} has too many links`)
      const target = linkFor(pid, there, part)
      if (target.startsWith('/')) name = ''
      left.push(...target.split('/').reverse())
    }
  }
  // A folder, since it ends in dots or slashes.
  status ??= statusOfEntry(`/proc/${pid}/root${name}/`)
  return { name, status }
}

/** What a link says to the process: it has a folder of its own in /proc. */
function linkFor(pid: number, link: string, name: string): string {
  const target = targetOf(link)
  if (name === 'self' && target === `${process.pid}`) return `${pid}`
  if (name === 'thread-self' && target.startsWith(`${process.pid}/task/`)) return `${pid}/task/${pid}`
  return target
}

function folderOf(pid: number, directory: number | undefined): string {
  return pathFromRoot(pid, `/proc/${pid}/${directory === undefined ? 'cwd' : `fd/${directory}`}`)
}

/** Where the process finds, from its root, what the kernel throughLinks a link to. */
function pathFromRoot(pid: number, link: string): string {
  const [root, target] = [targetOf(`/proc/${pid}/root`), targetOf(link)]
  const path = root !== '/' && `${target}/`.startsWith(`${root}/`) ? target.slice(root.length) : target
  const [found, meant] = [statusOfTarget(`/proc/${pid}/root${path}`), statusOfTarget(link)]
  if (found.dev !== meant.dev || found.ino !== meant.ino) throw new Error(`${target} lies outside of its root`)
  return path === '/' ? '' : path
}
