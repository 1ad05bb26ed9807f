/**
 * The program that the demo reads: it adds, edits, indexes and drops documents, for ever. Its memory stays within some
 * 40 MB, and a good part of it changes all the time.
 *
 * It ends when its standard input does.
 */

interface Document {
  title: string
  terms: string[]
  edits: number
  /** Many begin as copies of one template. */
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
  const terms = Array.from({ length: 40 }, () => any(vocabulary))
  const attachment = Buffer.from(template)
  if (id % 4 === 0) attachment.fill(0, 4_096)
  documents.set(id, { title: `Document ${id} about ${terms[0]}`, terms, edits: 0, attachment })
  for (const term of terms) {
    const ids = index.get(term) ?? new Set()
    index.set(term, ids.add(id))
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
  for (const term of documents.get(id)?.terms ?? []) index.get(term)?.delete(id)
  documents.delete(id)
}

function step(): void {
  for (let i = 0; i < changesPerStep; i++) {
    add()
    edit(next - Math.ceil(Math.random() * documentsKept))
    if (documents.size > documentsKept) drop(next - documents.size)
  }
}

// A terminal sends Ctrl-C to both programs; the demo decides when this one ends.
process.on('SIGINT', () => {})
process.stdin.on('end', () => process.exit()).resume()

while (documents.size < documentsKept) step()
process.stdout.write('working\n')
// Leaves half of the processor to others.
setInterval(step, 4)
