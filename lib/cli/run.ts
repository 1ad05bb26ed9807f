/**
 * Runs a `dedup` job on a process and shows it, from the first line to the table.
 */
import { pageSize } from '../index.js'
import { dedup, isOutOfMemory, type Progress } from './dedup.js'
import { withWorkingProgram } from './demo.js'
import { bytes, count } from './format.js'
import { createDisplay, table } from './report.js'

export interface RunOptions {
  rounds: number
  interval: number
  maxPages?: number
}

export async function runDemo(options: RunOptions, signal: AbortSignal): Promise<void> {
  await withWorkingProgram(signal, async (pid) => {
    console.log(`A Node program that adds, edits and drops documents is at work: process ${pid}.`)
    await runDedup(pid, options, signal)
  })
}

export async function runDedup(pid: number, options: RunOptions, signal: AbortSignal): Promise<void> {
  const { rounds, interval, maxPages = affordablePages() } = options
  const display = createDisplay(rounds)
  let last: Progress | undefined
  try {
    for await (const progress of dedup({ pid, rounds, interval, maxPages, signal })) {
      last = progress
      display.show(progress)
    }
  } catch (error) {
    throw isOutOfMemory(error) ? outOfMemory(error as Error, last) : error
  } finally {
    display.end()
  }
  if (last !== undefined) console.log(table(last.tally))
}

// Without a limit the kernel would run out of memory and kill some program, not always this one.
function affordablePages(): number {
  return Math.max(1, Math.floor((process.availableMemory() * 0.75) / pageSize))
}

function outOfMemory(error: Error, last: Progress | undefined): Error {
  const distinct = last?.tally.distinct ?? 0
  const so = `with ${count(distinct)} distinct pages (${bytes(distinct * pageSize)}) stored in round ${last?.round ?? 1}`
  return new Error(`out of memory ${so}: ${error.message}`, { cause: error })
}
