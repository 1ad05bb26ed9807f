import type { Range } from '../../addon/native.js'
import { PageStoreError } from '../../errors.js'
import type { Tracee } from '../../tracee.js'

// struct ps_declared of include/pagestore.h.
const headBytes = 16
const rangeBytes = 16
const magic = 0x70735231

/** What a program said with `ps_state`; nothing for one that was stripped of its symbols. */
export function declaredRanges(tracee: Tracee): Range[] {
  const declared = find(tracee)
  if (declared === undefined) return []
  const head = tracee.read(declared, headBytes)
  const count = head.readUInt32LE(8)
  if (head.readUInt32LE(0) !== magic || count === 0) return []
  const bytes = tracee.read(declared + BigInt(headBytes), count * rangeBytes)
  return Array.from({ length: count }, (_, i) => {
    const start = bytes.readBigUInt64LE(i * rangeBytes)
    return { start, end: start + bytes.readBigUInt64LE(i * rangeBytes + 8) }
  })
}

function find(tracee: Tracee): bigint | undefined {
  try {
    return tracee.symbol('ps_declared_ranges').address
  } catch (error) {
    if (error instanceof PageStoreError && error.code === 'ERR_SYMBOL') return undefined
    throw error
  }
}
