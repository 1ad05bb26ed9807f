import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

import { isGone, main, rows, runCli, start, startCli, untilGone } from '../support/cli-run.js'

const forLong = ['demo', '--rounds', 1000]
const pidIn = (text: string) => Number(/process (\d+)/.exec(text)?.[1])

describe('pagestore demo', () => {
  it('reads a working program, prints the table and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--rounds', 3, '--interval', 50])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const table = rows(stdout)
    expect(table['pages read']).toBeGreaterThan(table['distinct pages stored']!)
    expect(table['zero pages']).toBeGreaterThan(0)
    expect(isGone(pidIn(stdout))).toBe(true)
  })

  it('reads memory that changes from round to round', async () => {
    const { stdout } = await runCli(['demo', '--rounds', 3, '--interval', 100])
    const distinct = [...stdout.matchAll(/, ([\d,]+) distinct$/gm)].map(([, n]) => Number(n?.replaceAll(',', '')))
    expect(distinct[1]).toBeGreaterThan(distinct[0]!)
    expect(distinct[2]).toBeGreaterThan(distinct[1]!)
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends its program and itself on %s', async (signal) => {
    const demo = startCli(forLong)
    const pid = pidIn(await demo.printed(/round 1 of/))
    demo.child.kill(signal)
    expect(await demo.ended).toMatchObject({ code: null, signal, stderr: '' })
    expect(isGone(pid)).toBe(true)
  })

  it('takes its program along when it is killed', async () => {
    const demo = startCli(forLong)
    const pid = pidIn(await demo.printed(/round 1 of/))
    demo.child.kill('SIGKILL')
    await demo.ended
    await untilGone(pid)
  })

  it('ends its program when nobody reads its output any more', async () => {
    const demo = startCli(forLong)
    const pid = pidIn(await demo.printed(/round 1 of/))
    demo.child.stdout?.destroy()
    expect(await demo.ended).toMatchObject({ code: 141, stderr: '' })
    expect(isGone(pid)).toBe(true)
  })

  it('says in one line that its program ended', async () => {
    const demo = startCli(forLong)
    const pid = pidIn(await demo.printed(/round 1 of/))
    process.kill(pid, 'SIGKILL')
    expect(await demo.ended).toMatchObject({ code: 1, stderr: `error: process ${pid} ended while it was being read\n` })
  })
})

describe('on a terminal', () => {
  const terminal = (command: string, columns = 80) =>
    start('script', ['-qec', `stty cols ${columns}; ${command}`, '/dev/null'], {
      env: { TERM: 'xterm', SHELL: '/bin/sh' },
    })
  const demo = `"${process.execPath}" "${main}" demo`

  it('progress is a line that moves, and the cursor comes back', async ({ skip }) => {
    if (!hasScript()) return skip('there is no script(1) to make a terminal')
    const { code, stdout } = await terminal(`${demo} --rounds 3 --interval 100`).ended
    expect(code).toBe(0)
    expect(stdout).toContain('\u001b[?25l')
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'))
    expect(stdout).toContain('✔')
    expect(rows(stdout)['pages read']).toBeGreaterThan(0)
  })

  it('that does not know its width, progress is a plain line per round', async ({ skip }) => {
    if (!hasScript()) return skip('there is no script(1) to make a terminal')
    const { code, stdout } = await terminal(`${demo} --rounds 2 --interval 0`, 0).ended
    expect(code).toBe(0)
    expect(stdout).toContain('round 2 of 2')
    expect(stdout).not.toContain('\u001b')
  })

  it('Ctrl-C ends both programs and gives the terminal back', async ({ skip }) => {
    if (!hasScript()) return skip('there is no script(1) to make a terminal')
    const session = terminal(`stty -g; trap : INT; ${demo} --rounds 1000; echo "code $?"; stty -g`)
    const pid = pidIn(await session.printed(/round 2 of/))
    session.child.stdin?.write('\u0003')
    const { stdout } = await session.ended
    expect(stdout).toContain('code 130')
    await untilGone(pid)
    const [before, after] = stdout.match(/^[\da-f]+(:[\da-f]+){10,}/gm) ?? []
    expect(before).toBeDefined()
    expect(after).toBe(before)
    expect(stdout.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stdout.lastIndexOf('\u001b[?25l'))
    expect(stdout).not.toContain('error')
  })
})

function hasScript(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux')
  } catch {
    return false
  }
}
