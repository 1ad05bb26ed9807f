import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

import { PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { ownFolder } from '../support/programs.js'
import { refused } from '../support/refused.js'
import { runTraced, stopsOf } from '../support/running.js'
import { build, isThere } from '../support/tracees.js'

const folder = realpathSync(ownFolder())
const program = build('acts.c')

function linesOf(file: string, args: string[], options: SpawnOptions = {}): string[] {
  const { stop, output } = runTraced(folder, file, args, options)
  expect(stop).toMatchObject({ kind: 'exit', code: 0, ended: true })
  return output.trimEnd().split('\n')
}

const withoutRseq = 'GLIBC_TUNABLES=glibc.pthread.rseq=0'

describe('a program is given', () => {
  test('its arguments', () => {
    const args = ['words', '', ' two words ', '"\'$*\\', '-x', 'ä€😀', 'a\nb'.replace('\n', '\t')]
    const lines = linesOf(program, args)
    expect(lines.slice(0, args.length)).toEqual(args.map((each) => `[${each}]`))
    expect(lines[args.length]).not.toMatch(/^\[/)
  })

  test('its own name as it was called', () => {
    expect(linesOf('sh', ['-c', 'cat /proc/$$/cmdline; echo'])[0]).toMatch(/^sh\0-c\0/)
  })

  test('thousands of them', () => {
    const args = Array.from({ length: 5000 }, (_, i) => `argument ${i}`)
    expect(linesOf(program, ['words', ...args]).slice(1, 5001)).toEqual(args.map((each) => `[${each}]`))
  })

  describe('an environment', () => {
    test('that is always the same, by default', () => {
      process.env['PAGESTORE_TEST'] = 'ours'
      const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
      expect(linesOf('/usr/bin/env', [])).toEqual([path, 'LANG=C.UTF-8', 'LD_BIND_NOW=1', withoutRseq])
    })

    test('that is ours', () => {
      process.env['PAGESTORE_TEST'] = 'ours'
      const lines = linesOf('/usr/bin/env', [], { deterministic: { environment: false } })
      expect(lines).toContain('PAGESTORE_TEST=ours')
      expect(lines).toContain(withoutRseq)
      expect(linesOf('/usr/bin/env', [], { deterministic: false })).not.toContain(withoutRseq)
    })

    test('that is given, and nothing else', () => {
      const env = { A: '1', B: 'two words', C: '' }
      expect(linesOf('/usr/bin/env', [], { env, deterministic: { rseq: false } })).toEqual(['A=1', 'B=two words', 'C='])
      expect(linesOf('/usr/bin/env', [], { env: {} })).toEqual([withoutRseq])
    })

    test('that keeps its tunables', () => {
      const GLIBC_TUNABLES = 'glibc.malloc.check=1'
      expect(linesOf('/usr/bin/env', [], { env: { GLIBC_TUNABLES } })).toEqual([
        `GLIBC_TUNABLES=${GLIBC_TUNABLES}:glibc.pthread.rseq=0`,
      ])
      const chosen = 'glibc.pthread.rseq=1'
      expect(linesOf('/usr/bin/env', [], { env: { GLIBC_TUNABLES: chosen } })).toEqual([`GLIBC_TUNABLES=${chosen}`])
    })
  })

  test('a directory', () => {
    expect(linesOf('/bin/pwd', [], { cwd: folder })).toEqual([folder])
    expect(linesOf('/bin/pwd', [])).toEqual([process.cwd()])
    copyFileSync('/bin/pwd', join(folder, 'pwd'))
    expect(linesOf('./pwd', [], { cwd: folder })).toEqual([folder])
  })

  test('a session and a group of its own, and is not the first process', () => {
    expect(linesOf(program, ['session'])).toEqual(['1 1 1'])
  })

  test('no handled, ignored or blocked signals', () => {
    expect(linesOf(program, ['signals-shown'])).toEqual([''])
    const lines = linesOf('/bin/cat', ['/proc/self/status']).filter((line) => /^Sig(Blk|Ign|Cgt):/.test(line))
    expect(lines.map((line) => line.split('\t')[1])).toEqual(Array(3).fill('0000000000000000'))
  })

  test('one processor, and all of them without', () => {
    const available = readFileSync('/proc/thread-self/status', 'latin1').match(/^Cpus_allowed:\t([\da-f,]+)$/m)![1]!
    const count = [...BigInt(`0x${available.replaceAll(',', '')}`).toString(2)].filter((bit) => bit === '1').length
    expect(linesOf(program, ['processors'])).toEqual(['1'])
    expect(linesOf(program, ['processors'], { deterministic: { processor: false } })).toEqual([`${count}`])
  })
})

describe('streams', () => {
  const input = join(folder, 'input')
  writeFileSync(input, 'some input')

  function run(stdio: SpawnOptions['stdio']): void {
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program, ['streams'], { stdio })
    expect(stopsOf(tracee).at(-1)).toMatchObject({ kind: 'exit', code: 0 })
  }

  function withFiles(use: (streams: { from: number; a: number; b: number }) => void): { a: string; b: string } {
    const [a, b] = ['a', 'b'].map((name) => join(folder, name))
    const fds = [openSync(input, 'r'), openSync(a!, 'w'), openSync(b!, 'w')]
    use({ from: fds[0]!, a: fds[1]!, b: fds[2]! })
    for (const fd of fds) closeSync(fd)
    return { a: readFileSync(a!, 'utf8'), b: readFileSync(b!, 'utf8') }
  }

  test('are the descriptors that are given, in any order', () => {
    const files = withFiles(({ from, a, b }) => {
      run([from, a, b])
      run([from, b, a])
    })
    expect(files).toEqual({ a: 'out some inputerr\n', b: 'err\nout ' })
  })

  test('may be one descriptor twice', () => {
    expect(withFiles(({ from, a }) => run([from, a, a])).a).toBe('out some inputerr\n')
  })

  test('are nothing with ignore, and where none is given', () => {
    expect(withFiles(({ a }) => run(['ignore', a, 'ignore'])).a).toBe('out ')
    expect(withFiles(({ b }) => run(['ignore', 'ignore', b])).b).toBe('err\n')
    run([])
  })

  // Its children run without Node's options, and say that addresses could not be fixed.
  test.skipIf(refused.has('personality'))('are ours with inherit, also when ours are crossed or closed', () => {
    const run = (stdio: string, before = '') =>
      spawnSync(
        'sh',
        ['-c', `${before} exec "$0" "$@"`, process.execPath, '--input-type=module', '-e', script(stdio)],
        { input: 'some input', encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
      )
    const script = (stdio: string) => `
      import { PageStore, Tracee } from 'pagestore'
      const tracee = Tracee.spawn(new PageStore(), ${JSON.stringify(program)}, ['streams'], { stdio: ${stdio} })
      for (let stop = tracee.resume(); stop.kind !== 'exit' || !stop.ended;) stop = tracee.resume()`
    expect(run(`['inherit', 'inherit', 'inherit']`)).toMatchObject({ stdout: 'out some input', stderr: 'err\n' })
    expect(run(`['inherit', 2, 1]`)).toMatchObject({ stderr: 'out some input', stdout: 'err\n' })
    expect(run(`[0, 1, 1]`)).toMatchObject({ stdout: 'out some inputerr\n', stderr: '' })
    expect(run('undefined')).toMatchObject({ stdout: 'out ', stderr: 'err\n' })
  })

  test('are all that a program is given', () => {
    const lines = linesOf(program, ['descriptors'])
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['0', '1', '2'])
    expect(lines[0]).toBe('0 /dev/null')
    expect(lines[1]).toBe(`1 ${join(folder, 'output')}`)
  })

  test('leave nothing open here', () => {
    const open = () => readdirSync('/proc/self/fd').length
    run(['ignore', 'ignore', 'ignore'])
    const before = open()
    for (let i = 0; i < 5; i++) run(['ignore', 'ignore', 'ignore'])
    for (let i = 0; i < 5; i++) {
      using store = new PageStore()
      errorOf(() => Tracee.spawn(store, join(folder, 'nothing')))
    }
    expect(open()).toBe(before)
  })
})

describe('a program is found', () => {
  const inside = join(folder, 'inside')
  mkdirSync(inside)
  const tool = join(inside, 'pagestore-test-tool')
  copyFileSync('/bin/pwd', tool)
  chmodSync(tool, 0o755)

  test('on the path', () => {
    expect(linesOf('pwd', [], { cwd: inside })).toEqual([inside])
  })

  test('on the path that it is given', () => {
    expect(linesOf('pagestore-test-tool', [], { env: { PATH: `/nowhere:${inside}` }, cwd: '/' })).toEqual(['/'])
    using store = new PageStore()
    const error = errorOf(() => Tracee.spawn(store, 'pagestore-test-tool'))
    expect(error.code).toBe('ERR_SPAWN')
    expect(error.message).toContain('pagestore-test-tool')
  })
})

describe('what cannot be started', () => {
  const text = join(folder, 'text')
  writeFileSync(text, 'just text\n')
  const executableText = join(folder, 'executable-text')
  writeFileSync(executableText, 'just text\n')
  chmodSync(executableText, 0o755)
  const lost = join(folder, 'lost')
  writeFileSync(lost, '#!/no/such/interpreter\n')
  chmodSync(lost, 0o755)

  test.each([
    ['there is no such program', '/no/such/program', {}, /exec: No such file/],
    ['there is none on the path', 'pagestore-no-such-program', {}, /no program pagestore-no-such-program in /],
    ['it may not be executed', text, {}, /exec: Permission denied/],
    ['it is a text', executableText, {}, /exec: Exec format error/],
    ['it is a directory', folder, {}, /exec: Permission denied/],
    ['its interpreter is missing', lost, {}, /exec: No such file/],
    ['its directory is missing', '/bin/true', { cwd: '/no/such/directory' }, /cwd: No such file/],
    ['its directory is none', '/bin/true', { cwd: '/bin/true' }, /cwd: Not a directory/],
    ['a stream is closed', '/bin/true', { stdio: [987654] }, /stdio: Bad file descriptor/],
    ['its name is too long', `/${'x'.repeat(5000)}`, {}, /exec: File name too long/],
    ['its arguments are too long', '/bin/true', { env: { A: 'x'.repeat(200_000) } }, /exec: Argument list too long/],
  ] as [string, string, SpawnOptions, RegExp][])(
    '%s: a message that says so, and names it',
    (_, file, options, message) => {
      const children = () => readFileSync('/proc/thread-self/children', 'latin1')
      const before = children()
      const store = new PageStore()
      for (const detachable of [false, true]) {
        const error = errorOf(() => Tracee.spawn(store, file, [], { ...options, detachable }))
        expect(error.code).toBe('ERR_SPAWN')
        expect(error.message).toMatch(message)
        expect(error.message).toContain(file.slice(-12))
      }
      expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
      store.close()
      expect(children()).toBe(before)
    },
  )

  test('scripts and their interpreters can', () => {
    const script = join(folder, 'script')
    writeFileSync(script, '#!/bin/sh\necho "$1"\n')
    chmodSync(script, 0o755)
    expect(linesOf(script, ['said'])).toEqual(['said'])
  })
})

// A container refuses to fix addresses.
describe.skipIf(refused.has('personality'))('two spawns of one program', () => {
  /** What it prints, and its fingerprints at the start and at the choice. */
  function look(options: SpawnOptions = {}, file = program): { prints: string[]; output: string } {
    using store = new PageStore()
    const path = join(folder, 'printed')
    const fd = openSync(path, 'w')
    using tracee = Tracee.spawn(store, file, ['random'], { stdio: ['ignore', fd, 'ignore'], ...options })
    closeSync(fd)
    using start = tracee.capture()
    expect(tracee.resume()).toMatchObject({ kind: 'choice', alternatives: 2 })
    using choice = tracee.capture()
    const prints = [start.fingerprint(), choice.fingerprint()]
    expect(prints[0]).not.toBe(prints[1])
    tracee.restore(start)
    using again = tracee.capture()
    expect(again.fingerprint()).toBe(prints[0])
    expect(tracee.resume().kind).toBe('choice')
    expect(tracee.resume({ choose: 0 }).kind).toBe('exit')
    return { prints, output: readFileSync(path, 'utf8') }
  }

  test.each([
    ['dynamic', program],
    ['static', build('acts.c', { flags: ['-O2', '-static'] })],
  ])('have the same fingerprints at the same points, and print the same: %s', (_, file) => {
    const first = look({}, file)
    expect(first.output.split('\n')).toHaveLength(101)
    const more = Array.from({ length: 4 }, () => look({}, file))
    expect(more.map(({ output }) => output)).toEqual(Array(4).fill(first.output))
    expect(more.map(({ prints }) => prints[0])).toEqual(Array(4).fill(first.prints[0]))
    expect(more.map(({ prints }) => prints[1])).toEqual(Array(4).fill(first.prints[1]))
  })

  test('detachable or not', () => {
    expect(look({ detachable: true }).output).toBe(look().output)
    expect(look({ detachable: true })).toEqual(look({ detachable: true }))
  })

  test.each([
    ['addresses', false],
    ['random', false],
    ['rseq', true],
    ['environment', true],
    ['processor', true],
  ] as const)('may differ without %s', (name, isSameOutput) => {
    const [first, second] = [1, 2].map(() => look({ deterministic: { [name]: false } }))
    expect(first!.output.length).toBeGreaterThan(1000)
    if (name === 'addresses') expect(first!.output).not.toBe(second!.output)
    else if (isSameOutput) expect(first!.output).toBe(second!.output)
    if (name === 'random') expect(first!.prints).not.toEqual(second!.prints)
  })

  test('need no option at all', () => {
    expect(look({ deterministic: false }).output).not.toBe(look({ deterministic: false }).output)
    expect(look({ deterministic: true })).toEqual(look())
  })
})

describe('this thread', () => {
  const allowed = () => /^Cpus_allowed:.*$/m.exec(readFileSync('/proc/thread-self/status', 'latin1'))![0]

  test('shares the processor of its tracee, and has its own back afterwards', () => {
    const before = allowed()
    using store = new PageStore()
    const tracees = [1, 2, 3].map(() => Tracee.spawn(store, program, ['spin']))
    const during = allowed()
    for (const { pid } of tracees) {
      const theirs = /^Cpus_allowed:.*$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![0]
      expect(theirs).toBe(during)
    }
    tracees[0]!.close()
    tracees[2]!.kill()
    tracees[2]!.close()
    expect(allowed()).toBe(during)
    tracees[1]!.close()
    expect(allowed()).toBe(before)
  })

  test('has it back after what could not be started, and keeps it without', () => {
    const before = allowed()
    using store = new PageStore()
    errorOf(() => Tracee.spawn(store, '/no/such/program'))
    expect(allowed()).toBe(before)
    using tracee = Tracee.spawn(store, program, ['spin'], { deterministic: { processor: false } })
    expect(tracee.pid).toBeGreaterThan(1)
    expect(allowed()).toBe(before)
  })

  test('can have two tracees at the same time', () => {
    using store = new PageStore()
    using a = Tracee.spawn(store, program, ['choices'])
    using b = Tracee.spawn(store, program, ['choices'], { detachable: true })
    expect(a.pid).not.toBe(b.pid)
    a.resume()
    using atFirst = a.capture()
    b.resume()
    using alsoAtFirst = b.capture()
    for (let i = 0; i < 5; i++) {
      expect(a.resume({ choose: 1 }).kind).toBe('assertion')
      expect(b.resume({ choose: 0 })).toMatchObject({ kind: 'choice', alternatives: 1 })
      a.restore(atFirst)
      expect(b.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
      b.restore(alsoAtFirst)
      expect(a.resume({ choose: 2 })).toMatchObject({ kind: 'choice', alternatives: 0 })
      a.restore(atFirst)
    }
    a.close()
    expect(b.resume({ choose: 1 }).kind).toBe('assertion')
    expect(isThere(a.pid)).toBe(false)
  })
})

test('a program that was detached runs on by itself', async () => {
  using store = new PageStore()
  const path = join(folder, 'detached')
  const fd = openSync(path, 'w')
  const tracee = Tracee.spawn(store, program, ['counts'], { stdio: ['ignore', fd, 'ignore'], detachable: true })
  closeSync(fd)
  for (let i = 0; i < 5; i++) tracee.resume({ until: { syscall: ['write'] } })
  using somewhere = tracee.capture()
  tracee.resume({ timeout: 20 })
  tracee.restore(somewhere)
  const { pid } = tracee
  tracee.detach()
  expect(readFileSync(`/proc/${pid}/status`, 'latin1')).toMatch(/TracerPid:\t0/)
  expect(readlinkSync(`/proc/${pid}/exe`)).toBe(program)
  const length = readFileSync(path).length
  while (readFileSync(path).length < length + 100) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(readFileSync(path, 'utf8')).not.toContain('wrong')
  process.kill(pid, 'SIGKILL')
  expect(errorOf(() => tracee.resume()).code).toBe('ERR_MEMORY_CLOSED')
})

test('a detached program chooses by itself', () => {
  using store = new PageStore()
  const env = { PAGESTORE_TRACE: '1,0' }
  const tracee = Tracee.spawn(store, program, ['choices'], { detachable: true, env, stdio: [] })
  expect(tracee.resume().kind).toBe('choice')
  const { pid } = tracee
  tracee.detach()
  // It fails its own assertion, and aborts. Its end is for whoever waits for our children.
  const status = execFileSync('sh', [
    '-c',
    `while kill -0 ${pid} 2>/dev/null && ! grep -q 'State:.Z' /proc/${pid}/status; do sleep 0.01; done; echo done`,
  ])
  expect(status.toString()).toBe('done\n')
})
