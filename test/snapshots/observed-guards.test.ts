// Pages that fault when they are touched, in the middle of memory that may be read: nothing is captured of them.
import { spawn } from 'node:child_process'

import { PageStore, ProcessMemory } from 'pagestore'
import { expect, onTestFinished, test } from 'vitest'

import { build } from '../support/tracees.js'

const program = build('guards.c')

test.each([true, false])('guards are passed over, and nobody can read them (stop: %s)', async (stop) => {
  const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const line = await new Promise<string>((resolve) => {
    child.stdout.once('data', (data) => resolve(String(data)))
    child.once('exit', () => resolve(''))
  })
  if (line === '') return
  const at = BigInt(line.trim())
  using store = new PageStore()
  using memory = new ProcessMemory(store, child.pid!, { stop })
  for (let round = 0; round < 2; round++) {
    using snapshot = memory.capture()
    const pages = Buffer.from([...Array(64).keys()].map((page) => snapshot.read(at + BigInt(page) * 4096n, 1)[0]!))
    expect([...pages]).toEqual([...Array(64).keys()].map((page) => (page >= 8 && page < 12 ? 0 : 7)))
  }
  expect(memory.read(at + 7n * 4096n, 4096)[4095]).toBe(7)
  expect(() => memory.read(at + 7n * 4096n, 4097)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS' }))
})
