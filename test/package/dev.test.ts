import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { expect, test } from 'vitest'

import { root } from './support.js'

test('npm run dev builds the addon, and again when a source changes, and runs the tests that it was given', async () => {
  const child = spawn('npm', ['run', 'dev', '--silent', '--', 'test/references.test.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1' },
    detached: true,
  })
  try {
    const lines = createInterface({ input: child.stdout })
    const seen: string[] = []
    for await (const line of lines) {
      if (/^ *Tests |^waiting|^changed/.test(line)) seen.push(line.trim().replace(/\d+ passed.*/, 'passed'))
      const now = new Date()
      if (line === 'waiting for changes') utimesSync(join(root, 'native/store/page_hash.cc'), now, now)
      if (seen.filter((words) => words.startsWith('Tests')).length === 2) break
    }
    expect(seen).toEqual([
      'Tests  passed',
      'waiting for changes',
      'changed: native/store/page_hash.cc',
      'Tests  passed',
    ])
    expect(existsSync(join(root, 'compile_commands.json'))).toBe(true)
  } finally {
    process.kill(-child.pid!, 'SIGTERM')
    await once(child, 'exit')
  }
}, 200_000)
