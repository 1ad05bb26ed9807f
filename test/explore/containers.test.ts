// As in a container with the default profile: a search starts, warns once, and finds what it finds outside.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'

import { argumentsFor, type ProfileName } from '../../scripts/container.js'
import { main } from '../support/cli-run.js'
import { ownFolder } from '../support/programs.js'
import { build } from '../support/tracees.js'

const folder = ownFolder()
const container = build('container.c')
const script = fileURLToPath(new URL('../support/contained.mjs', import.meta.url))

function run(profile: ProfileName | 'none', args: string[]) {
  const command = profile === 'none' ? [] : [container, ...argumentsFor(profile)]
  const [file = '', ...rest] = [...command, process.execPath, ...args]
  return spawnSync(file, rest, { encoding: 'utf8', cwd: folder })
}

/** What a search finds, without what differs from run to run. */
function check(profile: ProfileName | 'none', args: string[], options: string[] = []) {
  const { status, stdout, stderr } = run(profile, [main, 'check', '--json', ...options, '--', ...args])
  if (stdout === '') throw new Error(stderr)
  const { seconds: _, bytesPerState: __, warnings, ...found } = JSON.parse(stdout)
  return { status, found, warnings }
}

const models = ['philosophers', 'jugs'].map((name) => [name, build(`../../examples/models/${name}.c`)] as const)
const shared = build('shared-offsets.c')
const system = expect.stringMatching(/^system: refused, as in a container: .*userfaultfd/)

describe.each(['docker', 'podman'] as const)('%s', (profile) => {
  test.each(models)('%s: the same counts and verdicts, and one warning', (_, program) => {
    const outside = check('none', [program], ['--verify'])
    const inside = check(profile, [program], ['--verify'])
    expect(inside.found).toEqual(outside.found)
    expect(inside.status).toBe(outside.status)
    expect(inside.warnings).toEqual([system, ...outside.warnings])
  })
})

test('with the right to trace others, which a profile may add, the kernel compares files again', () => {
  expect(run('docker-ptrace', [script, 'calls']).stdout).toBe('kcmp 0, pidfd_getfd 0, userfaultfd 1, personality 1\n')
  expect(run('docker', [script, 'calls']).stdout).toBe('kcmp 1, pidfd_getfd 1, userfaultfd 1, personality 1\n')
})

test('descriptors that share an offset still do, and no others, whichever were closed meanwhile', () => {
  const args = [shared, join(folder, 'bytes')]
  const outside = check('none', args, ['--verify'])
  expect(outside.found).toMatchObject({ complete: true, violations: [] })
  expect(check('docker', args, ['--verify']).found).toEqual(outside.found)
  expect(check('docker-6.1', args, ['--verify']).found).toEqual(outside.found)
})

test('all runs of one program have the same addresses, and no process is left', () => {
  expect(run('docker', [script, 'addresses', shared, join(folder, 'bytes')])).toMatchObject({
    stderr: '',
    stdout: 'one stack, one key, 0 left\n',
  })
})

test('no run has other addresses unseen where the process that is kept for them was killed', () => {
  const { stdout, stderr } = run('docker', [script, 'lost', shared, join(folder, 'bytes')])
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^PageStoreError: .* could not be started: at the addresses that it had before.*\n0 left\n$/)
})

test('what another process has is captured, and one that was attached to is rolled back', () => {
  expect(run('docker', [script, 'others'])).toMatchObject({ stderr: '', stdout: 'observed, rolled back\n' })
})

test.each(['docker', 'docker-6.1'] as const)(
  'a program gets no signal of ours from a file that it has open: %s',
  (profile) => {
    const args = [script, 'attached', build('owned-signals.c')]
    expect(run(profile, args)).toMatchObject({ stderr: '', stdout: 'signals came\n0\n' })
  },
)

test('a program that is spawned by itself is said to have other addresses each time', () => {
  const { stdout, stderr } = run('docker', [script, 'spawn'])
  expect(stdout).toBe('exit 0\n')
  expect(stderr).toMatch(/PAGESTORE_SYSTEM.*refused.*personality/)
})

test('a trace from one run leads to the same violation in another', () => {
  const trace = join(folder, 'trace.json')
  const [, philosophers = ''] = models[0] ?? []
  expect(run('docker', [main, 'check', '--trace', trace, '--', philosophers]).status).toBe(1)
  const replayed = run('docker', [main, 'replay', trace, '--', philosophers])
  expect(replayed.status).toBe(1)
  expect(replayed.stdout).toMatch(/deadlock/)
})
