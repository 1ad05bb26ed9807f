/** The shared mappings of a process, from `/proc/PID/maps`: a tracee's regions are those alone that are captured. */

import { readFileSync } from 'node:fs'

import type { Range } from '../addon/native.js'
import { listedMappings } from './listed-mappings.js'

export interface SharedMapping extends Range {
  isWritable: boolean
  /** With a character for each byte. */
  path: string
}

/** @throws the error of `readFileSync` where there is no such process */
export function sharedMappings(pid: number): SharedMapping[] {
  return listedMappings(readFileSync(`/proc/${pid}/maps`, 'latin1'))
    .filter(({ permissions }) => permissions[3] === 's')
    .map(({ start, end, permissions, path }) => ({ start, end, isWritable: permissions[1] === 'w', path }))
}
