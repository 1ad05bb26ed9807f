/**
 * Whether somebody has changed a file since a moment, by the times that the kernel keeps of it: when it was written, when it
 * was read, and when anything about it was changed, its blocks, mode and attributes included.
 *
 * Who cannot be asked counts as changed. The file system's clock must be ours: one that another machine keeps may be behind.
 */

import { type Stats, statSync } from 'node:fs'

import type { BytePath } from './byte-paths.js'
import { statusOfPath } from './file-kinds.js'

/** The times of a file, in milliseconds. */
export type Times = Pick<Stats, 'mtimeMs' | 'ctimeMs' | 'atimeMs'>

// The kernel stamps files with a clock that stands still between its ticks, 10 ms at most.
const tick = 10
// What many file systems keep is rounded down: to hundredths of a second, to a second or two (ext4 with small inodes, vfat),
// and when it was read to a day (vfat), which begins anywhere.
const [second, twoSeconds] = [1000, 2000]
const [quarterHour, day] = [900_000, 86_400_000]

/** Milliseconds, to compare the times of files with that are changed from now on. */
export function momentForFiles(): number {
  return Date.now() - tick
}

/** Of what a descriptor of a process is open on. */
export function isDescriptorUnchanged(pid: number, fd: number, since: number): boolean {
  return isUnchanged(() => statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false }), since)
}

/** A path as a call of a process says it. */
export interface AskedPath {
  path: BytePath
  /** The descriptor of a folder from which it goes where it is relative; undefined for the working directory. */
  directory: number | undefined
  /** Whether a link at its end leads on. */
  throughLinks: boolean
}

/** Of what a path leads to. */
export function isPathUnchanged(pid: number, { path, directory, throughLinks }: AskedPath, since: number): boolean {
  return path === '' || isUnchanged(() => statusOfPath(pid, path, directory, throughLinks), since)
}

/** Whether none of these times can be one from a moment on, however the file system rounds it. */
export function areBefore({ mtimeMs, ctimeMs, atimeMs }: Times, since: number): boolean {
  const mayBeDay = atimeMs % quarterHour === 0
  return (
    [mtimeMs, ctimeMs].every((time) => latest(time) < since) && (mayBeDay ? atimeMs + day : latest(atimeMs)) < since
  )
}

/** The last moment that is rounded to a time. */
function latest(time: number): number {
  if (time % second === 0) return time + twoSeconds
  return time % tick === 0 ? time + tick : time
}

/** What is not there is no file: the call fails. */
function isUnchanged(find: () => Stats | undefined, since: number): boolean {
  try {
    const status = find()
    return status === undefined || areBefore(status, since)
  } catch {
    return false
  }
}
