import type { Range } from '../addon/native.js'
import type { Snapshot } from '../snapshot.js'
import type { Layout } from './subject.js'

/** A value that is another one than before. */
export interface Change {
  /** A variable, `name` or `name[3]` or `name+8`; else an address. */
  what: string
  /** Of its first byte. */
  address: bigint
  /** A decimal number; hexadecimal bytes where it is none. */
  before: string
  /** The same, later. */
  after: string
}

// A step that changes more than that is not to be read value by value.
const mostChanges = 64

/**
 * What changed between two snapshots of one memory, within the ranges that are declared, if there are any; else
 * variables with names, and where nothing has a name, words.
 */
export function changesBetween(
  before: Snapshot,
  after: Snapshot,
  layout: Layout | undefined,
  declared: readonly Range[] = layout?.declared() ?? [],
): Change[] {
  const changes: Change[] = []
  const mapped = after.regions
  for (const pages of before.diff(after)) {
    const parts = mapped
      .flatMap((region) => overlap(region, pages))
      .flatMap((part) => (declared.length === 0 ? [part] : declared.flatMap((range) => overlap(range, part))))
    for (const part of parts) compare(before, after, part, layout, declared.length > 0, mapped, changes)
    if (changes.length >= mostChanges) break
  }
  return changes.slice(0, mostChanges)
}

function overlap(a: Range, b: Range): Range[] {
  const start = a.start > b.start ? a.start : b.start
  const end = a.end < b.end ? a.end : b.end
  return start < end ? [{ start, end }] : []
}

function compare(
  before: Snapshot,
  after: Snapshot,
  range: Range,
  layout: Layout | undefined,
  isDeclared: boolean,
  mapped: readonly Range[],
  changes: Change[],
): void {
  const was = readMapped(before, range)
  const is = readMapped(after, range)
  if (was === undefined || is === undefined) return
  for (let at = 0; at < is.length && changes.length < mostChanges; ) {
    if (was[at] === is[at]) {
      at++
      continue
    }
    const address = range.start + BigInt(at)
    const value = valueAt(address, layout, (start, size, width) =>
      [before, after].every((snapshot) => isLikely(snapshot, start, size, width, mapped)),
    )
    if (value.name === undefined && layout?.hidesUnnamed && !isDeclared) {
      at = (at | 7) + 1
      continue
    }
    const first = Number(value.start - range.start)
    if (isDeclared || !isHeaders(value.name ?? '')) {
      changes.push({
        what: value.name ?? `0x${value.start.toString(16)}`,
        address: value.start,
        before: textOf(was, first, value.width),
        after: textOf(is, first, value.width),
      })
    }
    at = first + value.width
  }
}

/** What include/pagestore.h itself keeps. */
function isHeaders(name: string): boolean {
  return /^ps_(declared_ranges|has_asked|trace_left|random_state)(\[|$)/.test(name)
}

function readMapped(snapshot: Snapshot, { start, end }: Range): Buffer | undefined {
  try {
    return snapshot.read(start, Number(end - start))
  } catch {
    return undefined // was not there, or is not any more
  }
}

interface Value {
  /** None for what no variable holds. */
  name: string | undefined
  start: bigint
  width: number
}

type LooksRight = (start: bigint, size: number, width: number) => boolean

/**
 * Of which value an address is a byte. What a variable is made of its symbol does not say: small ones are numbers, others
 * are words if all of these look like numbers or addresses, and else bytes.
 */
function valueAt(address: bigint, layout: Layout | undefined, looksRight: LooksRight): Value {
  if (layout === undefined) return { name: undefined, start: address, width: 1 }
  const named = layout.nameOf(address)
  if (named === undefined) return { name: undefined, start: address - (address % 4n), width: 4 }
  const { name, offset, size } = named
  const start = address - BigInt(offset)
  if ([1, 2, 4].includes(size)) return { name, start, width: size }
  for (const width of size === 8 ? [8, 4] : [4, 8]) {
    if (size % width !== 0 || start % BigInt(width) !== 0n || !looksRight(start, size, width)) continue
    const index = Math.floor(offset / width)
    return { name: size === width ? name : `${name}[${index}]`, start: start + BigInt(index * width), width }
  }
  return { name: `${name}[${offset}]`, start: address, width: 1 }
}

const mostLikely = 0xffff
const mostLookedAt = 4096

function isLikely(snapshot: Snapshot, start: bigint, size: number, width: number, mapped: readonly Range[]): boolean {
  const bytes = readMapped(snapshot, { start, end: start + BigInt(Math.min(size, mostLookedAt)) })
  if (bytes === undefined) return false
  for (let at = 0; at + width <= bytes.length; at += width) {
    const value = width === 4 ? BigInt(bytes.readInt32LE(at)) : bytes.readBigInt64LE(at)
    const isSmall = value >= -mostLikely && value <= mostLikely
    const isAddress = width === 8 && mapped.some(({ start, end }) => start <= value && value < end)
    if (!isSmall && !isAddress) return false
  }
  return true
}

function textOf(bytes: Buffer, at: number, width: number): string {
  if (at < 0 || at + width > bytes.length) return bytes.subarray(Math.max(at, 0), at + width).toString('hex')
  if (width === 1) return String(bytes[at])
  if (width === 8) return String(bytes.readBigInt64LE(at))
  return String(bytes.readIntLE(at, width))
}
