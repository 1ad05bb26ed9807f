/**
 * Every code block of every document runs here, as a reader would run it: in a project of its own per document, with the
 * package installed and what the blocks above have made. What a comment above a block says:
 *
 * - `<!-- not run: why -->`: it does not, and why.
 * - `<!-- file: name -->`: it is that file. C is compiled in any case.
 * - `<!-- exits with N -->`: a command that is to fail.
 * - `<!-- numbers vary -->`: of output; only the words count.
 * - `<!-- warns: CODE -->`: Node prints one warning with that code.
 *
 * A block with no language behind one that ran is its output: a line of three dots is any number of lines, and times
 * and bytes are what they are. In JavaScript the comments behind `console.log` are the output, up to a colon.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { type Block, blocksOf } from '../scripts/document-blocks.js'
import { documents, read, root } from './support/documents.js'
import { ownFolder } from './support/programs.js'

// What npm, and a reader who makes a project, would put there. `npx` asks no registry.
function projectFor(document: string): string {
  const project = join(folder, document.replaceAll('/', '-'))
  const bin = join(project, 'node_modules/.bin')
  mkdirSync(bin, { recursive: true })
  symlinkSync(root, join(project, 'node_modules/pagestore'))
  symlinkSync(join(root, 'dist/lib/cli/main.js'), join(bin, 'pagestore'))
  symlinkSync(process.execPath, join(bin, 'node'))
  writeFileSync(join(bin, 'npx'), '#!/bin/sh\nexec "$@"\n')
  chmodSync(join(bin, 'npx'), 0o755)
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  return project
}

interface Ran {
  stdout: string
  /** Where the block says itself what it prints. */
  shown?: string[]
}

function run(block: Block, project: string): Ran {
  const name = block.marks.get('file')
  if (name !== undefined) writeFileSync(join(project, name), block.text)
  switch (block.language) {
    case 'c':
      return { stdout: execute('cc', ['-Wall', '-Wextra', '-Werror', '-fsyntax-only', ...include, '-xc', '-'], block) }
    case 'sh':
      return { stdout: execute('sh', ['-e'], block, project) }
    case 'js': {
      const script = name ?? `block-${block.line}.mjs`
      writeFileSync(join(project, script), block.text)
      return { stdout: execute('node', [script], { ...block, text: '' }, project), shown: shownIn(block.text) }
    }
    case 'json':
      JSON.parse(block.text)
      return { stdout: '' }
    default:
      throw new Error(`line ${block.line}: nothing is known of how to run ${block.language || 'what has no language'}`)
  }
}

const include = ['-I', join(root, 'include')]

function execute(file: string, args: string[], { line, marks, text }: Block, cwd = root): string {
  const { stdout, stderr, status, signal } = spawnSync(file, args, {
    cwd,
    input: text,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(cwd, 'node_modules/.bin')}:${process.env['PATH']}` },
  })
  const exits = [...marks.keys()].find((mark) => mark.startsWith('exits with '))
  expect({ line, stderr: withoutWarning(stderr, marks.get('warns')), ended: signal ?? status }).toEqual({
    line,
    stderr: '',
    ended: exits === undefined ? 0 : Number(exits.slice('exits with '.length)),
  })
  return stdout
}

/** What else was printed; all of it with a complaint where the warning is missing. */
function withoutWarning(stderr: string, code: string | undefined): string {
  if (code === undefined) return stderr
  const [before, after] = stderr.split(new RegExp(`\\(node:\\d+\\) \\[${code}\\] .*\\n\\(Use .*\\n`))
  return after === undefined ? `no warning ${code}: ${stderr}` : `${before}${after}`
}

function shownIn(text: string): string[] {
  return [...text.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, shown]) => shown!)
}

function plain(text: string, varies: boolean): string {
  const without = text.replace(/[\d.]+ s\b/g, 'SECONDS').replace(/[\d ]+ bytes\/state/g, ' BYTES')
  if (!varies) return without.trimEnd()
  const words = without.replace(/\d[\d,.]*/g, 'N').replace(/N ([KMG]iB|bytes)/g, 'N bytes')
  return words.replace(/[ ─]+/g, ' ').trimEnd()
}

// What a state takes depends a little on the machine: by no more than this factor.
const mostDifference = 1.4

function expectBytes(line: number, text: string, printed: string): void {
  const bytesIn = (from: string) =>
    [...from.matchAll(/([\d ]+) bytes\/state/g)].map(([, digits]) => Number(digits?.replaceAll(' ', '')))
  const found = bytesIn(printed)
  for (const [i, said] of bytesIn(text).entries()) {
    const factor = said / (found[i] ?? Number.NaN)
    expect({
      line,
      said,
      found: found[i],
      isNear: factor < mostDifference && factor > 1 / mostDifference,
    }).toMatchObject({
      isNear: true,
    })
  }
}

function expectOutput({ line, text, marks }: Block, { stdout }: Ran): void {
  if (!marks.has('numbers vary')) expectBytes(line, text, stdout)
  const varies = marks.has('numbers vary')
  const parts = plain(text, varies).split(/^\.\.\.$/m)
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*?')
  const printed = plain(stdout, varies)
  if (parts.length === 1) expect({ line, printed }).toEqual({ line, printed: parts[0] })
  else expect({ line, printed }).toEqual({ line, printed: expect.stringMatching(new RegExp(`^${pattern}$`)) })
}

function expectShown(line: number, { stdout, shown = [] }: Ran): void {
  const printed = stdout.split('\n').slice(0, -1)
  const shortened = shown.map((each, i) => (each.startsWith(`${printed[i]}:`) ? printed[i] : each))
  expect({ line, printed }).toEqual({ line, printed: shortened })
}

const folder = ownFolder()

describe.each(documents)('%s', (document) => {
  const blocks = blocksOf(read(document))
  test.runIf(blocks.length > 0)('every block does what it says, or says why it is not run', () => {
    const project = projectFor(document)
    let last: Ran | undefined
    for (const [i, block] of blocks.entries()) {
      const reason = block.marks.get('not run')
      if (reason !== undefined) {
        expect(reason, `line ${block.line}`).toMatch(/^.{8,}$/)
        last = undefined
      } else if (block.language === '' && last !== undefined) {
        expectOutput(block, last)
        last = undefined
      } else {
        last = run(block, project)
        const next = blocks[i + 1]
        const isFollowed = next?.language === '' && !next.marks.has('not run')
        if (last.shown !== undefined && !isFollowed) expectShown(block.line, last)
      }
    }
  })
})
