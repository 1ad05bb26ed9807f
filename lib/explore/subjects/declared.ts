/** Reads what a program declared with include/pagestore.h, in the layouts of native/ptrace/trap.h. */

import type { Range } from '../../addon/native.js'
import { PageStoreError } from '../../errors.js'
import type { Tracee } from '../../tracee.js'

/** Where the ranges are that the program has declared to be its state, and how many. */
interface StateRanges {
  start: bigint
  count: number
}

const rangeBytes = 16

// The first layout: a number, is_checked, and two counts.
const first = { symbol: 'ps_declared_ranges', magic: 0x70735231, headBytes: 16, countAt: 8 }
// The layout since.
const current = {
  symbol: 'ps_program_layout',
  magic: 0x70735232,
  headBytes: 112,
  versionAt: 8,
  countAt: 20,
  version: 2,
}

/** What a program said with `ps_state`; nothing for one that was stripped of its symbols. */
export function declaredRanges(tracee: Tracee): Range[] {
  const { start: address, count } = findStateRanges(tracee)
  if (count === 0) return []
  const bytes = tracee.read(address, count * rangeBytes)
  return Array.from({ length: count }, (_, i) => {
    const start = bytes.readBigUInt64LE(i * rangeBytes)
    return { start, end: start + bytes.readBigUInt64LE(i * rangeBytes + 8) }
  })
}

/**
 * Refuses a program whose declarations would be passed over.
 * @throws `ERR_PROGRAM` for a newer pagestore.h than this package knows, or two versions in one program
 */
export function checkLayout(tracee: Tracee): void {
  const head = headAt(tracee, current.symbol, current.headBytes)
  if (head === undefined) return
  if (addressOf(tracee, first.symbol) !== undefined) {
    throw new PageStoreError(
      'ERR_PROGRAM',
      'the source files of the program include two versions of pagestore.h: compile all of them again',
    )
  }
  const version = head.bytes.readUInt32LE(current.versionAt)
  if (version === current.version) return
  throw new PageStoreError(
    'ERR_PROGRAM',
    `the program includes a pagestore.h of layout ${version}, but this version of pagestore reads layouts up to ${current.version}`,
  )
}

function findStateRanges(tracee: Tracee): StateRanges {
  for (const { symbol, magic, headBytes, countAt } of [current, first]) {
    const head = headAt(tracee, symbol, headBytes)
    if (head === undefined || head.bytes.readUInt32LE(0) !== magic) continue
    return { start: head.address + BigInt(headBytes), count: head.bytes.readUInt32LE(countAt) }
  }
  return { start: 0n, count: 0 }
}

function headAt(tracee: Tracee, symbol: string, length: number): { address: bigint; bytes: Buffer } | undefined {
  const address = addressOf(tracee, symbol)
  return address === undefined ? undefined : { address, bytes: tracee.read(address, length) }
}

function addressOf(tracee: Tracee, symbol: string): bigint | undefined {
  try {
    return tracee.symbol(symbol).address
  } catch (error) {
    if (error instanceof PageStoreError && error.code === 'ERR_SYMBOL') return undefined
    throw error
  }
}
