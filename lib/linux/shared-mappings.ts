/** The shared mappings of a process, from `/proc/PID/maps`: a tracee's regions are those alone that are captured. */

import { readFileSync } from 'node:fs'

import type { Range } from '../addon/native.js'

export interface SharedMapping extends Range {
  isWritable: boolean
  path: string
}

/** @throws the error of `readFileSync` where there is no such process */
export function sharedMappings(pid: number): SharedMapping[] {
  const maps = readFileSync(`/proc/${pid}/maps`, 'latin1')
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) .([w-]).s \S+ \S+ \d+ *(.*)$/gm)].map(
    ([, start, end, write, path = '']) => ({
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      isWritable: write === 'w',
      path,
    }),
  )
}
