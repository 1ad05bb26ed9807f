/** How long tests go on that are random, and where they begin. */
import fc from 'fast-check'

const rounds = process.env['PAGESTORE_TEST_ROUNDS']
const seed = process.env['PAGESTORE_TEST_SEED']

/**
 * As many rounds as by default, `each` times as many as `PAGESTORE_TEST_ROUNDS` says, from the seed
 * `PAGESTORE_TEST_SEED` on. A failure tells its seed.
 */
export function rounded(usual: number, each = 1): { numRuns: number; seed?: number; endOnFailure: boolean } {
  const numRuns = rounds === undefined ? usual : Number(rounds) * each
  return { numRuns, ...(seed !== undefined && { seed: Number(seed) }), endOnFailure: rounds !== undefined }
}

/** A byte here and there is another one, and the end is cut once in a while. */
export function damageOf(length: number, mostBytes = 8) {
  const anywhere = fc.nat({ max: Math.max(length - 1, 0) })
  return fc.record({
    bytes: fc.array(fc.tuple(anywhere, fc.nat({ max: 255 })), { maxLength: mostBytes }),
    end: fc.oneof({ weight: 7, arbitrary: fc.constant(length) }, { weight: 1, arbitrary: anywhere }),
  })
}

export function damaged(
  bytes: Uint8Array,
  { bytes: changes, end }: { bytes: [number, number][]; end: number },
): Buffer {
  const copy = Buffer.from(bytes)
  for (const [at, value] of changes) copy[at] = value
  return copy.subarray(0, end)
}
