/** Nanoseconds that `pass` takes for each of `count`. */
export function nanosecondsPer(count: number, pass: () => void): number {
  const start = process.hrtime.bigint()
  pass()
  return Number(process.hrtime.bigint() - start) / count
}

/** Where results go that nobody needs, so that no compiler may leave out the work. */
export const sink = { value: 0 }

/** Collects garbage now, so that no scenario pays for the one before. */
export function collectGarbage(): void {
  globalThis.gc?.()
}
