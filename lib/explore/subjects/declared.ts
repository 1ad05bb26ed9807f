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
const first = { symbol: 'ps_declared_ranges', magic: 0x70735231, headBytes: 16, countAt: 8, most: () => 256 }
// The layout since.
const current = {
  symbol: 'ps_program_layout',
  magic: 0x70735232,
  headBytes: 112,
  versionAt: 8,
  countAt: 20,
  version: 2,
  // Each kind has as much room, behind the head.
  most(head: Buffer): number {
    const most = head.readUInt32LE(16)
    const isWhole = most <= 65536 && head.readUInt32LE(12) === 112 + most * 2 * rangeBytes
    return isWhole ? most : 0
  },
}

/**
 * What a program said with `ps_state`; nothing for one that was stripped of its symbols, or that has overwritten what it
 * said.
 */
export function declaredRanges(tracee: Tracee): Range[] {
  const ranges = findStateRanges(tracee)
  if (ranges === undefined || ranges.count === 0) return []
  const bytes = readOrNothing(tracee, ranges.start, ranges.count * rangeBytes)
  if (bytes === undefined) return []
  return Array.from({ length: ranges.count }, (_, i) => {
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

function findStateRanges(tracee: Tracee): StateRanges | undefined {
  for (const { symbol, magic, headBytes, countAt, most } of [current, first]) {
    const head = headAt(tracee, symbol, headBytes)
    if (head === undefined || head.bytes.readUInt32LE(0) !== magic) continue
    const count = Math.min(head.bytes.readUInt32LE(countAt), most(head.bytes))
    return { start: head.address + BigInt(headBytes), count }
  }
  return undefined
}

function readOrNothing(tracee: Tracee, address: bigint, length: number): Buffer | undefined {
  try {
    return tracee.read(address, length)
  } catch (error) {
    if (error instanceof PageStoreError && (error.code === 'ERR_ADDRESS' || error.code === 'ERR_OUT_OF_MEMORY')) {
      return undefined
    }
    throw error
  }
}

function headAt(tracee: Tracee, symbol: string, length: number): { address: bigint; bytes: Buffer } | undefined {
  const address = addressOf(tracee, symbol)
  const bytes = address === undefined ? undefined : readOrNothing(tracee, address, length)
  return address === undefined || bytes === undefined ? undefined : { address, bytes }
}

function addressOf(tracee: Tracee, symbol: string): bigint | undefined {
  try {
    return tracee.symbol(symbol).address
  } catch (error) {
    if (error instanceof PageStoreError && error.code === 'ERR_SYMBOL') return undefined
    throw error
  }
}
