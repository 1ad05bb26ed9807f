import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'

import { runCli, start, startCli, startNode } from '../support/cli-run.js'

const isRoot = process.getuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }

/** Exit code 1, nothing but one line on standard error. */
function oneLine(pattern: RegExp): object {
  return { code: 1, stdout: '', stderr: expect.stringMatching(new RegExp(`^error: ${pattern.source}\\n$`)) }
}

describe('one line and exit code 1', () => {
  it('for a process that is gone', async () => {
    const { pid } = spawnSync('true')
    expect(await runCli(['dedup', pid])).toEqual(expect.objectContaining(oneLine(/there is no process \d+/)))
  })

  it('for a process that there cannot be', async () => {
    expect(await runCli(['dedup', 2 ** 40])).toMatchObject(oneLine(/there is no process 1099511627776/))
  })

  it('for a kernel thread', async ({ skip }) => {
    if (!isKernelThread(2)) return skip('process 2 is no kernel thread here (a container)')
    expect(await runCli(['dedup', 2])).toMatchObject(oneLine(/process 2 is a kernel thread: .*/))
  })

  it('for a zombie', async () => {
    const parent = start('sh', ['-c', 'sleep 0.3 & echo "pid $!"; exec sleep 60'])
    const pid = Number(/pid (\d+)/.exec(await parent.printed(/pid \d+\n/))?.[1])
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) await setTimeout(20)
    expect(await runCli(['dedup', pid])).toMatchObject(oneLine(/process \d+ has ended \(a zombie .*/))
  })

  it('for a process of another user', async ({ skip }) => {
    if (isRoot) {
      const readable = await runCli(['--version'], nobody)
      if (readable.code !== 0) return skip('this folder is closed to other users')
    } else if (canRead('/proc/1/maps')) {
      return skip('there is no process that this user may not read')
    }
    const ended = isRoot ? await runCli(['dedup', process.pid], nobody) : await runCli(['dedup', 1])
    expect(ended).toMatchObject(
      oneLine(/process \d+ is not ours to read or trace: .* It is user \d+'s, and we are user \d+: .*/),
    )
  })

  it('for a process that dies half-way', async () => {
    const { child, pid } = await startNode('')
    const job = startCli(['dedup', pid, '--rounds', 1000, '--interval', 20])
    await job.printed(/round 1 of/)
    child.kill('SIGKILL')
    expect(await job.ended).toMatchObject({
      code: 1,
      stderr: `error: process ${pid} ended while it was being read\n`,
    })
  })

  it('for more pages than there is room for', async () => {
    const { pid } = await startNode('')
    const { code, stderr } = await runCli(['dedup', pid, '--max-pages', 100])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: out of memory with [\d,]+ distinct pages .*\n$/)
  })

  it.each(['abc', '', '0', '-5', '1.5', '1e3', '0x10', '99999999999999999999'])('for "%s" as a pid', async (pid) => {
    expect(await runCli(['dedup', pid])).toMatchObject(oneLine(/.*'pid'.*/))
  })

  it.each([
    ['--rounds', '0'],
    ['--rounds', '-1'],
    ['--rounds', 'NaN'],
    ['--rounds', '2.5'],
    ['--interval', '-1'],
    ['--interval', 'NaN'],
    ['--interval', ''],
    ['--interval', '2147483648'],
    ['--max-pages', '0'],
  ])('for %s %s', async (option, value) => {
    expect(await runCli(['dedup', process.pid, option, value])).toMatchObject(oneLine(/option '--.* is invalid.*/))
    expect(await runCli(['demo', option, value])).toMatchObject(oneLine(/option '--.* is invalid.*/))
  })

  it.each([['dedup'], ['frob'], ['dedup', '1', '2'], ['demo', '--frob'], ['dedup', '1', '--rounds']])(
    'for arguments that make no sense: %s %s %s',
    async (...args) => {
      expect(await runCli(args.filter((arg) => arg !== undefined))).toMatchObject(oneLine(/.*/))
    },
  )
})

describe('pagestore --help and --version', () => {
  it('name the commands and the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' })
    const help = await runCli(['--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toMatch(/demo .*\n[\s\S]*dedup .*<pid>/)
  })
})

function isKernelThread(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.includes('(kthreadd)')
  } catch {
    return false
  }
}

function canRead(file: string): boolean {
  try {
    readFileSync(file)
    return true
  } catch {
    return false
  }
}
