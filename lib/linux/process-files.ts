/**
 * Finds the files that a process has mapped. Another mount namespace, another root or a file that was replaced gives a
 * path another meaning than it has for us.
 */

import { readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs'
import type { Region } from '../addon/native.js'
import { listedMappings } from './listed-mappings.js'

/**
 * Where we can read the file that regions of one path are of; undefined where we cannot, or where another file has that
 * path by now.
 */
export type FileFinder = (mapped: readonly Region[]) => string | undefined

/** Of our own process, or one that has the same files. */
export const filesHere: FileFinder = ([region]) => region?.path

/** Of any process, as its mappings are now. */
export function filesOf(pid: number): FileFinder {
  let identities: Map<string, string> | undefined
  return (mapped) => {
    const path = mapped[0]?.path
    if (path === undefined) return undefined
    const exact = mapped.map(({ start, end }) => `/proc/${pid}/map_files/${hex(start)}-${hex(end)}`).find(isThere)
    if (exact !== undefined) return exact
    // Links to mapped files are for the privileged. Everyone else goes by names, and compares.
    identities ??= readIdentities(pid)
    const wanted = identities.get(path)
    const seen = `/proc/${pid}/root${path}`
    if (wanted === undefined) return undefined
    if (identityOf(seen) === wanted) return seen
    if (identityOf(path) === wanted) return path
    return hasOurFiles(pid) && hidesDevices(path) ? path : undefined
  }
}

function isThere(path: string): boolean {
  return identityOf(path) !== undefined
}

/** Which file it is, as in /proc/PID/maps: device and inode. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)
    const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn & 0xffffffffn)
    return `${hex(major)}:${hex(minor)} ${ino}`
  } catch {
    return undefined
  }
}

/** The identities of all files that the process has mapped, by path; the first of each path. */
function readIdentities(pid: number): Map<string, string> {
  const identities = new Map<string, string>()
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'utf8')
  } catch {
    return identities
  }
  for (const { path, identity } of listedMappings(text)) {
    const [major = '', minor = '', inode] = identity.split(/[: ]/)
    if (!path.startsWith('/') || identities.has(path)) continue
    identities.set(path, `${hex(BigInt(`0x${major}`))}:${hex(BigInt(`0x${minor}`))} ${inode}`)
  }
  return identities
}

function hasOurFiles(pid: number): boolean {
  try {
    return ['ns/mnt', 'root'].every(
      (link) => readlinkSync(`/proc/${pid}/${link}`) === readlinkSync(`/proc/self/${link}`),
    )
  } catch {
    return false
  }
}

const overlay = 0x794c7630
const btrfs = 0x9123683e

/** Whether files of a file system have other devices in /proc/PID/maps than stat says. */
function hidesDevices(path: string): boolean {
  try {
    return [overlay, btrfs].includes(statfsSync(path).type)
  } catch {
    return false
  }
}

function hex(value: bigint): string {
  return value.toString(16)
}
