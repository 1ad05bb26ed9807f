/** Tracers of one machine know from each other which processor each has taken. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'

import { PageStore, Tracee } from '../../lib/index.js'
import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { build } from '../support/tracees.js'

const store = new PageStore()
let tracees: Tracee[] = []
afterEach(() => {
  for (const tracee of tracees) tracee.close()
  tracees = []
})

const hold = () => void tracees.push(Tracee.spawn(store, 'sleep', ['1000'], { stdio: [] }))
const allowed = (pid: number | 'self') =>
  /^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]

/** The names of this process's sockets, by which others know what it has taken. */
function claims(): string[] {
  const names = new Map<string, string>(
    readFileSync('/proc/net/unix', 'latin1')
      .split('\n')
      .map((line) => line.split(/\s+/))
      .map((words) => [`socket:[${words[6]}]`, words[7] ?? ''] as const),
  )
  const opened = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(join('/proc/self/fd', fd))]
    } catch {
      return []
    }
  })
  return opened.map((link) => names.get(link) ?? '').filter((name) => name.startsWith('@pagestore/processor/'))
}

test('a tracer claims the processor that it and its tracee run on, once, until its last tracee is closed', () => {
  expect(claims()).toEqual([])
  hold()
  hold()
  const processors = tracees.map(({ pid }) => allowed(pid))
  expect(processors).toEqual([processors[0], processors[0]])
  expect(claims()).toEqual([expect.stringMatching(`^@pagestore/processor/${processors[0]}/\\d+$`)])
  tracees.pop()!.close()
  expect(claims()).toHaveLength(1)
  tracees.pop()!.close()
  expect(claims()).toEqual([])
})

test.skipIf(!/[-,]/.test(allowed('self')!))(
  'threads take different ones, also where the system allows no sockets',
  () => {
    const thread = `
    import { readFileSync } from 'node:fs'
    import { parentPort } from 'node:worker_threads'
    import { PageStore, Tracee } from 'pagestore'
    const tracee = Tracee.spawn(new PageStore(), 'sleep', ['1000'], { stdio: [] })
    const status = readFileSync('/proc/' + tracee.pid + '/status', 'latin1')
    parentPort.postMessage(/^Cpus_allowed_list:\\t(.*)$/m.exec(status)[1])
    parentPort.once('message', () => tracee.close())`
    const script = `
    const { once } = await import('node:events')
    const { Worker } = await import('node:worker_threads')
    const workers = [1, 2].map(() => new Worker(${JSON.stringify(thread)}, { eval: true }))
    const taken = await Promise.all(workers.map((worker) => once(worker, 'message')))
    for (const worker of workers) worker.postMessage('end')
    process.stdout.write(String(new Set(taken.flat()).size))`
    const command = [String(systemCallNumber('socket')), '--', process.execPath, '--input-type=module', '-e', script]
    expect(execFileSync(build('deny.c'), command, { encoding: 'utf8', cwd: import.meta.dirname })).toBe('2')
  },
)

test.skipIf(!/[-,]/.test(allowed('self')!))(
  'a program is the same, on whichever processor its tracer runs',
  async () => {
    const thread = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { PageStore, Tracee } = require('pagestore')
    const tracees = workerData.map((program) => Tracee.spawn(new PageStore(), program, ['choices']))
    const begun = tracees.map((tracee) => tracee.capture().fingerprint())
    const chosen = tracees.map((tracee) => (tracee.resume(), tracee.capture().fingerprint()))
    const status = require('node:fs').readFileSync('/proc/' + tracees[1].pid + '/status', 'latin1')
    parentPort.postMessage([/^Cpus_allowed_list:\\t(.*)$/m.exec(status)[1], begun, chosen])
    parentPort.once('message', () => tracees.forEach((tracee) => tracee.close()))`
    const programs = [build('acts.c'), build('acts.c', { flags: ['-O2', '-static'] })]
    const workers: Worker[] = []
    const told: unknown[][] = []
    for (let i = 0; i < 2; i++) {
      const worker = new Worker(thread, { eval: true, workerData: programs })
      workers.push(worker)
      told.push((await once(worker, 'message'))[0])
    }
    for (const worker of workers) worker.postMessage('end')
    const [[one, ...first], [other, ...second]] = told as [unknown[], unknown[]]
    expect(one).not.toBe(other)
    expect(second).toEqual(first)
  },
)

test.skipIf(!/[-,]/.test(allowed('self')!))('a program that chooses its processors keeps them', () => {
  for (const flags of [[], ['-static']]) {
    const tracee = Tracee.spawn(store, build('acts.c', { flags: ['-O2', ...flags] }), ['choose-processors'])
    tracees.push(tracee)
    expect(tracee.resume().kind).toBe('choice')
    expect(allowed(tracee.pid)).toMatch(/[-,]/)
  }
})

test('where it may run on one processor alone, it runs on that', () => {
  const script = `
    const { PageStore, Tracee } = await import('pagestore')
    const { readFileSync } = await import('node:fs')
    const tracee = Tracee.spawn(new PageStore(), 'sleep', ['1000'], { stdio: [] })
    process.stdout.write(/^Cpus_allowed_list:\\t(.*)$/m.exec(readFileSync('/proc/' + tracee.pid + '/status', 'latin1'))[1])
    tracee.close()`
  const last = allowed('self')!.split(/[-,]/).at(-1)!
  const words = ['-c', last, process.execPath, '--input-type=module', '-e', script]
  expect(execFileSync('taskset', words, { encoding: 'utf8', cwd: import.meta.dirname })).toBe(last)
})
