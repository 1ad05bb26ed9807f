import { constants } from 'node:buffer'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

import { PageStore, ProcessMemory, pageSize } from 'pagestore'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'

const terabyte = 2 ** 40
const source = `
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  char* memory = mmap(0, 1ul << 40, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) return 1;
  memory[1] = 7;
  printf("%p\\n", (void*)memory);
  fflush(stdout);
  for (;;) pause();
}`

let child: ChildProcess
let start: bigint
beforeAll(async () => {
  child = spawn(compile(ownFolder(), 'vast', source), { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout!, 'data')
  start = BigInt(String(line).trim())
})
afterAll(() => child.kill('SIGKILL'))

const most = constants.MAX_LENGTH
const beyond = [
  [0n, most + 1],
  [1n, most],
  [0n, 2 ** 36],
  [0n, terabyte],
].filter(([, length]) => (length as number) <= terabyte) as [bigint, number][]

test.runIf(beyond.length === 4)(
  'what no Buffer can show is ERR_OUT_OF_MEMORY, and the snapshot usable after it',
  () => {
    using store = new PageStore()
    using memory = new ProcessMemory(store, child.pid!, { regions: (region) => region.start === start })
    using snapshot = memory.capture()
    for (const [offset, length] of beyond) {
      expect(errorOf(() => snapshot.map(start + offset, length)).code, `map ${length}`).toBe('ERR_OUT_OF_MEMORY')
      if (length <= most) continue
      expect(errorOf(() => snapshot.read(start + offset, length)).code, `read ${length}`).toBe('ERR_OUT_OF_MEMORY')
      expect(errorOf(() => memory.read(start + offset, length)).code, `read ${length}`).toBe('ERR_OUT_OF_MEMORY')
    }
    expect(errorOf(() => snapshot.map(start, 2 * terabyte)).code).toBe('ERR_ADDRESS')
    const mapped = snapshot.map(start, most)
    expect([mapped.length, mapped[1], mapped[most - 1]]).toEqual([most, 7, 0])
    expect(snapshot.map(start + BigInt(terabyte - pageSize), pageSize).every((byte) => byte === 0)).toBe(true)
  },
)
