/**
 * Runs in a machine that is emulated (scripts/kernels.ts): checks the models, and runs the tests that it is given. What
 * came of it is left in /run/results.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

import { countModels } from './counts.js'

const tests = process.argv.slice(2)
let failed = false

function step(name: string, does: () => boolean): void {
  const began = Date.now()
  const isFine = does()
  failed ||= !isFine
  console.log(`=== ${name}: ${isFine ? 'ok' : 'FAILED'} (${Math.round((Date.now() - began) / 1000)} s)`)
}

step('the models are counted', () => {
  writeFileSync('/run/results/counts.json', JSON.stringify(countModels(process.cwd())))
  return true
})
step('tests', () => {
  const reporters = ['--reporter', 'default', '--reporter', 'json', '--outputFile.json', '/run/results/tests.json']
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'default', '--maxWorkers', '2', ...reporters]
  return tests.length === 0 || spawnSync(process.execPath, [...args, ...tests], { stdio: 'inherit' }).status === 0
})
process.exitCode = failed ? 1 : 0
