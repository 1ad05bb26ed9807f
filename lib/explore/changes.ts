/** What changed between two snapshots, as a reader of the source would say it: variables, and their values. */

import type { Range } from '../addon/native.js'
import type { Snapshot } from '../snapshot.js'
import type { Layout } from './subject.js'

/** A value that differs between two snapshots. */
export interface Change {
  /** A variable: `name`, `name[3]`, or `name+8`; else an address. */
  what: string
  /** The address of its first byte. */
  address: bigint
  /** Its value before: a decimal number, or hexadecimal bytes where it is no number. */
  before: string
  /** Its value after. */
  after: string
}

// Nobody reads more than that value by value.
const mostChanges = 64

/**
 * What changed from one snapshot of a memory to another, within the declared ranges; if none are declared, in variables
 * that have names; and if there are no names, in words of four bytes.
 */
export function changesBetween(
  before: Snapshot,
  after: Snapshot,
  layout: Layout | undefined,
  declared: readonly Range[] = layout?.declared() ?? [],
): Change[] {
  const mapped = after.regions
  const comparison: Comparison = { before, after, layout, mapped, isDeclared: declared.length > 0, changes: [] }
  for (const pages of before.diff(after)) {
    const parts = mapped
      .flatMap((region) => overlap(region, pages))
      .flatMap((part) => (declared.length === 0 ? [part] : declared.flatMap((range) => overlap(range, part))))
    for (const part of parts) compare(part, comparison)
    if (comparison.changes.length >= mostChanges) break
  }
  return comparison.changes.slice(0, mostChanges)
}

interface Comparison {
  readonly before: Snapshot
  readonly after: Snapshot
  readonly layout: Layout | undefined
  readonly mapped: readonly Range[]
  readonly isDeclared: boolean
  /** What was found so far. */
  readonly changes: Change[]
}

function overlap(a: Range, b: Range): Range[] {
  const start = a.start > b.start ? a.start : b.start
  const end = a.end < b.end ? a.end : b.end
  return start < end ? [{ start, end }] : []
}

/** Adds the values that differ within a range. */
function compare(range: Range, { before, after, layout, mapped, isDeclared, changes }: Comparison): void {
  const old = readMapped(before, range)
  const now = readMapped(after, range)
  if (old === undefined || now === undefined) return
  for (let at = 0; at < now.length && changes.length < mostChanges; ) {
    if (old[at] === now[at]) {
      at++
      continue
    }
    const address = range.start + BigInt(at)
    const value = valueAt(address, layout, (start, size, width) =>
      [before, after].every((snapshot) => isPlausible(snapshot, { start, end: start + BigInt(size) }, width, mapped)),
    )
    if (value.name === undefined && layout?.hidesUnnamed && !isDeclared) {
      at = (at | 7) + 1
      continue
    }
    const first = Number(value.start - range.start)
    if (isDeclared || !isOfHeader(value.name ?? '')) {
      changes.push({
        what: value.name ?? `0x${value.start.toString(16)}`,
        address: value.start,
        before: textOf(old, first, value.width),
        after: textOf(now, first, value.width),
      })
    }
    at = first + value.width
  }
}

/** Whether it is a variable of include/pagestore.h itself, today's or an older one. */
function isOfHeader(name: string): boolean {
  return /^ps_(program_layout|has_asked|trace_rest|random_state|declared_ranges|trace_left)(\[|$)/.test(name)
}

/** Undefined for a range that one of the snapshots does not have. */
function readMapped(snapshot: Snapshot, { start, end }: Range): Buffer | undefined {
  try {
    return snapshot.read(start, Number(end - start))
  } catch {
    return undefined
  }
}

interface Value {
  /** Undefined for what belongs to no variable. */
  name: string | undefined
  start: bigint
  width: number
}

type Plausible = (start: bigint, size: number, width: number) => boolean

/**
 * The value that the byte at an address belongs to. A symbol does not say what its variable is made of: small ones are
 * numbers; others are words if all of these look like numbers or addresses, and else bytes.
 */
function valueAt(address: bigint, layout: Layout | undefined, isPlausibleAs: Plausible): Value {
  if (layout === undefined) return { name: undefined, start: address, width: 1 }
  const named = layout.nameOf(address)
  if (named === undefined) return { name: undefined, start: address - (address % 4n), width: 4 }
  const { name, offset, size } = named
  const start = address - BigInt(offset)
  if ([1, 2, 4].includes(size)) return { name, start, width: size }
  for (const width of size === 8 ? [8, 4] : [4, 8]) {
    if (size % width !== 0 || start % BigInt(width) !== 0n || !isPlausibleAs(start, size, width)) continue
    const index = Math.floor(offset / width)
    return { name: size === width ? name : `${name}[${index}]`, start: start + BigInt(index * width), width }
  }
  return { name: `${name}[${offset}]`, start: address, width: 1 }
}

const largestPlausible = 0xffffn
const mostBytesRead = 4096n

/** Whether all words of a range, read with a width, are small numbers or addresses of mapped memory. */
function isPlausible(snapshot: Snapshot, { start, end }: Range, width: number, mapped: readonly Range[]): boolean {
  const bytes = readMapped(snapshot, { start, end: end < start + mostBytesRead ? end : start + mostBytesRead })
  if (bytes === undefined) return false
  for (let at = 0; at + width <= bytes.length; at += width) {
    const value = width === 4 ? BigInt(bytes.readInt32LE(at)) : bytes.readBigInt64LE(at)
    const isSmall = value >= -largestPlausible && value <= largestPlausible
    const isAddress = width === 8 && mapped.some((region) => region.start <= value && value < region.end)
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
