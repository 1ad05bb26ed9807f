import { spawn } from 'node:child_process'

import { PageStore, type SpawnOptions, type Stop, Tracee } from 'pagestore'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { openPipe } from '../support/pipes.js'
import { locationOf, registerOf, stopsOf } from '../support/running.js'
import { build, isThere, untilGone } from '../support/tracees.js'

const program = build('acts.c')

let store: PageStore
let tracee: Tracee | undefined
beforeEach(() => {
  store = new PageStore()
})
afterEach(() => {
  tracee?.close()
  expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
  store.close()
})

/** Kinds alone, of what is not interesting otherwise. */
function kindsOf(stops: readonly Stop[]): string[] {
  return stops.map(({ kind }) => kind)
}

describe.each([false, true])('a program stops (detachable: %s)', (detachable) => {
  function start(args: string[], options: SpawnOptions = {}): Tracee {
    tracee = Tracee.spawn(store, program, args, { detachable, ...options })
    return tracee
  }

  describe('for system calls', () => {
    test('that were named, on their way in with the arguments, and out with the result', () => {
      const tracee = start(['calls'])
      for (let i = 0; i < 3; i++) {
        for (const name of ['dup3', 'close']) {
          const until = { syscall: ['close', 'dup3'] }
          expect(tracee.resume({ until })).toEqual({ kind: 'syscall', tid: tracee.pid, name, entering: true })
          const before = tracee.registers()
          expect(before[registerOf.first]).toBe(1000n + BigInt(i))
          if (name === 'dup3') expect(before[registerOf.second]).toBe(2000n)
          expect(tracee.resume({ until })).toEqual({ kind: 'syscall', tid: tracee.pid, name, entering: false })
          expect(BigInt.asIntN(64, tracee.registers()[registerOf.result]!)).toBe(-9n)
        }
      }
      expect(tracee.resume({ until: { syscall: ['close'] } })).toMatchObject({ kind: 'exit', code: 0, ended: false })
    })

    test('only for those', () => {
      const tracee = start(['calls'])
      const stops = stopsOf(tracee, { until: { syscall: ['close'] } })
      const calls = stops.filter((stop) => stop.kind === 'syscall')
      expect(calls.map(({ name, entering }) => [name, entering])).toEqual([
        ['close', true],
        ['close', false],
        ['close', true],
        ['close', false],
        ['close', true],
        ['close', false],
      ])
    })

    test('that change mappings like any other', () => {
      const tracee = start(['fork', '0'])
      const stops = stopsOf(tracee, { until: { syscall: ['brk', 'mmap', 'munmap', 'exit_group'] } })
      const calls = stops.filter((stop) => stop.kind === 'syscall')
      for (const [i, { entering, name }] of calls.entries()) {
        expect(entering).toBe(i % 2 === 0)
        expect(name).toBe(calls[i - (i % 2)]?.name)
      }
    })

    test('all of them with true, but for the one that ends it', () => {
      const tracee = start(['calls'])
      const stops = stopsOf(tracee, { until: { syscall: true } })
      const calls = stops.slice(0, -2).map((stop) => (stop.kind === 'syscall' ? stop : expect.fail(stop.kind)))
      for (const [i, { entering }] of calls.entries()) expect(entering).toBe(i % 2 === 0)
      const names = calls.filter(({ entering }) => entering).map(({ name }) => name)
      expect(names.slice(-6)).toEqual(['dup3', 'close', 'dup3', 'close', 'dup3', 'close'])
      expect(stops.slice(-2)).toMatchObject([
        { kind: 'exit', code: 0, ended: false },
        { kind: 'exit', code: 0, ended: true },
      ])
    })

    test('not any more once nobody asks', () => {
      const tracee = start(['calls'])
      expect(tracee.resume({ until: { syscall: ['dup3'] } })).toMatchObject({ entering: true })
      expect(kindsOf(stopsOf(tracee))).toEqual(['exit', 'exit'])
    })

    test('in the middle of a call only behind it', () => {
      const tracee = start(['calls'])
      expect(tracee.resume({ until: { syscall: ['dup3'] } })).toMatchObject({ name: 'dup3', entering: true })
      expect(tracee.resume({ until: { syscall: true } })).toMatchObject({ name: 'dup3', entering: false })
      expect(tracee.resume({ until: { syscall: true } })).toMatchObject({ name: 'close', entering: true })
    })

    test('again after a rollback to one', () => {
      const tracee = start(['calls'])
      const until = { syscall: ['dup3', 'close'] }
      for (let i = 0; i < 3; i++) tracee.resume({ until })
      using inside = tracee.capture()
      expect(tracee.resume({ until })).toMatchObject({ name: 'close', entering: false })
      expect(tracee.resume({ until })).toMatchObject({ name: 'dup3', entering: true })
      tracee.restore(inside)
      // It is about to make the call, which was told already.
      expect(tracee.resume({ until })).toMatchObject({ name: 'close', entering: false })
      expect(stopsOf(tracee).at(-1)).toMatchObject({ kind: 'exit', code: 0 })
    })
  })

  test.each([0, 1, 77, 255])('for its exit with code %s, and once more with its end', (code) => {
    const tracee = start(['exit', String(code)])
    expect(tracee.resume()).toEqual({ kind: 'exit', tid: tracee.pid, code, ended: false })
    expect(isThere(tracee.pid)).toBe(true)
    expect(tracee.resume()).toEqual({ kind: 'exit', tid: tracee.pid, code, ended: true })
    expect(isThere(tracee.pid)).toBe(false)
    for (const use of [() => tracee.resume(), () => tracee.capture(), () => tracee.regions]) {
      expect(errorOf(use).code).toBe('ERR_PROCESS_GONE')
    }
  })

  describe('for signals', () => {
    test.each([
      ['which it receives by default', [undefined, undefined, undefined], 3],
      ['which it does not receive with none', ['none', 'none', 'none'], 0],
      ['in place of which it receives another', ['SIGUSR2', 'SIGUSR2', 'SIGUSR2'], 30],
      ['each by itself', ['none', undefined, 'SIGUSR2'], 11],
    ])('%s', (_, answers, code) => {
      const tracee = start(['signals'])
      let stop = tracee.resume()
      for (const signal of answers) {
        expect(stop).toEqual({ kind: 'signal', tid: tracee.pid, signal: 'SIGUSR1' })
        stop = tracee.resume({ signal })
      }
      expect(stop).toMatchObject({ kind: 'exit', code })
    })

    test('of others only: what we send it receives', () => {
      const tracee = start(['spin'])
      expect(tracee.resume({ timeout: 5 }).kind).toBe('timeout')
      expect(tracee.resume({ signal: 'SIGHUP' })).toMatchObject({ kind: 'killed', signal: 'SIGHUP' })
    })

    test('that a fault makes, with the address', () => {
      const tracee = start(['fault'])
      expect(tracee.resume()).toEqual({ kind: 'signal', tid: tracee.pid, signal: 'SIGSEGV', address: 0x1230n })
      using fault = tracee.capture()
      for (let i = 0; i < 3; i++) {
        // Nothing has changed: it faults again.
        expect(tracee.resume({ signal: 'none' })).toMatchObject({ signal: 'SIGSEGV', address: 0x1230n })
        tracee.restore(fault)
      }
      expect(tracee.resume()).toEqual({ kind: 'killed', tid: tracee.pid, signal: 'SIGSEGV' })
    })

    test('that come from outside, and ends if it does not handle them', () => {
      const tracee = start(['spin'])
      expect(tracee.resume({ timeout: 5 }).kind).toBe('timeout')
      process.kill(tracee.pid, 'SIGTERM')
      expect(tracee.resume()).toEqual({ kind: 'signal', tid: tracee.pid, signal: 'SIGTERM' })
      expect(tracee.resume({ signal: 'none', timeout: 5 }).kind).toBe('timeout')
      process.kill(tracee.pid, 'SIGTERM')
      expect(tracee.resume().kind).toBe('signal')
      expect(tracee.resume()).toEqual({ kind: 'killed', tid: tracee.pid, signal: 'SIGTERM' })
    })

    test('that stop and continue a process', () => {
      const tracee = start(['spin'])
      const { address } = tracee.symbol('count')
      process.kill(tracee.pid, 'SIGSTOP')
      expect(tracee.resume()).toMatchObject({ kind: 'signal', signal: 'SIGSTOP' })
      expect(tracee.resume({ timeout: 20 }).kind).toBe('timeout')
      const stopped = tracee.read(address, 4)
      expect(tracee.resume({ timeout: 20 }).kind).toBe('timeout')
      expect(tracee.read(address, 4)).toEqual(stopped)
      process.kill(tracee.pid, 'SIGCONT')
      expect(tracee.resume()).toMatchObject({ kind: 'signal', signal: 'SIGCONT' })
      expect(tracee.resume({ timeout: 20 }).kind).toBe('timeout')
      expect(tracee.read(address, 4)).not.toEqual(stopped)
    })
  })

  test('for a choice, with the number of alternatives and the location', () => {
    const tracee = start(['choices'])
    const location = locationOf('acts.c', 'ps_choose(3)')
    expect(tracee.resume()).toEqual({ kind: 'choice', tid: tracee.pid, alternatives: 3, location })
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'choice', alternatives: 1 })
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 0 })
  })

  test('for an assertion, with its text and the location', () => {
    const tracee = start(['choices'])
    tracee.resume()
    const location = locationOf('acts.c', 'ps_assert(')
    expect(tracee.resume({ choose: 1 })).toEqual({
      kind: 'assertion',
      tid: tracee.pid,
      text: 'the way is not one',
      location,
    })
    expect(tracee.resume()).toMatchObject({ kind: 'choice', alternatives: 1 })
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 1 })
  })

  test('where there is no alternative, for good', () => {
    const tracee = start(['choices'])
    tracee.resume()
    using first = tracee.capture()
    expect(tracee.resume({ choose: 2 })).toMatchObject({
      kind: 'choice',
      alternatives: 0,
      location: locationOf('acts.c', '(0);'),
    })
    expect(errorOf(() => tracee.resume({ choose: 0 })).message).toContain('ps_choose(0)')
    tracee.restore(first)
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'choice', alternatives: 1 })
  })

  test('when it has become another program, which has symbols of its own', () => {
    const tracee = start(['exec'])
    expect(tracee.resume()).toEqual({ kind: 'exec', tid: tracee.pid })
    // The number of its arguments.
    expect(tracee.read(tracee.registers()[registerOf.stack] ?? 0n, 8).readBigUInt64LE()).toBe(2n)
    expect(tracee.resume({ until: { symbol: 'add' } })).toMatchObject({ kind: 'breakpoint' })
    expect(tracee.registers()[registerOf.first]).toBe(20n)
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })

  describe('for a thread', () => {
    test('when it is started and when it is about to end', () => {
      const tracee = start(['thread'])
      const clone = tracee.resume()
      expect(clone).toMatchObject({ kind: 'clone', tid: tracee.pid })
      const { newTid } = clone as { newTid: number }
      expect(tracee.threads).toEqual([tracee.pid, newTid])
      expect(tracee.resume()).toEqual({ kind: 'thread-exit', tid: newTid, ended: false })
      expect(tracee.threads).toEqual([tracee.pid, newTid])
      expect(tracee.resume()).toMatchObject({ kind: 'choice', tid: tracee.pid })
      expect(tracee.threads).toEqual([tracee.pid])
      expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 5 })
    })

    test('when it has ended, if it alone ran', () => {
      const tracee = start(['thread'])
      const { newTid: tid } = tracee.resume() as { newTid: number }
      using before = tracee.capture()
      for (let i = 0; i < 5; i++) {
        expect(tracee.resume({ tid })).toEqual({ kind: 'thread-exit', tid, ended: false })
        tracee.restore(before)
      }
      expect(tracee.resume({ tid })).toEqual({ kind: 'thread-exit', tid, ended: false })
      expect(tracee.resume({ tid })).toEqual({ kind: 'thread-exit', tid, ended: true })
      expect(tracee.threads).toEqual([tracee.pid])
      expect(tracee.resume()).toMatchObject({ kind: 'choice', tid: tracee.pid })
    })
  })

  describe('for a child', () => {
    test('which lives on, and whose end it waits for', () => {
      const tracee = start(['fork', '42'])
      const fork = tracee.resume()
      expect(fork).toMatchObject({ kind: 'fork', tid: tracee.pid })
      expect((fork as { pid: number }).pid).toBeGreaterThan(0)
      const end = stopsOf(tracee).filter(({ kind }) => kind !== 'signal')
      expect(end).toMatchObject([
        { kind: 'exit', code: 42, ended: false },
        { kind: 'exit', code: 42, ended: true },
      ])
    })

    test('that a shell starts for each of its commands', () => {
      tracee = Tracee.spawn(store, '/bin/sh', ['-c', 'sh -c "exit 3"; [ $? = 3 ] && (exit 4) | sh -c "exit 5"'], {
        detachable,
      })
      const kinds = kindsOf(stopsOf(tracee))
      expect(kinds.filter((kind) => kind === 'fork').length).toBeGreaterThanOrEqual(3)
      expect(kinds.at(-1)).toBe('exit')
    })

    test('which stays, so that its parent is not rolled back to before', async () => {
      const tracee = start(['child-stays'])
      using before = tracee.capture()
      const { pid } = tracee.resume() as { pid: number }
      expect(tracee.resume({ timeout: 10 }).kind).toBe('timeout')
      expect(() => tracee.restore(before)).toThrow(expect.objectContaining({ code: 'ERR_TRACEE' }))
      expect(isThere(pid)).toBe(true)
      tracee.close()
      if (detachable) process.kill(pid, 'SIGKILL')
      await untilGone(pid)
    })
  })

  describe('when its time is up', () => {
    test.each([0, 1, 30])('while it computes, after %s ms', (timeout) => {
      const tracee = start(['spin'])
      const before = performance.now()
      expect(tracee.resume({ timeout })).toEqual({ kind: 'timeout', tid: tracee.pid })
      expect(performance.now() - before).toBeGreaterThanOrEqual(timeout - 1)
    })

    test('while it waits, and the call it waits in goes on', () => {
      using pipe = openPipe()
      // The byte that it reads is not put back into the pipe.
      const tracee = start(['block'], { stdio: [pipe.input], files: 'ignore', onWarning: () => {} })
      for (let i = 0; i < 3; i++) expect(tracee.resume({ timeout: 10 }).kind).toBe('timeout')
      using waiting = tracee.capture()
      for (const byte of [7, 9]) {
        pipe.write(byte)
        expect(tracee.resume()).toMatchObject({ kind: 'exit', code: byte })
        tracee.restore(waiting)
        expect(tracee.resume({ timeout: 10 }).kind).toBe('timeout')
      }
    })
  })

  describe('when it is killed', () => {
    test('while it stands', () => {
      const tracee = start(['spin'])
      process.kill(tracee.pid, 'SIGKILL')
      expect(tracee.resume()).toEqual({ kind: 'killed', tid: tracee.pid, signal: 'SIGKILL' })
      expect(errorOf(() => tracee.resume()).code).toBe('ERR_PROCESS_GONE')
    })

    test.each(['spin', 'block', 'thread-waits'])('while it runs: %s', (act) => {
      using pipe = openPipe()
      const tracee = start([act], { stdio: [pipe.input] })
      if (act === 'thread-waits') expect(tracee.resume().kind).toBe('clone')
      spawn('sh', ['-c', `sleep 0.05; kill -9 ${tracee.pid}`])
      expect(tracee.resume()).toMatchObject({ kind: 'killed', signal: 'SIGKILL' })
    })

    test('by us', () => {
      const tracee = start(['spin'])
      tracee.kill()
      expect(isThere(tracee.pid)).toBe(false)
      tracee.kill()
      expect(errorOf(() => tracee.resume()).code).toBe('ERR_PROCESS_GONE')
    })
  })
})

test('a program that may be detached stops for the same as another', () => {
  const all = [false, true].map((detachable) => {
    using tracee = Tracee.spawn(store, program, ['fork', '3'], { detachable })
    const stops = stopsOf(tracee, { until: { syscall: true } })
    // The moment of SIGCHLD is the child's to choose.
    return stops.flatMap((stop) => (stop.kind === 'syscall' ? [`${stop.name} ${stop.entering}`] : []))
  })
  expect(all[1]).toEqual(all[0])
})
