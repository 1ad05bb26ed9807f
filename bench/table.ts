/** The outcomes for people. */
import Table from 'cli-table3'

import type { Comparison, Outcome } from './rows.js'
import type { Spread } from './statistics.js'

export function table(outcomes: readonly Outcome[]): string {
  const drawn = new Table({
    head: ['', 'ns per page', 'beside it', 'ns', 'ratio', 'target', ''],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'right', 'left', 'right', 'right', 'right', 'left'],
  })
  for (const { what, unit, measured, beside, comparison, target, met } of outcomes) {
    const show = (value: number) => number(value) + (unit === 'ns' ? '' : ` ${unit}`)
    drawn.push([
      what,
      withSpread(measured, show),
      beside?.what ?? '',
      beside ? withSpread(beside, show) : '',
      comparison.kind === 'absolute' ? '' : withSpread(comparison, shownAs[comparison.kind]),
      target === null ? '' : `≤ ${shownAs[comparison.kind](target)}`,
      met === null ? '' : met ? 'met' : 'NOT MET',
    ])
  }
  return drawn.toString()
}

const shownAs: Record<Comparison, (value: number) => string> = {
  ratio: (value) => value.toFixed(value < 0.1 ? 4 : 2),
  difference: (value) => `${value < 0 ? '−' : '+'}${number(Math.abs(value))}`,
  absolute: number,
}

function withSpread({ median, lowest, highest }: Spread, show: (value: number) => string): string {
  return lowest === highest ? show(median) : `${show(median)} (${show(lowest)}–${show(highest)})`
}

function number(value: number): string {
  return value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0)
}
