/** Names and numbers of signals. */

import { constants } from 'node:os'

// Where a number has two names (SIGABRT and SIGIOT, SIGIO and SIGPOLL), the usual one comes first.
const numbers = new Map<string, number>(Object.entries(constants.signals))
const names = new Map<number, string>([...numbers].reverse().map(([name, number]) => [number, name]))

// As the C library counts: it uses the kernel's first two, 32 and 33, itself.
const firstRealTime = 34
const last = 64

/** `SIGTERM`; `SIGRTMIN+n` for a real-time signal; `SIG32` for one that has no name. */
export function signalName(number: number): string {
  const name = names.get(number)
  if (name !== undefined) return name
  if (!(number >= firstRealTime && number <= last)) return `SIG${number}`
  return number === firstRealTime ? 'SIGRTMIN' : `SIGRTMIN+${number - firstRealTime}`
}

/** The reverse of {@link signalName}, also for `SIGRTMAX-n`; undefined for a name of no signal. */
export function signalNumber(name: string): number | undefined {
  const number = numbers.get(name)
  if (number !== undefined) return number
  const parts = /^SIG(?:(\d{1,2})|RTMIN(?:\+(\d{1,2}))?|RTMAX(?:-(\d{1,2}))?)$/.exec(name)
  if (parts === null) return undefined
  const [, plain, above, below] = parts
  if (plain !== undefined) return inRange(Number(plain), 1)
  const isFromLast = name.startsWith('SIGRTMAX')
  return inRange(isFromLast ? last - Number(below ?? 0) : firstRealTime + Number(above ?? 0), firstRealTime)
}

function inRange(number: number, first: number): number | undefined {
  return number >= first && number <= last ? number : undefined
}
