// Holes of a file that is mapped are zero, and nobody fills them by looking.
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, ProcessMemory, Tracee } from 'pagestore'
import { expect, onTestFinished, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const program = build('holes.c')
const folder = ownFolder()
const mebibytes = 256
const shared = ownFolder('/dev/shm')

/** How much there is behind the descriptor of a process that is open on the file with the holes. */
function filled(pid: number): number {
  const descriptors = readdirSync(`/proc/${pid}/fd`)
  const isIt = (fd: string) => /holes/.test(readlinkSync(`/proc/${pid}/fd/${fd}`))
  return statSync(`/proc/${pid}/fd/${descriptors.find(isIt)!}`).blocks * 512
}

/** What the process has of shared memory, in KiB. */
function sharedMemory(pid: number): number {
  const status = execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' })
  return Number(/^RssShmem:\s+(\d+)/m.exec(status)![1])
}

const few = 1 << 20

test.each([
  ['private', 'memfd'],
  ['shared', 'memfd'],
  ['closed', 'memfd'],
  ['nameless', 'memfd'],
  ['private', join(shared, 'holes')],
  ['private', join(folder, 'holes')],
])('%s memory of %s: rolled back, and its holes stay holes', (how, file) => {
  using store = new PageStore()
  for (const tracker of [undefined, 'none'] as const) {
    using tracee = Tracee.spawn(store, program, [how, String(mebibytes), file], {
      stdio: [],
      files: 'ignore',
      onWarning: () => undefined,
      tracker,
    })
    const snapshots = []
    for (let step = 0; step < 3; step++) {
      tracee.resume(step === 0 ? {} : { choose: 0 })
      snapshots.push(tracee.capture())
    }
    const place = tracee.read(tracee.symbol('place').address, 8).readBigUInt64LE() + BigInt(mebibytes << 19)
    const wanted = ['\0', 'a', 'b']
    expect(snapshots.map((snapshot) => snapshot.read(place + 4096n, 1).toString())).toEqual(wanted)
    expect(snapshots.map((snapshot) => snapshot.read(place, 1).toString())).toEqual(['x', 'x', 'x'])
    for (const to of [0, 2, 1, 0, 1]) {
      tracee.restore(snapshots[to]!)
      expect(tracee.read(place + 4096n, 1).toString()).toBe(wanted[to])
      expect(tracee.read(place + BigInt(mebibytes << 18), 1)[0]).toBe(0)
    }
    if (how === 'nameless') expect(sharedMemory(tracee.pid) << 10).toBeLessThan(few)
    else expect(filled(tracee.pid)).toBeLessThan(few)
    expect(tracee.resume({ choose: 1 })).toMatchObject({ kind: 'exit', code: 'a'.charCodeAt(0) })
  }
})

test.each([true, false])('observed (stop: %s), captured and read: the holes stay holes', async (stop) => {
  const child = spawn(program, ['private', String(mebibytes), 'memfd', 'waits'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const pid = child.pid!
  const place = BigInt(
    await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim()))),
  )
  using store = new PageStore()
  using memory = new ProcessMemory(store, pid, { stop })
  using snapshot = memory.capture()
  expect(snapshot.read(place + BigInt(mebibytes << 19), 1).toString()).toBe('x')
  expect(memory.read(place + BigInt(mebibytes << 19), 1).toString()).toBe('x')
  expect(memory.read(place + 4096n, 3)).toEqual(Buffer.alloc(3))
  expect(filled(pid)).toBeLessThan(few)
})
