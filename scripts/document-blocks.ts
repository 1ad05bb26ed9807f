/** The code blocks of a document, with what stands above them in comments: for tests that run them, and for the picture. */

export interface Block {
  /** Of the fence, for messages. */
  line: number
  /** As behind the fence; empty for output and drawings. */
  language: string
  text: string
  /** `<!-- name: value -->` right above the block, or `<!-- name -->`. */
  marks: ReadonlyMap<string, string>
}

export function blocksOf(document: string): Block[] {
  const blocks: Block[] = []
  const lines = document.split('\n')
  let marks = new Map<string, string>()
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const mark = /^<!-- ([^:]+?)(?:: (.+))? -->$/.exec(line)
    const fence = /^```(\w*)$/.exec(line)
    if (mark !== null) marks.set(mark[1]!, mark[2] ?? '')
    if (fence !== null) {
      const end = lines.indexOf('```', i + 1)
      if (end < 0) throw new Error(`the block in line ${i + 1} has no end`)
      const text = lines.slice(i + 1, end).map((each) => `${each}\n`)
      blocks.push({ line: i + 1, language: fence[1]!, text: text.join(''), marks })
      i = end
    }
    if (mark === null && line !== '') marks = new Map()
  }
  return blocks
}
