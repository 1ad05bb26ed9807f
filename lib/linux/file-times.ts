/**
 * Whether somebody has changed a file since a moment, by the times that the kernel keeps of it: when it was written, and when
 * anything about it was changed, its blocks and its mode included; of a file that is no folder, when it was read, too.
 *
 * Who cannot be asked counts as changed. The file system's clock must be ours: one that another machine keeps may be behind.
 */

import { type Stats, statSync } from 'node:fs'

import { statusOfPath } from './file-kinds.js'

// The kernel stamps files with a clock that stands still between its ticks, 10 ms at most.
const tick = 10

/** Milliseconds, to compare the times of files with that are changed from now on. */
export function momentForFiles(): number {
  return Date.now() - tick
}

/** Of what a descriptor of a process is open on. */
export function isDescriptorUnchanged(pid: number, fd: number, since: number): boolean {
  return isUnchanged(() => statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false }), since)
}

/** Of what a path leads to. A link is changed by no call but those that make and touch it. */
export function isPathUnchanged(pid: number, path: string, directory: number | undefined, since: number): boolean {
  return path === '' || isUnchanged(() => statusOfPath(pid, path, directory), since)
}

/** What is not there is no file: the call fails. */
function isUnchanged(find: () => Stats | undefined, since: number): boolean {
  try {
    const status = find()
    if (status === undefined) return true
    const { mtimeMs, ctimeMs, atimeMs } = status
    return [mtimeMs, ctimeMs, ...(status.isDirectory() ? [] : [atimeMs])].every((time) => time < since)
  } catch {
    return false
  }
}
