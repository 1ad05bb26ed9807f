import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'

const folder = ownFolder()

// The C library's end closes the stream: coreutils programs do so.
const rollBackTwice = (options: string) => `
import { PageStore, Tracee } from 'pagestore'
const store = new PageStore()
const tracee = Tracee.spawn(store, '/bin/echo', ['hello'], ${options})
tracee.resume({ until: { syscall: ['write'] } })
const before = tracee.capture()
for (let i = 0; i < 2; i++) {
  tracee.resume()
  const end = tracee.capture()
  tracee.restore(before)
  tracee.restore(end)
  tracee.restore(before)
}
if (tracee.resume().code !== 0 || !tracee.resume().ended) throw new Error('it did not end')
store.close()
`

function run(options: string, stdout: 'pipe' | number = 'pipe') {
  const args = ['--input-type=module', '-e', rollBackTwice(options)]
  const { stderr, ...result } = spawnSync(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] })
  const warnings = stderr.toString().match(/PAGESTORE_FILES.*/g) ?? []
  return { ...result, stdout: result.stdout?.toString(), stderr: stderr.toString(), warnings }
}

test('what was written to an inherited stream stays, and one warning says so', () => {
  const { status, stdout, stderr, warnings } = run('{}')
  expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: 'hello\nhello\nhello\n' })
  expect(warnings).toEqual([expect.stringMatching(/Descriptor 1 \(.*\) was inherited/)])
})

test('an inherited file is not rewound: this process writes to it, too', () => {
  const name = join(folder, 'inherited')
  const fd = openSync(name, 'w')
  const { status, warnings } = run('{}', fd)
  closeSync(fd)
  expect(status).toBe(0)
  expect(readFileSync(name, 'utf8')).toBe('hello\nhello\nhello\n')
  expect(warnings).toHaveLength(1)
})

test('a warning goes to onWarning instead', () => {
  const { stdout, warnings } = run('{ onWarning: (text) => console.log(/^Descriptor 1/.test(text)) }')
  expect(warnings).toEqual([])
  expect(stdout).toContain('true')
})

test('with files: ignore a program that closed its stream stays without, and one warning says so', () => {
  const { stdout, stderr } = run(`{ files: 'ignore', onWarning: (text) => process.stderr.write(text) }`)
  expect(stdout).toBe('hello\n')
  expect(stderr.match(/Descriptor 1 \(.*\) is not as it was/g)).toHaveLength(1)
})

test('a descriptor that was passed by its number is put back like any other', () => {
  const name = join(folder, 'passed')
  const fd = openSync(name, 'w')
  using store = new PageStore()
  const warnings: string[] = []
  const onWarning = (text: string) => warnings.push(text)
  using tracee = Tracee.spawn(store, '/bin/echo', ['hello'], { stdio: ['ignore', fd], onWarning })
  tracee.resume({ until: { syscall: ['write'] } })
  using before = tracee.capture()
  for (let i = 0; i < 3; i++) {
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 0 })
    expect(readFileSync(name, 'utf8')).toBe('hello\n')
    tracee.restore(before)
    expect(readFileSync(name, 'utf8')).toBe('')
  }
  closeSync(fd)
  expect(warnings).toEqual([])
})

const takeInput = (program: string) => `
import { PageStore, Tracee } from 'pagestore'
const store = new PageStore()
const warnings = []
// In a container every start says what is refused there.
const onWarning = (text) => text.startsWith('system:') || warnings.push(text)
const options = { stdio: ['inherit', 'ignore', 'ignore'], onWarning }
const tracee = Tracee.spawn(store, '/bin/sh', ['-c', '${program}'], options)
const start = tracee.capture()
for (let i = 0; i < 2; i++) {
  while (tracee.resume().kind !== 'exit') continue
  tracee.restore(start)
}
console.log(JSON.stringify(warnings))
store.close()
`

describe.each(['a pipe', 'a file'])('input that was inherited: %s', (what) => {
  const warningsOf = (program: string) => {
    const name = join(folder, 'input')
    const input = 'one\ntwo\nthree\n'
    writeFileSync(name, input)
    const fd = openSync(name, 'r')
    const args = ['--input-type=module', '-e', takeInput(program)]
    const options = what === 'a pipe' ? { input } : { stdio: [fd, 'pipe' as const, 'pipe' as const] }
    const { stdout, stderr } = spawnSync(process.execPath, args, options)
    closeSync(fd)
    expect(stderr.toString()).toBe('')
    // In a container there is one of the system, too.
    return (JSON.parse(stdout.toString()) as string[]).filter((warning) => !warning.startsWith('system: '))
  }

  test('what a program took from it is not given back, and one warning says so', () => {
    expect(warningsOf('read line')).toEqual([expect.stringMatching(/^Descriptor 0 .*what the program takes from it/)])
  })

  test('a program that takes nothing is not warned of', () => {
    expect(warningsOf('true')).toEqual([])
  })
})
