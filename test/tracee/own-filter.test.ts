// A process with a seccomp filter of its own, which ends it for a call that it never makes by itself.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

import { Tracee } from 'pagestore'
import { describe, expect, onTestFinished, test } from 'vitest'

import { start } from '../support/cli-run.js'
import { store } from '../support/emptied-store.js'
import { errorOf } from '../support/pages.js'
import { refused } from '../support/refused.js'
import { build, isThere } from '../support/tracees.js'

const program = build('allow-list.c')

async function startFiltered(which: string) {
  const { child, printed, ended } = start(program, [which])
  await printed(/up\n/)
  const ask = async (count: number) => {
    child.stdin!.write('x')
    await printed(new RegExp(`\n${count}\n`))
  }
  const end = async () => {
    child.stdin!.end()
    return (await ended).signal
  }
  return { pid: child.pid!, child, printed, ask, end }
}

// A process with a filter cannot be made strict.
describe.each(['filter', 'second', ...(refused.size > 0 ? [] : ['strict'])])(
  'a process with an allow-list (%s)',
  (which) => {
    test('is captured without a call that it does not allow, and runs on', async () => {
      const { pid, ask, end } = await startFiltered(which)
      const tracee = Tracee.attach(store, pid)
      expect(tracee.tracker).toBe('none')
      const snapshot = tracee.capture()
      tracee.resume({ timeout: 5 })
      tracee.restore(snapshot)
      tracee.detach()
      snapshot.release()
      await ask(1)
      // In strict mode no process may end by exit_group.
      expect(await end()).toBe(which === 'strict' ? 'SIGKILL' : null)
    })

    test('is not asked for a userfaultfd by one who insists on it', async () => {
      const { pid, ask } = await startFiltered(which)
      expect(errorOf(() => Tracee.attach(store, pid, { tracker: 'write-protect' })).code).toBe('ERR_TRACKER')
      await ask(1)
    })
  },
)

// Whether the child shares its descriptors, nobody can find out who may neither compare the two nor have it make a call.
test.runIf(refused.has('kcmp'))('one that has a child is refused in a container, and the child is named', async () => {
  const { pid, printed, ask, end } = await startFiltered('parent')
  const [, child] = /^(\d+)\n/m.exec(await printed(/up\n/)) ?? []
  onTestFinished(() => {
    if (isThere(Number(child))) process.kill(Number(child), 'SIGKILL')
  })
  const tracee = Tracee.attach(store, pid, { onWarning: () => {} })
  const { code, message } = errorOf(() => tracee.capture())
  expect(code).toBe('ERR_TRACEE')
  expect(message).toContain(`process ${child} shares the program's descriptors`)
  tracee.detach()
  await ask(1)
  process.kill(Number(child), 'SIGKILL')
  expect(await end()).toBe(null)
})

test.skipIf(refused.has('kcmp'))(
  'one that has a child is captured, and the end of the child is seen, too',
  async () => {
    const { pid, printed, ask, end } = await startFiltered('parent')
    const [, child] = /^(\d+)\n/m.exec(await printed(/up\n/)) ?? []
    onTestFinished(() => {
      if (isThere(Number(child))) process.kill(Number(child), 'SIGKILL')
    })
    const tracee = Tracee.attach(store, pid, { onWarning: () => {} })
    const snapshot = tracee.capture()
    tracee.resume({ timeout: 5 })
    tracee.restore(snapshot)
    process.kill(Number(child), 'SIGKILL')
    while (!/^State:\tZ/m.test(readFileSync(`/proc/${child}/status`, 'latin1'))) await setTimeout(1)
    tracee.resume({ timeout: 5 })
    const { code, message } = errorOf(() => tracee.restore(snapshot))
    expect(code).toBe('ERR_TRACEE')
    expect(message).toContain(`${child}, a child process of the program, has ended since`)
    tracee.capture().release()
    tracee.detach()
    snapshot.release()
    await ask(1)
    expect(await end()).toBe(null)
  },
)

test('a restore that takes a call which it does not allow is refused, and it runs on', async () => {
  const { pid, child, printed, ask, end } = await startFiltered('filter')
  const tracee = Tracee.attach(store, pid, { files: 'ignore', onWarning: () => {} })
  const snapshot = tracee.capture()
  child.stdin!.write('x')
  tracee.resume({ timeout: 100 })
  await printed(/\n1\n/)
  const { code, message } = errorOf(() => tracee.restore(snapshot))
  expect(code).toBe('ERR_PERMISSION')
  expect(message).toMatch(/can make no such system call for us: its own filter \(seccomp\)/)
  tracee.detach()
  snapshot.release()
  await ask(2)
  expect(await end()).toBe(null)
})

// Only who may read filters, and has none, knows which thread has which.
describe.skipIf(process.getuid!() !== 0 || refused.size > 0)(
  'of a process whose threads have different filters',
  () => {
    test('a thread that is allowed a call makes it, whichever has more filters', async () => {
      const { pid, child, printed, ask, end } = await startFiltered('thread')
      const tracee = Tracee.attach(store, pid, { files: 'ignore', onWarning: () => {} })
      expect(tracee.tracker).toBe('write-protect')
      const snapshot = tracee.capture()
      child.stdin!.write('x')
      tracee.resume({ timeout: 100 })
      await printed(/\n1\n/)
      tracee.restore(snapshot)
      tracee.capture().release()
      tracee.detach()
      snapshot.release()
      await ask(1)
      expect(await end()).toBe(null)
    })
  },
)

test.skipIf(process.getuid!() !== 0 || refused.size > 0)(
  'a filter that would keep a thread from putting itself back, should we end, allows nothing',
  async () => {
    const { pid, ask, end } = await startFiltered('deaf')
    const tracee = Tracee.attach(store, pid)
    expect(tracee.tracker).toBe('none')
    tracee.detach()
    await ask(1)
    expect(await end()).toBe(null)
  },
)

// To read filters takes a capability. Those who lack it know of others' filters how many there are.
test.skipIf(process.getuid!() !== 0 || spawnSync('setpriv', ['--version']).status !== 0)(
  'a filter that may not be read allows nothing',
  async () => {
    const { pid, ask } = await startFiltered('filter')
    const script = `
      import { PageStore, Tracee } from 'pagestore'
      const store = new PageStore()
      const tracee = Tracee.attach(store, ${pid})
      console.log(tracee.tracker)
      const snapshot = tracee.capture()
      tracee.resume({ timeout: 5 })
      tracee.restore(snapshot)
      tracee.detach()`
    const without = ['--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin']
    const { stdout, stderr } = spawnSync(
      'setpriv',
      [...without, process.execPath, '--input-type=module', '-e', script],
      { encoding: 'utf8', cwd: import.meta.dirname },
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'none\n', stderr: '' })
    await ask(1)
  },
)

// As one in a container that sees the processes of the whole machine.
test.skipIf(process.getuid!() !== 0 || refused.size > 0)(
  'a filter is not taken to be ours where only its process has given up privileges for it',
  async () => {
    const { pid, ask, end } = await startFiltered('filter')
    const script = `
      import { PageStore, Tracee } from 'pagestore'
      const tracee = Tracee.attach(new PageStore(), ${pid})
      console.log(tracee.tracker)
      tracee.detach()`
    const node = [process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync(program, ['privileged', ...node], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    })
    expect({ stdout, stderr }).toEqual({ stdout: 'none\n', stderr: '' })
    await ask(1)
    expect(await end()).toBe(null)
  },
)

test('a filter that we have as well is tried by a child of ours', () => {
  const script = `
    import { spawn } from 'node:child_process'
    import { once } from 'node:events'
    import { PageStore, Tracee } from 'pagestore'
    const child = spawn('${program}', ['plain'])
    await once(child.stdout, 'data')
    const tracee = Tracee.attach(new PageStore(), child.pid)
    console.log(tracee.tracker)
    tracee.capture()
    tracee.detach()
    child.stdin.write('x')
    console.log(String(await once(child.stdout, 'data')).trim())
    child.stdin.end()
    console.log(...(await once(child, 'exit')))`
  const { stdout, stderr } = spawnSync(program, ['trap', process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  expect({ stdout, stderr }).toEqual({ stdout: 'none\n1\n0 null\n', stderr: '' })
})
