/** The lines of `/proc/PID/maps`. A path has anything in it but a line feed, which the kernel writes as `\012`. */

import type { Range } from '../addon/native.js'

export interface ListedMapping extends Range {
  /** `rw-p` */
  permissions: string
  /** The file's device and inode, as the kernel writes them: `fe:00 42`. */
  identity: string
  path: string
}

// Of characters, only a line feed ends a line: `.` and `$` would stop at others.
const line = /^([\da-f]{1,16})-([\da-f]{1,16}) ([^ ]{4}) [\da-f]+ ([\da-f]+:[\da-f]+ \d+) *(.*)$/s

/** What is no line of a list is left out. */
export function listedMappings(text: string): ListedMapping[] {
  return text.split('\n').flatMap((each) => {
    const [, start, end, permissions = '', identity = '', path = ''] = line.exec(each) ?? []
    if (start === undefined || end === undefined) return []
    return [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), permissions, identity, path: unescaped(path) }]
  })
}

function unescaped(path: string): string {
  return path.replaceAll('\\012', '\n')
}
