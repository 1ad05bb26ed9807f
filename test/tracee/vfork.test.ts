/** A process that has a thread inside vfork, which nothing can stop: it is left as it was. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'

import { PageStore, ProcessMemory, Tracee } from '../../lib/index.js'
import { build } from '../support/tracees.js'

const program = build('vforks.c')

const tasks = (pid: number) => readdirSync(`/proc/${pid}/task`)
const tracers = (pid: number) =>
  tasks(pid).map((id) => /^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${id}/status`, 'latin1'))?.[1])
const childrenOf = (pid: number) =>
  tasks(pid).flatMap((id) => readFileSync(`/proc/${pid}/task/${id}/children`, 'latin1').split(' ').filter(Boolean))

function start(depth = 1, ...more: string[]): { child: ChildProcess; pid: number; line: () => Promise<string> } {
  const child = spawn(program, [String(depth), ...more], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
    child.stdin?.end()
  })
  const lines: string[] = []
  child.stdout?.on('data', (text: Buffer) => lines.push(...text.toString().trim().split('\n')))
  const line = async () => {
    while (lines.length === 0) await once(child.stdout!, 'data')
    return lines.shift()!
  }
  return { child, pid: child.pid!, line }
}

test.each([1, 3])('it is captured at once, while %s vforks last, and runs on', async (depth) => {
  const { child, pid, line } = start(depth)
  expect(await line()).toBe('inside')
  using store = new PageStore()
  using memory = new ProcessMemory(store, pid)
  for (let i = 0; i < 3; i++) memory.capture()
  expect(tracers(pid)).toEqual(['0', '0'])
  for (const one of childrenOf(pid)) expect(tracers(Number(one))).toEqual(['0'])
  child.stdin!.write('x')
  expect(await line()).toMatch(/^over /)
})

test('none of its memory changes between the pages that a capture takes: the child stands still, too', async () => {
  const { pid, line } = start()
  expect(await line()).toBe('inside')
  using store = new PageStore()
  const stopped: string[] = []
  const regions = () => {
    for (const one of childrenOf(pid)) {
      stopped.push(/^State:\s+(\S)/m.exec(readFileSync(`/proc/${one}/status`, 'latin1'))?.[1] ?? '')
    }
    return true
  }
  using memory = new ProcessMemory(store, pid, { regions: (region) => region.path === '[stack]' && regions() })
  memory.capture()
  expect(stopped).toEqual(['t'])
})

test('it cannot be attached to, and is left alone', async () => {
  const { child, pid, line } = start()
  expect(await line()).toBe('inside')
  using store = new PageStore()
  expect(() => Tracee.attach(store, pid)).toThrow(/vfork/)
  expect(tracers(pid)).toEqual(['0', '0'])
  child.stdin!.write('x')
  expect(await line()).toMatch(/^over /)
})

test.each(['detach', 'close'] as const)(
  'a thread that is inside vfork at %s runs on when that is over',
  async (end) => {
    const { child, pid, line } = start(1, 'asked')
    using store = new PageStore()
    const tracee = Tracee.attach(store, pid)
    child.stdin!.write('x')
    while (tracee.resume({ timeout: 5 }).kind !== 'fork') await new Promise(setImmediate)
    tracee.resume({ timeout: 5 })
    tracee[end]()
    expect(await line()).toBe('inside')
    child.stdin!.write('x')
    expect(await line()).toMatch(/^over /)
    while (tracers(pid).some((tracer) => tracer !== '0')) await new Promise((resolve) => setTimeout(resolve, 5))
  },
)
