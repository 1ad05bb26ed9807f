import { spawn } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { type Started, start } from '../support/cli-run.js'
import { store } from '../support/emptied-store.js'
import { errorOf } from '../support/pages.js'
import { isInstalled, ownFolder } from '../support/programs.js'
import { refused } from '../support/refused.js'
import { stopsOf } from '../support/running.js'
import { build, isThere, untilGone } from '../support/tracees.js'

const folder = ownFolder()
const program = build('acts.c')

function stateOf(pid: number): string {
  return /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!
}

function tracerOf(pid: number): number {
  return Number(/^TracerPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1])
}

/** A process that is not a child of ours: of a shell that waits for it and says how it ended. */
async function startForeign(file: string, args: string[], up: RegExp): Promise<Started & { pid: number }> {
  const shell = start('sh', ['-c', '"$0" "$@" & echo "pid $!"; wait $!; echo "ended $?"', file, ...args])
  const pid = Number(/pid (\d+)/.exec(await shell.printed(/pid \d+\n/))![1])
  await shell.printed(up)
  return { ...shell, pid }
}

describe('a foreign process', () => {
  const python = `
import threading, time, sys
done = []
def work(n):
    for i in range(30):
        time.sleep(0.002)
        done.append(n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
print("up", flush=True)
for each in threads: each.start()
for i in range(30):
    print(i, i * i, flush=True)
    time.sleep(0.005)
for each in threads: each.join()
print("done", len(done), flush=True)
sys.exit(9)`

  test.skipIf(!isInstalled('/usr/bin/python3'))(
    'with threads is captured, runs and runs on as if nothing had been',
    async () => {
      const { pid, ended } = await startForeign('/usr/bin/python3', ['-c', python], /up/)
      const tracee = Tracee.attach(store, pid)
      expect(tracerOf(pid)).toBe(process.pid)
      for (let i = 0; i < 8; i++) {
        const snapshot = tracee.capture()
        expect(snapshot.pageCount).toBeGreaterThan(500)
        // Threads may come and go meanwhile, which are stops like others.
        tracee.resume({ timeout: 5 })
        snapshot.release()
      }
      tracee.detach()
      expect(tracerOf(pid)).toBe(0)
      const { stdout } = await ended
      const lines = stdout
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('pid'))
      expect(lines).toEqual(['up', ...Array.from({ length: 30 }, (_, i) => `${i} ${i * i}`), 'done 90', 'ended 9'])
    },
  )

  test('is rolled back in the middle of a computation, and goes on from there', async () => {
    const { pid, printed, child } = await startForeign(program, ['counts'], /\n50\n/)
    // What it prints goes to a pipe, and stays.
    const tracee = Tracee.attach(store, pid, { files: 'ignore', onWarning: () => {} })
    const before = tracee.capture()
    // A sleep that was interrupted begins anew, which is another call than the one that goes on with it.
    tracee.restore(before)
    const registers = tracee.registers()
    for (let i = 0; i < 10; i++) {
      expect(tracee.resume({ timeout: 10 }).kind).toBe('timeout')
      tracee.restore(before)
      const again = tracee.capture()
      expect(again.equals(before)).toBe(true)
      again.release()
    }
    expect(tracee.registers()).toEqual(registers)
    before.release()
    tracee.detach()
    const from = Number((await printed(/\n/)).trimEnd().split('\n').at(-1))
    const text = await printed(new RegExp(`\\n${from + 200}\\n`))
    expect(text).not.toContain('wrong')
    process.kill(pid, 'SIGKILL')
    child.kill()
  })

  test.each(['block', 'thread-waits'])(
    'that waits goes on to wait, before a rollback and behind it: %s',
    async (act) => {
      const input = start('sh', ['-c', `echo up; exec ${program} ${act}`])
      await input.printed(/up/)
      const pid = input.child.pid!
      while (!readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(act)) await new Promise((r) => setTimeout(r, 2))
      await new Promise((resolve) => setTimeout(resolve, 20))
      const tracee = Tracee.attach(store, pid)
      expect(tracee.threads).toHaveLength(act === 'block' ? 1 : 2)
      const waiting = tracee.capture()
      for (let i = 0; i < 5; i++) {
        expect(tracee.resume({ timeout: 5 }).kind).toBe('timeout')
        tracee.restore(waiting)
      }
      waiting.release()
      tracee.detach()
      expect(stateOf(pid)).not.toMatch(/[tT]/)
      if (act === 'block') input.child.stdin!.write('A')
      else input.child.stdin!.end('some text')
      expect(await input.ended).toMatchObject({ code: act === 'block' ? 65 : 7 })
    },
  )

  test('is ended by kill', async () => {
    const { pid, ended } = await startForeign('sleep', ['60'], /pid/)
    const tracee = Tracee.attach(store, pid)
    tracee.kill()
    expect((await ended).stdout).toMatch(/ended 137/)
    expect(errorOf(() => tracee.resume()).code).toBe('ERR_PROCESS_GONE')
    tracee.close()
  })

  // What it prints is not read meanwhile, and more than some 270 lines would not fit.
  test('is watched to its end', async () => {
    const { pid, ended } = await startForeign(program, ['waits', '200'], /\n3\n/)
    using tracee = Tracee.attach(store, pid)
    const stops = stopsOf(tracee)
    expect(stops.at(-2)).toMatchObject({ kind: 'exit', code: 0, ended: false })
    expect(stops.at(-1)).toMatchObject({ kind: 'exit', code: 0, ended: true })
    expect((await ended).stdout).toMatch(/ended 0/)
  })

  test('that was stopped is attached to, captured, and stays stopped', async () => {
    const { pid, printed } = await startForeign(program, ['counts'], /\n20\n/)
    process.kill(pid, 'SIGSTOP')
    while (stateOf(pid) !== 'T') await new Promise((resolve) => setTimeout(resolve, 2))
    const tracee = Tracee.attach(store, pid)
    const snapshot = tracee.capture()
    expect(snapshot.pageCount).toBeGreaterThan(10)
    tracee.restore(snapshot)
    expect(tracee.resume({ timeout: 20 }).kind).toBe('timeout')
    const again = tracee.capture()
    expect(again.diff(snapshot)).toEqual([])
    again.release()
    snapshot.release()
    tracee.detach()
    while (stateOf(pid) !== 'T') await new Promise((resolve) => setTimeout(resolve, 2))
    const { length } = await printed(/./)
    process.kill(pid, 'SIGCONT')
    await printed(new RegExp(`^[^]{${length + 100}}`))
    expect(await printed(/./)).not.toContain('wrong')
    process.kill(pid, 'SIGKILL')
    await untilGone(pid)
  })
})

describe('what cannot be attached to', () => {
  test('there is no such process: ERR_PROCESS_GONE', async () => {
    const gone = spawn('true')
    await new Promise((resolve) => gone.once('exit', resolve))
    for (const pid of [gone.pid!, 2 ** 22 + 1, 2 ** 31 - 1]) {
      expect(errorOf(() => Tracee.attach(store, pid)).code).toBe('ERR_PROCESS_GONE')
    }
  })

  test('it is ourselves', () => {
    expect(errorOf(() => Tracee.attach(store, process.pid)).code).toBe('ERR_PERMISSION')
    expect(isThere(process.pid)).toBe(true)
  })

  test('somebody traces it already: ERR_PERMISSION', async () => {
    const { pid } = await startForeign('sleep', ['60'], /pid/)
    const first = Tracee.attach(store, pid)
    expect(errorOf(() => Tracee.attach(store, pid)).code).toBe('ERR_PERMISSION')
    first.capture().release()
    const mine = Tracee.spawn(store, program, ['spin'])
    expect(errorOf(() => Tracee.attach(store, mine.pid)).code).toBe('ERR_PERMISSION')
    expect(mine.resume({ timeout: 5 }).kind).toBe('timeout')
    mine.close()
    first.close()
    expect(tracerOf(pid)).toBe(0)
    process.kill(pid, 'SIGKILL')
  })

  test.skipIf(process.getuid?.() !== 0 || !isInstalled('setpriv'))(
    'it is another user’s: ERR_PERMISSION; of one’s own, all works without privileges',
    async () => {
      const { pid } = await startForeign('sleep', ['60'], /pid/)
      const theirs = join(folder, 'acts')
      copyFileSync(program, theirs)
      chmodSync(theirs, 0o755)
      chmodSync(folder, 0o777)
      const script = fileURLToPath(new URL('../support/as-nobody.mjs', import.meta.url))
      const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath]
      const node = start('setpriv', [...asNobody, script, theirs, String(pid), join(folder, 'output')])
      const { stdout, stderr } = await node.ended
      if (!refused.has('personality')) expect(stderr).toBe('')
      using mine = Tracee.spawn(store, program, ['functions'])
      expect(JSON.parse(stdout)).toEqual({
        user: '65534',
        attaching: 'ERR_PERMISSION',
        tracker: mine.tracker,
        insisting: mine.tracker,
        stops: Array(3).fill(['breakpoint', 'exit', 'exit']).flat(),
        same: true,
      })
      process.kill(pid, 'SIGKILL')
    },
  )
})
