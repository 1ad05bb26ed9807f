import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { expect, test } from 'vitest'

import { root } from './support.js'

const addon = join(root, 'build-dev-uint8_t/build/Release/pagestore.node')
const commands = join(root, 'compile_commands.json')
const source = 'native/store/page_hash.cc'

// With narrow counts, so that their limit is tested, too: elsewhere these tests are skipped.
test('npm run dev builds the addon, and again when a source changes, and runs the tests that it was given', async () => {
  rmSync(commands, { force: true })
  const child = spawn(
    'npm',
    ['run', 'dev', '--silent', '--', '--counts', 'uint8_t', 'test/reference-count-limit.test.ts'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NO_COLOR: '1' },
      detached: true,
    },
  )
  const ended = once(child, 'exit')
  const { atime, mtime } = statSync(join(root, source))
  try {
    const seen: string[] = []
    let built = 0
    for await (const line of createInterface({ input: child.stdout })) {
      const event = /^ *Tests .* passed|Waiting for file changes|RERUN +\S+/.exec(line)?.[0]
      if (event !== undefined) seen.push(event.trim().replace(/ +\d* */, ' '))
      if (seen.length === 2 && built === 0) {
        built = statSync(addon).mtimeMs
        utimesSync(join(root, source), atime, new Date())
      }
      if (seen.length === 4) break
    }
    expect(seen).toEqual(['Tests passed', 'Waiting for file changes', `RERUN ${source}`, 'Tests passed'])
    expect(statSync(addon).mtimeMs).toBeGreaterThan(built)
    expect(readFileSync(commands, 'utf8')).toContain(source)
  } finally {
    utimesSync(join(root, source), atime, mtime)
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGTERM')
    await ended
  }
})
