/**
 * For typedoc: a document is called what its heading says, and sorted as docs/README.md sorts it. By itself typedoc calls
 * documents what their files are called, and leaves them in one heap.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Converter } from 'typedoc'

const folder = join(dirname(fileURLToPath(import.meta.url)), '../docs')
const heading = /^# (.*)\n+/

/** From the title of each document that docs/README.md links to, the section that does. */
function sections() {
  const sections = new Map()
  let section = ''
  for (const line of readFileSync(join(folder, 'README.md'), 'utf8').split('\n')) {
    section = /^## (.*)$/.exec(line)?.[1] ?? section
    for (const [, path = ''] of line.matchAll(/\]\(([\w./-]+\.md)\)/g)) {
      sections.set(heading.exec(readFileSync(join(folder, path), 'utf8'))?.[1], section)
    }
  }
  return sections
}

/** @param {import('typedoc').Application} app */
export function load(app) {
  const known = sections()
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const [first] = document.content
    const title = first === undefined ? undefined : heading.exec(first.text)?.[1]
    if (first === undefined || title === undefined) return
    document.name = title
    document.frontmatter['group'] = known.get(title) ?? 'Documents'
    first.text = first.text.replace(heading, '')
  })
}
