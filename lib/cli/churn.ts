/**
 * A program that works, for the demo to read: a small store of documents that are added, edited, indexed and dropped,
 * for ever. Its memory stays within some 40 MB, and a good part of it changes all the time.
 *
 * It lives as long as whoever holds the other end of its standard input.
 */

interface Document {
  title: string
  words: string[]
  edits: number
  /** Many are copies of one template, as with files that people start from. */
  attachment: Buffer
}

const documentsKept = 1_500
const changesPerStep = 20
const template = Buffer.alloc(16_384, 'A page that many documents carry. ')
const vocabulary = Array.from({ length: 2_000 }, (_, i) => `word-${(i * 7919).toString(36)}`)

const documents = new Map<number, Document>()
const index = new Map<string, Set<number>>()
let next = 0

function any<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!
}

function add(): void {
  const id = next++
  const words = Array.from({ length: 40 }, () => any(vocabulary))
  const attachment = Buffer.from(template)
  if (id % 4 === 0) attachment.fill(0, 4_096)
  documents.set(id, { title: `Document ${id} about ${words[0]}`, words, edits: 0, attachment })
  for (const word of words) {
    const ids = index.get(word) ?? new Set()
    index.set(word, ids.add(id))
  }
}

function edit(id: number): void {
  const document = documents.get(id)
  if (document === undefined) return
  document.edits++
  document.title = `${document.title.slice(0, 60)}, edited ${document.edits} times`
  document.attachment.write(`${document.title} at ${Date.now()}`, Math.floor(Math.random() * 8_192))
}

function drop(id: number): void {
  for (const word of documents.get(id)?.words ?? []) index.get(word)?.delete(id)
  documents.delete(id)
}

function step(): void {
  for (let i = 0; i < changesPerStep; i++) {
    add()
    edit(next - Math.ceil(Math.random() * documentsKept))
    if (documents.size > documentsKept) drop(next - documents.size)
  }
}

// Both get Ctrl-C from a terminal; the demo decides when this ends.
process.on('SIGINT', () => {})
process.stdin.on('end', () => process.exit()).resume()

while (documents.size < documentsKept) step()
process.stdout.write('working\n')
// A program that serves also waits: half of the processor is left to others.
setInterval(step, 4)
