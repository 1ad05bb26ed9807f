import { describe, expect, it } from 'vitest'

import { type Piece, readPieces } from '../../lib/cli/memory-pieces.js'
import { PageStore, ProcessMemory, pageSize, type Region } from '../../lib/index.js'
import { start, startNode } from '../support/cli-run.js'

/** All pieces of a process's memory, and the regions that they are of. */
function* read(pid: number): Generator<Piece & { regions: readonly Region[] }> {
  using store = new PageStore()
  using observed = new ProcessMemory(store, pid, { stop: false })
  const { regions } = observed
  for (const piece of readPieces(observed)) yield { ...piece, regions }
}

describe('reading the memory of a process', () => {
  it('reads every page of it that exists', async () => {
    const pages = 5000
    const { pid } = await startNode(`
      globalThis.held = Buffer.alloc(${pages * pageSize})
      for (let i = 0; i < ${pages}; i++) held.write('<page ' + i + '>', i * ${pageSize} + 8)
    `)
    const found = new Set<string>()
    let count = 0
    let regions: readonly Region[] = []
    for (const piece of read(pid)) {
      count += piece.pages.length / pageSize
      regions = piece.regions
      for (const [, i] of piece.pages.toString('latin1').matchAll(/<page (\d+)>/g)) found.add(i!)
    }
    expect(found.size).toBe(pages)

    // What files lie behind exists in full.
    const files = regions.filter(({ path }) => path.startsWith('/'))
    const ofFiles = files.reduce((sum, { start, end }) => sum + Number(end - start) / pageSize, 0)
    expect(count).toBeGreaterThan(ofFiles + pages)
  })

  it('skips and counts what has vanished, and reads what lies behind it', async ({ skip }) => {
    // Ten pages of a file, of which eight are cut off; the program's text is on its stack, the last of all mappings.
    const python = start('python3', [
      '-c',
      `import mmap, tempfile, time
file = tempfile.TemporaryFile()
file.write(b"x" * ${10 * pageSize})
file.flush()
held = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
file.truncate(${2 * pageSize})
print("up", flush=True)
time.sleep(60)`,
    ])
    python.child.on('error', () => {})
    const up = await python.printed(/up/).catch(() => undefined)
    if (up === undefined) return skip('there is no python3')
    const pid = python.child.pid!
    let vanished = 0
    let stack = false
    for (const piece of read(pid)) {
      vanished += piece.vanished
      stack ||= piece.pages.includes('tempfile.TemporaryFile()')
    }
    expect(vanished).toBe(8)
    expect(stack).toBe(true)
  })

  it('leaves out what was reserved and never touched, however much that is', async ({ skip }) => {
    const python = start('python3', [
      '-c',
      `import mmap, time
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000 # MAP_NORESERVE
held = mmap.mmap(-1, 1 << 36, flags=flags)
held[1 << 35] = 1
print("up", flush=True)
time.sleep(60)`,
    ])
    python.child.on('error', () => {})
    const up = await python.printed(/up/).catch(() => undefined)
    if (up === undefined) return skip('there is no python3, or no room to reserve')
    const pid = python.child.pid!
    let bytes = 0
    for (const piece of read(pid)) bytes += piece.pages.length
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(2 ** 30)
  })
})
