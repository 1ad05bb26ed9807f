/**
 * What the user sees of a job: a line that moves where there is a terminal, a line per round where there is none, and
 * the table at the end. All of it is standard output's; standard error is for errors.
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
  // ora's own way with the keyboard (raw mode while it spins) would outlive a kill, and Ctrl-Z would be dead.
  const spinner = ora({ stream: process.stdout, discardStdin: false })
  // A terminal may say that it has no columns (script(1) below a pipe): ora then clears lines without end.
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
      return `read back and equal: ${count(read)} pages once stored, ${count(checked)} distinct ones again at the end`
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
  if (vanished > 0) rows.push(['pages skipped', count(vanished), 'gone before they were read'])

  const drawn = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right', 'left'] })
  drawn.push(...rows)
  return drawn.toString()
}
