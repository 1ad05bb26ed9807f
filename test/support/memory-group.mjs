// Run by memory-group.test.ts: fills a store until a memory cgroup with a limit has no more, and goes on.
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PageStore, pageSize } from 'pagestore'

import { fillDistinct, isDistinct } from './distinct.mjs'

const limit = 300 << 20

/**
 * A group below our own with a limit, and how to leave it; or what there is instead.
 * @returns {{ folder: string, back: string } | { lacks: string }}
 */
function enterGroup() {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  const first = lines.find((line) => /:(.*,)?memory(,.*)?:/.test(line))
  const own = (first ?? lines.find((line) => line.startsWith('0::')) ?? '').split(':').slice(2).join(':')
  const mount = first === undefined ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory'
  const folder = join(mount, own, `pagestore-${process.pid}`)
  try {
    mkdirSync(folder)
  } catch (error) {
    return { lacks: `memory cgroups that we may make: ${String(error)}` }
  }
  const file = join(folder, first === undefined ? 'memory.max' : 'memory.limit_in_bytes')
  if (!existsSync(file)) {
    rmdirSync(folder)
    return { lacks: 'memory cgroups below our own' }
  }
  writeFileSync(file, String(limit))
  appendFileSync(join(folder, 'cgroup.procs'), String(process.pid))
  return { folder, back: join(mount, own, 'cgroup.procs') }
}

/** Two thirds of the group are a file that was read more than once, which the kernel keeps as long as it can. */
function cacheFile() {
  const file = join(tmpdir(), `pagestore-cached-${process.pid}`)
  const part = Buffer.alloc(1 << 20, 1)
  const descriptor = openSync(file, 'wx+')
  for (let n = 0; n < 200; n++) writeSync(descriptor, part)
  fsyncSync(descriptor)
  for (let n = 0; n < 600; n++) readSync(descriptor, part, 0, part.length, (n % 200) * part.length)
  closeSync(descriptor)
  return file
}

const group = enterGroup()
if ('lacks' in group) {
  console.log(JSON.stringify(group))
} else {
  const cached = process.argv[3] === 'cached' ? cacheFile() : undefined
  const store = new PageStore(process.argv[2] === 'memfd' ? { memory: 'memfd' } : {})
  const row = Buffer.alloc(256 * pageSize)
  let code
  for (let batch = 0; batch < 1000 && code === undefined; batch++) {
    fillDistinct(row, batch * 256)
    try {
      store.storePages(row)
    } catch (error) {
      code = /** @type {import('pagestore').PageStoreError} */ (error).code
    }
  }
  const filled = store.size
  let pagesRight = filled > 256
  for (let n = 0; n < store.size; n++) pagesRight &&= isDistinct(store, n)
  // What is released makes room.
  store.unrefPages(Uint32Array.from({ length: 256 }, (_, n) => n))
  fillDistinct(row, 2000 * 256)
  const goesOn = store.storePages(row).length === 256
  store.close()
  if (cached !== undefined) rmSync(cached)
  appendFileSync(group.back, String(process.pid))
  rmdirSync(group.folder)
  console.log(JSON.stringify({ code, hasMuch: filled * pageSize > limit / 3, pagesRight, goesOn }))
}
