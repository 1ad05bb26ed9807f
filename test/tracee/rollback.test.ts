import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Stop, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const directory = ownFolder()

/** The paths to all leaves of the tree, and what the untraced program does there. */
function leaves(depth: number, path: number[] = []): number[][] {
  if (path.length === depth) return [path]
  const alternatives = (depth - path.length) % 2 ? 3 : 2
  return Array.from({ length: alternatives }, (_, choice) => leaves(depth, [...path, choice])).flat()
}

function runNatively(program: string, args: string[], path: number[]) {
  const { stdout, status } = spawnSync(program, args, { env: { PAGESTORE_TRACE: path.join(',') } })
  return { output: stdout.toString(), code: status }
}

describe.each([
  ['dynamic', ['-O2']],
  ['static', ['-O1', '-static']],
])('a %s program', (_, flags) => {
  const program = build('tree.c', { flags })

  test.each([false, true])(
    'visits by rollbacks what a search written separately visits (detachable: %s)',
    (detachable) => {
      const depth = 5
      using store = new PageStore()
      const output = join(directory, 'output')
      const fd = openSync(output, 'w')
      const tracee = Tracee.spawn(store, program, [String(depth)], { stdio: ['ignore', fd, 'inherit'], detachable })
      closeSync(fd)
      const found = new Map<string, number>()
      const first = tracee.resume()
      const start = tracee.capture()

      const visit = (stop: Stop, path: number[]) => {
        if (stop.kind === 'exit') {
          expect(stop.ended).toBe(false)
          found.set(path.join(','), stop.code)
          return
        }
        if (stop.kind !== 'choice') throw new Error(`stopped for ${stop.kind}`)
        const here = tracee.capture()
        for (let choose = 0; choose < stop.alternatives; choose++) {
          tracee.restore(here)
          visit(tracee.resume({ choose }), [...path, choose])
        }
        here.release()
      }
      visit(first, [])

      const expected = leaves(depth)
      expect([...found.keys()].sort()).toEqual(expected.map((path) => path.join(',')).sort())
      for (const path of expected.filter((_, i) => i % 7 === 0)) {
        expect(found.get(path.join(','))).toBe(runNatively(program, [String(depth)], path).code)
      }

      // Back at the start, and to the end on a path of its own: it prints what an untraced run prints.
      tracee.restore(start)
      const again = tracee.capture()
      expect(again.equals(start)).toBe(true)
      const path = expected[Math.floor(expected.length / 2)]!
      let stop: Stop = first
      for (const choose of path) stop = tracee.resume({ choose })
      expect(stop.kind).toBe('exit')
      const ended = tracee.resume()
      const native = runNatively(program, [String(depth)], path)
      expect(ended).toMatchObject({ kind: 'exit', code: native.code, ended: true })
      // stdio writes what is in its buffer only at the end; what was printed at other ends was taken back.
      const printed = readFileSync(output, 'utf8').trimEnd().split('\n')
      expect(printed).toEqual([native.output.trimEnd()])

      tracee.close()
      for (const snapshot of [start, again]) snapshot.release()
      expect(store.stats()).toMatchObject({ pages: 0, tables: 0, references: 0 })
    },
  )
})

test('an end is told while it can be undone, as often as one likes', () => {
  using store = new PageStore()
  using tracee = Tracee.spawn(store, '/bin/true')
  using start = tracee.capture()
  for (let i = 0; i < 20; i++) {
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0, ended: false })
    tracee.restore(start)
    using again = tracee.capture()
    expect(again.equals(start)).toBe(true)
  }
  expect(execFileSync('true').length).toBe(0)
})
