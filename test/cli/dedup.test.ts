import { describe, expect, it } from 'vitest'

import { pageSize } from '../../lib/index.js'
import { main, rows, runCli, start, startCli, startNode } from '../support/cli-run.js'

const quick = ['--rounds', 2, '--interval', 0]

// As when `npm test` runs as root: then another user can be played.
const nobody = { uid: 65534, gid: 65534 }
const isRoot = process.getuid?.() === 0

describe('pagestore dedup', () => {
  it('stores the memory of a Node program and prints a table whose numbers agree', async () => {
    const { pid } = await startNode('globalThis.zeros = Buffer.alloc(1 << 20).fill(0)')
    const { code, stdout, stderr } = await runCli(['dedup', pid, ...quick])

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const table = rows(stdout)
    const read = table['pages read']!
    const distinct = table['distinct pages stored']!
    // The second round found at least the program's code again.
    expect(read).toBeGreaterThan(1.5 * distinct)
    expect(table['duplicates']).toBe(read - distinct)
    expect(table['bytes saved']).toBe((read - distinct) * pageSize)
    expect(table['zero pages']).toBeGreaterThan((2 * (1 << 20)) / pageSize - 10)
    expect(table['ns per page read']).toBeGreaterThan(0)
    expect(table['ns per page stored']).toBeGreaterThan(0)
  })

  it('prints a plain line per round where there is no terminal', async () => {
    const { pid } = await startNode('')
    const { stdout } = await runCli(['dedup', pid, '--rounds', 3, '--interval', 0])
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      expect.stringMatching(/^round 1 of 3: [\d,]+ pages read, [\d,]+ distinct$/),
      expect.stringMatching(/^round 2 of 3: /),
      expect.stringMatching(/^round 3 of 3: /),
      expect.stringMatching(
        /^all equal when read back: [\d,]+ pages after they were stored, [\d,]+ distinct pages at the end$/,
      ),
    ])
    expect(stdout).not.toContain('\u001b')
  })

  it('stores the memory of a Python program', async ({ skip }) => {
    const python = start('python3', ['-c', 'import time; print("up", flush=True); time.sleep(60)'])
    python.child.on('error', () => {})
    const up = await python.printed(/up/).catch(() => undefined)
    if (up === undefined) return skip('there is no python3')
    const { code, stdout } = await runCli(['dedup', python.child.pid!, ...quick])
    expect(code).toBe(0)
    expect(rows(stdout)['pages read']).toBeGreaterThan(0)
  })

  it('stores its own memory, but not what it has stored', async () => {
    const { code, stdout } = await start('sh', [
      '-c',
      `exec "${process.execPath}" "${main}" dedup $$ --rounds 3 --interval 0`,
    ]).ended
    expect(code).toBe(0)
    const read = [...stdout.matchAll(/: ([\d,]+) pages read/g)].map(([, n]) => Number(n?.replaceAll(',', '')))
    // Each round would find all pages of the rounds before a second time.
    expect(read[2]! - read[1]!).toBeLessThan(1.5 * read[0]!)
  })

  it('goes on with a process that becomes another program', async () => {
    const shell = start('sh', ['-c', 'echo up; read line; exec sleep 60'])
    await shell.printed(/up/)
    const job = startCli(['dedup', shell.child.pid!, '--rounds', 20, '--interval', 20])
    await job.printed(/round 1 of/)
    shell.child.stdin?.write('\n')
    expect(await job.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it.runIf(isRoot)('works for a user without privileges on a process of their own', async ({ skip }) => {
    const readable = await runCli(['--version'], nobody)
    if (readable.code !== 0) return skip('this folder is closed to other users')
    const sleeper = start('sleep', ['60'], nobody)
    const { code, stderr } = await runCli(['dedup', sleeper.child.pid!, ...quick], nobody)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it.each(['at once', 'at the end'])('fails when the store gives back %s what was not read', async (when) => {
    const { pid } = await startNode('')
    const broken = new URL('../support/cli-broken-store.mjs', import.meta.url).href
    const { code, stdout, stderr } = await runCli(['dedup', pid, ...quick], {
      env: { NODE_OPTIONS: `--import ${broken}`, BROKEN: when },
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: page \d+ reads back different .*\n$/)
    expect(stderr.includes('at the end')).toBe(when === 'at the end')
    expect(rows(stdout)).toEqual({})
  })
})
