/** How long tests go on that are random, and where they begin. */
import fc from 'fast-check'

const rounds = process.env['PAGESTORE_TEST_ROUNDS']
const seed = process.env['PAGESTORE_TEST_SEED']

/**
 * As many rounds as by default, `each` times as many as `PAGESTORE_TEST_ROUNDS` says, from the seed
 * `PAGESTORE_TEST_SEED` on. A failure tells its seed.
 */
export function rounded(usual: number, each = 1) {
  const numRuns = rounds === undefined ? usual : Number(rounds) * each
  return { numRuns, ...(seed !== undefined && { seed: Number(seed) }), endOnFailure: rounds !== undefined }
}

/** A byte here and there is another one, words say something else, and the end is cut. */
export function damageOf(length: number) {
  const anywhere = fc.nat({ max: Math.max(length - 1, 0) })
  return fc.record({
    bytes: fc.array(fc.tuple(anywhere, fc.nat({ max: 255 })), { maxLength: 8 }),
    end: fc.option(anywhere, { freq: 4, nil: length }),
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
