import { type ChildProcess, exec, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, onTestFinished, test } from 'vitest'

import { start } from '../support/cli-run.js'
import { compile, ownFolder } from '../support/programs.js'
import { build, isThere, untilGone } from '../support/tracees.js'

const folder = ownFolder()
const program = build('acts.c')
const script = fileURLToPath(new URL('../support/tracing-node.mjs', import.meta.url))
const workerScript = new URL('../support/resuming-worker.mjs', import.meta.url)

interface Counting {
  pid: number
  /** Goes on, and has missed and repeated nothing. */
  expectWhole(): Promise<void>
}

/** A program that counts into a file, and checks its own memory. */
function startCounting(): Counting {
  const path = join(folder, 'counted')
  const fd = openSync(path, 'w')
  const child = spawn(program, ['counts'], { stdio: ['ignore', fd, 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  closeSync(fd)
  const lines = () => readFileSync(path, 'latin1').split('\n').slice(0, -1)
  return {
    pid: child.pid!,
    async expectWhole() {
      const far = lines().length + 300
      while (lines().length < far && isThere(child.pid!)) await new Promise((resolve) => setTimeout(resolve, 10))
      const all = lines()
      expect(all).toEqual(all.map((_, i) => String(i + 1)))
      expect(isThere(child.pid!)).toBe(true)
      expect(readFileSync(`/proc/${child.pid}/status`, 'latin1')).toMatch(/^TracerPid:\t0$/m)
    },
  }
}

interface Plan {
  inWorker: boolean
  runs: boolean
  end: 'exit' | 'throw' | 'return' | 'wait' | 'tracee' | 'store'
}

async function startNode(plan: Plan & Record<string, unknown>) {
  const node = start(process.execPath, [script, JSON.stringify(plan)])
  const text = await node.printed(/\n/)
  return { ...node, processes: JSON.parse(text) as number[] }
}

const ends: (Plan & { name: string; code: number | null })[] = [
  { name: 'calls process.exit', inWorker: false, runs: false, end: 'exit', code: 3 },
  { name: 'throws', inWorker: false, runs: false, end: 'throw', code: 1 },
  { name: 'is killed', inWorker: false, runs: false, end: 'wait', code: null },
  { name: 'has nothing left to do', inWorker: false, runs: false, end: 'return', code: 0 },
  { name: 'is killed in resume()', inWorker: false, runs: true, end: 'wait', code: null },
  { name: 'calls process.exit, a Worker being in resume()', inWorker: true, runs: true, end: 'exit', code: 3 },
  { name: 'throws, a Worker being in resume()', inWorker: true, runs: true, end: 'throw', code: 1 },
  { name: 'is killed, a Worker being in resume()', inWorker: true, runs: true, end: 'wait', code: null },
  { name: 'throws in a Worker', inWorker: true, runs: false, end: 'throw', code: 1 },
]

describe.each(ends)('when Node $name', ({ code, name, ...plan }) => {
  async function endNode(more: Record<string, unknown>): Promise<number[]> {
    const { child, ended, processes } = await startNode({ ...plan, ...more })
    if (plan.end === 'wait') {
      // So that it is where it says.
      await new Promise((resolve) => setTimeout(resolve, 100))
      child.kill('SIGKILL')
    }
    expect(await ended).toMatchObject({ code, signal: code === null ? 'SIGKILL' : null })
    return processes
  }

  test('what it spawned is gone, and what that has forked', async () => {
    const processes = await endNode({ program, args: ['child-stays'] })
    expect(processes).toHaveLength(2)
    for (const pid of processes) await untilGone(pid)
  })

  test('what it spawned to be detached is gone', async () => {
    const processes = await endNode({ program, args: ['spin'], detachable: true })
    expect(processes).toHaveLength(1)
    await untilGone(processes[0]!)
  })

  test('what it attached to runs on as if nothing had been', async () => {
    const counting = startCounting()
    await endNode({ pid: counting.pid })
    await counting.expectWhole()
  })
})

describe.each(['tracee', 'store'] as const)('when the %s is closed', (end) => {
  test('what it spawned is gone, and what that has forked', async () => {
    const { child, processes } = await startNode({
      inWorker: false,
      runs: false,
      end,
      program,
      args: ['child-stays'],
    })
    for (const pid of processes) await untilGone(pid)
    expect(isThere(child.pid!)).toBe(true)
  })

  test('what it attached to runs on as if nothing had been', async () => {
    const counting = startCounting()
    const { child } = await startNode({ inWorker: false, runs: false, end, pid: counting.pid })
    while (!/^TracerPid:\t0$/m.test(readFileSync(`/proc/${counting.pid}/status`, 'latin1'))) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await counting.expectWhole()
    expect(isThere(child.pid!)).toBe(true)
  })
})

test('what its children have forked while it stood is gone with it', async () => {
  using store = new PageStore()
  const tracee = Tracee.spawn(store, program, ['grandchild-stays'], { stdio: [] })
  const { pid: child } = tracee.resume() as { pid: number }
  expect(tracee.resume().kind).toBe('choice')
  // Wherever the child is by now, its child is somewhere in this process's reach, or will never be.
  const childrenOf = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  while (childrenOf(child) === '') await new Promise((resolve) => setTimeout(resolve, 5))
  const grandchild = Number(childrenOf(child))
  tracee.close()
  await untilGone(grandchild)
})

describe('a Worker that is terminated in resume()', () => {
  test.each(['spin', 'block', 'thread-waits', 'child-stays', 'counts'])('takes its tracee with it: %s', async (act) => {
    using store = new PageStore()
    const mine = Tracee.spawn(store, program, ['choices'], { stdio: [] })
    expect(mine.resume().kind).toBe('choice')
    const open = act === 'block' || act === 'thread-waits' ? ['sh', ['-c', `sleep 1000 | ${program} ${act}`]] : null
    const worker = new Worker(workerScript, {
      workerData: { program: open?.[0] ?? program, args: open?.[1] ?? [act] },
    })
    const [pid] = (await once(worker, 'message')) as [number]
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(isThere(pid)).toBe(true)
    expect(await worker.terminate()).toBe(1)
    await untilGone(pid)
    expect(mine.resume({ choose: 0 })).toMatchObject({ kind: 'choice', alternatives: 1 })
    mine.close()
  })

  test('at any moment of its life', async () => {
    for (const delay of [0, 5, 10, 20, 30, 40, 50, 60, 80]) {
      const worker = new Worker(workerScript, { workerData: { program, args: ['spin'] } })
      let pid: number | undefined
      worker.on('message', (message) => {
        pid = message
      })
      await new Promise((resolve) => setTimeout(resolve, delay))
      await worker.terminate()
      if (pid !== undefined) await untilGone(pid)
    }
  })
})

test('a tracee that nobody holds any more is closed when it is collected', async () => {
  using store = new PageStore()
  const pids = [1, 2, 3].map(() => {
    const tracee = Tracee.spawn(store, program, ['spin'], { stdio: [] })
    tracee.resume({ timeout: 1 })
    return tracee.pid
  })
  while (pids.some(isThere)) {
    global.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const counting = startCounting()
  const attach = () => void Tracee.attach(store, counting.pid)
  attach()
  while (!/^TracerPid:\t0$/m.test(readFileSync(`/proc/${counting.pid}/status`, 'latin1'))) {
    global.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await counting.expectWhole()
})

describe('children that Node itself has started', () => {
  interface Expected {
    child: ChildProcess
    exit: Promise<unknown[]>
    code: number | null
    signal: string | null
  }

  /** Ends of all kinds, within a tenth of a second. */
  function startMany(count: number): Expected[] {
    return Array.from({ length: count }, (_, i) => {
      const wait = `sleep 0.0${(i * 37) % 10}${(i * 13) % 10}`
      const isKilled = i % 5 === 0
      const child =
        i % 3 === 0
          ? exec(`${wait}; ${isKilled ? 'kill -TERM $$' : `exit ${i % 100}`}`)
          : spawn('/bin/sh', ['-c', `${wait}; ${isKilled ? 'kill -TERM $$' : `exit ${i % 100}`}`])
      return {
        child,
        exit: once(child, 'exit'),
        code: isKilled ? null : i % 100,
        signal: isKilled ? 'SIGTERM' : null,
      }
    })
  }

  async function expectEnds(children: Expected[]): Promise<void> {
    for (const { exit, code, signal } of children) expect(await exit).toEqual([code, signal])
  }

  test('give their exit events while a tracee of this thread runs and stops', async () => {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['thread'], { stdio: [] })
    using before = tracee.capture()
    using spinning = Tracee.spawn(store, program, ['spin'], { stdio: [], detachable: true })
    const children = startMany(40)
    for (let i = 0; i < 5; i++) {
      expect(spinning.resume({ timeout: 20 }).kind).toBe('timeout')
      expect(tracee.resume().kind).toBe('clone')
      await new Promise((resolve) => setImmediate(resolve))
      expect(tracee.resume().kind).toBe('thread-exit')
      expect(tracee.resume().kind).toBe('choice')
      expect(execFileSync('echo', ['said']).toString()).toBe('said\n')
      tracee.restore(before)
    }
    await expectEnds(children)
  })

  test('give their exit events while a Worker is in resume()', async () => {
    const worker = new Worker(workerScript, { workerData: { program, args: ['spin'] } })
    const [pid] = await once(worker, 'message')
    for (let i = 0; i < 2; i++) {
      await expectEnds(startMany(30))
      expect(execFileSync('sh', ['-c', 'sleep 0.01; echo said']).toString()).toBe('said\n')
    }
    expect(isThere(pid)).toBe(true)
    await worker.terminate()
    await untilGone(pid)
  })

  test('give their exit events while a Worker’s tracee starts and ends processes', async () => {
    const shell = `for i in $(seq 30); do (exit 3); sleep 0.003; done; kill -USR1 $$`
    const worker = new Worker(workerScript, {
      workerData: { program: '/bin/sh', args: ['-c', shell], until: 'signal' },
    })
    await once(worker, 'message')
    await expectEnds(startMany(40))
    await worker.terminate()
  })

  describe('can be attached to', () => {
    test('from the main thread, run on, and give their exit events', async () => {
      using store = new PageStore()
      for (let i = 0; i < 5; i++) {
        const child = spawn('/bin/sh', ['-c', `read line; exit ${i + 40}`])
        const exit = once(child, 'exit')
        const tracee = Tracee.attach(store, child.pid!)
        tracee.capture().release()
        expect(tracee.resume({ timeout: 5 }).kind).toBe('timeout')
        await new Promise((resolve) => setTimeout(resolve, 5))
        tracee.detach()
        child.stdin.write('go\n')
        expect(await exit).toEqual([i + 40, null])
      }
    })

    test('to their end, of which they give an event', async () => {
      using store = new PageStore()
      for (const end of ['exit 41', 'kill -TERM $$', 'kill -KILL $$']) {
        const child = spawn('/bin/sh', ['-c', `read line; ${end}`])
        const exit = once(child, 'exit')
        const tracee = Tracee.attach(store, child.pid!)
        child.stdin.write('go\n')
        await new Promise((resolve) => setTimeout(resolve, 5))
        let stop = tracee.resume()
        if (end === 'exit 41') {
          expect(stop).toMatchObject({ kind: 'exit', code: 41, ended: false })
          stop = tracee.resume()
          expect(stop).toMatchObject({ kind: 'exit', code: 41, ended: true })
        } else if (end === 'kill -TERM $$') {
          expect(stop).toMatchObject({ kind: 'signal', signal: 'SIGTERM' })
          expect(tracee.resume()).toMatchObject({ kind: 'killed', signal: 'SIGTERM' })
        } else {
          expect(stop).toMatchObject({ kind: 'killed', signal: 'SIGKILL' })
        }
        tracee.close()
        expect(await exit).toEqual(
          end === 'exit 41' ? [41, null] : [null, end.includes('TERM') ? 'SIGTERM' : 'SIGKILL'],
        )
      }
    })

    test('and killed, of which they give an event', async () => {
      using store = new PageStore()
      for (const by of ['kill', 'us']) {
        const child = spawn('/bin/cat')
        const exit = once(child, 'exit')
        using tracee = Tracee.attach(store, child.pid!)
        if (by === 'kill') tracee.kill()
        else child.kill('SIGKILL')
        expect(await exit).toEqual([null, 'SIGKILL'])
      }
    })

    test('from the main thread only: ERR_WRONG_THREAD', async () => {
      const child = spawn('/bin/cat')
      const exit = once(child, 'exit')
      const worker = new Worker(workerScript, { workerData: { attachTo: child.pid } })
      expect(await once(worker, 'message')).toEqual(['ERR_WRONG_THREAD'])
      expect(readFileSync(`/proc/${child.pid}/status`, 'latin1')).toMatch(/^TracerPid:\t0$/m)
      child.stdin.end()
      expect(await exit).toEqual([0, null])
      await worker.terminate()
    })
  })
})

test('what a tracee starts for ever, and what that starts, is gone when it is closed', () => {
  const forks = compile(
    folder,
    'forks-for-ever',
    `#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 2; i++) {
    if (fork() == 0) {
      for (;;) {
        if (fork() == 0) { usleep(100); _exit(0); }
        while (waitpid(-1, 0, WNOHANG) > 0) continue;
      }
    }
  }
  for (;;) pause();
}`,
  )
  const isLeft = (pid: string) => {
    try {
      return /^\d+ \(forks-for-ever\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    } catch {
      return false
    }
  }
  using store = new PageStore()
  for (let round = 0; round < 12; round++) {
    using tracee = Tracee.spawn(store, forks, [], { stdio: ['ignore', 'ignore', 'ignore'] })
    for (let i = 0; i < 4; i++) tracee.resume({ timeout: round % 5 })
  }
  expect(readdirSync('/proc').filter(isLeft)).toEqual([])
})
