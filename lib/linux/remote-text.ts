/** Texts in the memory of a program. */

const piece = 64n
const mostPieces = 64

/** Up to the NUL, up to the end of what is mapped, or up to some 4000 bytes. */
export function textAt(read: (address: bigint, length: number) => Buffer, address: bigint): string {
  const parts: Buffer[] = []
  // Piece by piece: the end of the text may be the end of what is mapped.
  for (let at = address; parts.length < mostPieces; ) {
    const length = piece - (at % piece)
    let part: Buffer
    try {
      part = read(at, Number(length))
    } catch {
      break
    }
    at += length
    const end = part.indexOf(0)
    parts.push(end < 0 ? part : part.subarray(0, end))
    if (end >= 0) break
  }
  return Buffer.concat(parts).toString()
}
