/**
 * Shows a `dedup` job to the user: one line that changes on a terminal, a line for each round elsewhere, and the table at
 * the end. All of it goes to standard output; standard error is for errors.
 */
import Table from 'cli-table3'
import ora from 'ora'

import { pageSize } from '../index.js'
import type { Progress, Tally } from './dedup.js'
import { bytes, count, share } from './format.js'

export interface Display {
  show(progress: Progress): void
  /** Gives the terminal back as it was. */
  end(): void
}

export function createDisplay(rounds: number): Display {
  // ora would put the keyboard into raw mode, in which Ctrl-Z does nothing, and a kill would leave it so.
  const spinner = ora({ stream: process.stdout, discardStdin: false })
  // On a terminal without columns (script(1) in a pipe), ora would clear lines for ever.
  if (spinner.isEnabled && process.stdout.columns > 0) {
    return {
      show(progress) {
        spinner.text = sentence(progress, rounds)
        if (progress.phase === 'done') spinner.succeed()
        else if (!spinner.isSpinning) spinner.start()
      },
      end: () => spinner.stop(),
    }
  }
  return {
    show(progress) {
      if (progress.phase === 'round' || progress.phase === 'done') console.log(sentence(progress, rounds))
    },
    end() {},
  }
}

function sentence({ phase, round, tally }: Progress, rounds: number): string {
  const { read, distinct, checked } = tally
  switch (phase) {
    case 'read':
    case 'round':
      return `round ${round} of ${rounds}: ${count(read)} pages read, ${count(distinct)} distinct`
    case 'check':
      return `reading back: ${count(checked)} of ${count(distinct)} distinct pages`
    case 'done':
      return `all equal when read back: ${count(read)} pages after they were stored, ${count(checked)} distinct pages at the end`
  }
}

export function table(tally: Tally): string {
  const { read, distinct, zero, vanished, readNanoseconds, storeNanoseconds } = tally
  const duplicates = read - distinct
  const rows: [name: string, value: string, note: string][] = [
    ['pages read', count(read), bytes(read * pageSize)],
    ['distinct pages stored', count(distinct), bytes(distinct * pageSize)],
    ['duplicates', count(duplicates), share(duplicates, read)],
    ['bytes saved', count(duplicates * pageSize), bytes(duplicates * pageSize)],
    ['zero pages', count(zero), share(zero, read)],
    ['ns per page read', count(readNanoseconds / read), ''],
    ['ns per page stored', count(storeNanoseconds / read), ''],
  ]
  if (vanished > 0) rows.push(['pages skipped', count(vanished), 'vanished before they were read'])

  const drawn = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right', 'left'] })
  drawn.push(...rows)
  return drawn.toString()
}
