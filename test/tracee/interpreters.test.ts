import { spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { isInstalled, ownFolder } from '../support/programs.js'

const rollbacks = 100
const folder = ownFolder()

// Each computes for a while on a growing and shrinking heap, and prints at the end.
const programs = [
  {
    name: 'python3',
    file: '/usr/bin/python3',
    args: [
      '-c',
      `
import math, json
words, total = {}, 0.0
for i in range(30000):
    key = 'k' + str(i * 7919 % 5003)
    words.setdefault(key, []).append(math.sin(i) * len(words))
    total += math.fsum(words[key])
    if i % 1000 == 999: words = {k: v for k, v in words.items() if hash(k) % 3 or len(v) > 2}
print(json.dumps(sorted(words.items())[:5]), total)
`,
    ],
  },
  {
    name: 'lua5.4',
    file: '/usr/bin/lua5.4',
    args: [
      '-e',
      `
local words, total = {}, 0.0
for i = 1, 60000 do
  local key = 'k' .. (i * 7919 % 5003)
  words[key] = (words[key] or '') .. string.char(97 + i % 26)
  total = total + math.sin(i) * #words[key]
  if i % 5000 == 0 then collectgarbage() words = {} end
end
local n = 0
for _, word in pairs(words) do n = n + #word end
print(n, total)
`,
    ],
  },
]

test.each(programs)(
  'unmodified $name, rolled back in the middle of a computation, ends the same way each time',
  (program) => {
    expect(isInstalled(program.file) || program.name.startsWith('lua')).toBe(true)
    const env = { PYTHONHASHSEED: '0', LANG: 'C' }
    const native = spawnSync(program.file, program.args, { env }).stdout.toString()
    expect(native.length).toBeGreaterThan(10)

    using store = new PageStore()
    const growing = { until: { syscall: ['brk', 'mmap'] } }
    const ignored = { env, stdio: ['ignore', 'ignore', 'inherit'] } as const
    let growths = 0
    {
      using counted = Tracee.spawn(store, program.file, program.args, ignored)
      while (counted.resume(growing).kind === 'syscall') growths++
    }
    expect(growths).toBeGreaterThan(20)
    const output = join(folder, program.name)
    const fd = openSync(output, 'a')
    using tracee = Tracee.spawn(store, program.file, program.args, { env, stdio: ['ignore', fd, 'inherit'] })
    // In the middle of it: half-way among the calls by which its heap grows.
    for (let i = 0; i < Math.floor(growths / 2); i++) tracee.resume(growing)
    using middle = tracee.capture()

    const outputs = new Set<string>()
    for (let i = 0; i < rollbacks; i++) {
      expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0, ended: false })
      outputs.add(readFileSync(output, 'utf8'))
      ftruncateSync(fd)
      tracee.restore(middle)
    }
    expect([...outputs]).toEqual([native])
    using again = tracee.capture()
    expect(again.equals(middle)).toBe(true)
    closeSync(fd)
  },
)
