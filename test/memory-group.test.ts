// The kernel ends a process that needs more than its memory cgroup has, without a word: it never comes to that.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('support/memory-group.mjs', import.meta.url))

test.each([
  ['huge', 'empty'],
  ['memfd', 'empty'],
  ['memfd', 'cached'],
])('a full memory cgroup is an error, and the store is usable after it (%s, %s before)', (memory, before) => {
  const report = JSON.parse(execFileSync(process.execPath, [script, memory, before], { encoding: 'utf8' }))
  if (report.lacks !== undefined) return console.warn(`This machine lacks ${report.lacks}`)
  expect(report).toEqual({ code: 'ERR_OUT_OF_MEMORY', hasMuch: true, pagesRight: true, goesOn: true })
})
