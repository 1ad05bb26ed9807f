/**
 * Draws the picture of a terminal that the README shows, from what the command really prints: `npm run picture` writes
 * docs/check.svg. A test compares its text with what the command prints today.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { blocksOf } from './document-blocks.js'

const command = 'npx pagestore check -- ./clerks'

/** What a terminal shows: the tutorial's program, checked. `root` is the folder of the package. */
export function record(root: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pagestore-'))
  try {
    const tutorial = blocksOf(readFileSync(join(root, 'docs/check.md'), 'utf8'))
    const program = tutorial.find(({ marks }) => marks.get('file') === 'clerks.c')
    if (program === undefined) throw new Error('docs/check.md has no clerks.c')
    writeFileSync(join(folder, 'clerks.c'), program.text)
    execFileSync('cc', ['-g', '-I', join(root, 'include'), '-o', 'clerks', 'clerks.c'], { cwd: folder })
    // As npx starts it.
    const file = join(folder, 'node_modules/.bin/pagestore')
    mkdirSync(dirname(file), { recursive: true })
    symlinkSync(join(root, 'dist/lib/cli/main.js'), file)
    const env = { ...process.env, npm_command: 'exec' }
    const { stdout } = spawnSync(process.execPath, [file, 'check', '--', './clerks'], {
      cwd: folder,
      encoding: 'utf8',
      env,
    })
    return `$ ${command}\n${stdout}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const size = 14
const columnWidth = 8.43 // of the usual monospaced fonts, at that size
const lineHeight = 20
const border = 16
const bar = 28

/** Text as a picture of a terminal. */
export function draw(text: string): string {
  const lines = text.trimEnd().split('\n')
  const width = Math.ceil(Math.max(...lines.map(({ length }) => length)) * columnWidth) + 2 * border
  const height = lines.length * lineHeight + bar + border
  const rows = lines.map(
    (line, i) => `<text x="${border}" y="${bar + (i + 1) * lineHeight - 5}"${styleOf(line)}>${escaped(line)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escaped(lines[0] ?? '')}</title>
<style>text { font: ${size}px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d4d7dd; white-space: pre }
.prompt { fill: #8fd18f } .wrong { fill: #ff8a80; font-weight: bold } .count { fill: #ffd479 }</style>
<rect width="${width}" height="${height}" rx="8" fill="#1d2027"/>
<circle cx="20" cy="15" r="5" fill="#ff5f57"/><circle cx="38" cy="15" r="5" fill="#febc2e"/><circle cx="56" cy="15" r="5" fill="#28c840"/>
${rows.join('\n')}
</svg>
`
}

/** The text that a picture shows. */
export function textOf(picture: string): string {
  return [...picture.matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, line]) => `${plain(line!)}\n`).join('')
}

function styleOf(line: string): string {
  const style = line.startsWith('$ ')
    ? 'prompt'
    : line.startsWith('assertion failed')
      ? 'wrong'
      : /^\d+ violation/.test(line)
        ? 'count'
        : undefined
  return `${style === undefined ? '' : ` class="${style}"`} xml:space="preserve"`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function plain(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  writeFileSync(join(root, 'docs/check.svg'), draw(record(root)))
}
