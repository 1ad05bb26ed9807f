import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { systemCallNumber } from '../../lib/linux/system-calls.js'
import { main } from '../support/cli-run.js'
import { trackers } from '../support/local-sources.js'
import { refused } from '../support/refused.js'
import { build } from '../support/tracees.js'

const [script, throwing] = ['denied', 'throwing-taker'].map((name) =>
  fileURLToPath(new URL(`../support/${name}.mjs`, import.meta.url)),
) as [string, string]

function runScriptWithout(calls: string[], file: string, ...args: string[]) {
  const numbers = calls.map((name) => String(systemCallNumber(name)))
  return spawnSync(build('deny.c'), [...numbers, '--', process.execPath, file, ...args])
}

function spawnWithout(calls: string[], ...args: string[]) {
  return runScriptWithout(calls, script, ...args)
}

function runWithout(calls: string[], ...args: string[]): string {
  const { stdout, stderr } = spawnWithout(calls, ...args)
  expect(stderr.toString()).toBe('')
  return stdout.toString()
}

const best = trackers.includes('write-protect') ? 'write-protect' : 'none'

test('nothing denied: the best tracker that the kernel has', () => {
  expect(runWithout([])).toBe(`${best}\n`)
})

test.each(['userfaultfd', 'pidfd_getfd', 'pidfd_open'])('without %s everything is compared', (call) => {
  expect(runWithout([call])).toBe('none\n')
})

test.runIf(best === 'write-protect')('who insists on write-protect is told what was denied, and what allows it', () => {
  expect(runWithout(['userfaultfd'], 'write-protect')).toMatch(/^ERR_TRACKER userfaultfd.*seccomp profile/)
  expect(runWithout(['pidfd_getfd'], 'write-protect')).toMatch(/^ERR_TRACKER pidfd_getfd.*seccomp profile/)
})

// Profiles answer calls that they do not know like a kernel that does not have them.
test.runIf(best === 'write-protect' && refused.size === 0)('a call that is said not to exist is refused, too', () => {
  const numbers = ['ENOSYS', ...['userfaultfd', 'clone3', 'kcmp'].map((name) => String(systemCallNumber(name)))]
  const insisting = spawnSync(build('deny.c'), [...numbers, '--', process.execPath, script, 'write-protect'])
  expect(insisting.stdout.toString()).toMatch(/^ERR_TRACKER userfaultfd.*seccomp profile/)
  const jugs = build('../../examples/models/jugs.c')
  const command = [...numbers, '--', process.execPath, main, 'check', '--json', '--max-states', '20', '--', jugs]
  const { warnings } = JSON.parse(spawnSync(build('deny.c'), command).stdout.toString())
  expect(warnings[0]).toMatch(/^system: refused, .*userfaultfd\. .*it takes longer, and finds the same \(/)
})

test('without process_vm_readv and process_vm_writev it works through /proc', () => {
  expect(runWithout(['process_vm_readv', 'process_vm_writev'])).toBe(`${best}\n`)
})

test.skipIf(refused.has('personality'))('without fixed addresses it works, and a warning says so', () => {
  const { stdout, stderr } = spawnWithout(['personality'])
  expect(stdout.toString()).toBe(`${best}\n`)
  expect(stderr.toString()).toMatch(/PAGESTORE_SYSTEM.*personality\(ADDR_NO_RANDOMIZE\)/)
})

test.skipIf(refused.has('personality'))(
  'a taker that throws at that warning gets its error, and no program is left',
  () => {
    const { stdout, stderr } = runScriptWithout(['personality'], throwing)
    expect(stdout.toString() + stderr.toString()).toBe('not now\nleft: \nexit\nleft: \n')
  },
)

test('without ptrace an error says so, and what allows it', () => {
  expect(runWithout(['ptrace'])).toMatch(/^ERR_PERMISSION .*refused ptrace\(PTRACE_SEIZE\).*seccomp profile/)
})

test('a step of starting a program that is refused is named', () => {
  expect(runWithout(['setsid'])).toMatch(/^ERR_SPAWN .*: setsid/)
})
