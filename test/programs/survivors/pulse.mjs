import { createHash, randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** @param {Buffer} bytes */
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex')

setInterval(() => {
  const bytes = randomBytes(4096)
  if (new Set([hash(bytes), hash(bytes)]).size > 1) process.exit(3)
  writeSync(1, 'a')
}, 1)
// A thread of the pool answers.
for (;;) {
  const text = await readFile('/proc/self/comm', 'latin1')
  if (text.length === 0) process.exit(3)
  writeSync(1, 'b')
  await new Promise((resolve) => setTimeout(resolve, 1))
}
