import { PageStore, type SpawnOptions, Tracee } from 'pagestore'
import { describe, expect, test } from 'vitest'

import { store } from '../support/emptied-store.js'
import { errorOf } from '../support/pages.js'
import { stopsOf } from '../support/running.js'
import { build, isThere } from '../support/tracees.js'

const program = build('acts.c')

function start(act: string, options?: SpawnOptions): Tracee {
  return Tracee.spawn(store, program, [act], { stdio: [], ...options })
}

function codeOf(action: () => unknown): string {
  return errorOf(action).code
}

describe('threads', () => {
  test('that there are not are ERR_THREAD', () => {
    using tracee = start('thread')
    const { newTid } = tracee.resume() as { newTid: number }
    for (const tid of [1, process.pid, 2 ** 31 - 1]) {
      for (const use of [
        () => tracee.resume({ tid }),
        () => tracee.registers(tid),
        () => tracee.setRegisters({}, tid),
      ]) {
        const error = errorOf(use)
        expect(error.code).toBe('ERR_THREAD')
        expect(error.message).toContain(String(tid))
      }
    }
    expect(tracee.resume({ tid: newTid })).toMatchObject({ kind: 'thread-exit', ended: false })
    expect(tracee.resume({ tid: newTid })).toMatchObject({ kind: 'thread-exit', ended: true })
    expect(codeOf(() => tracee.resume({ tid: newTid }))).toBe('ERR_THREAD')
    expect(tracee.resume().kind).toBe('choice')
  })

  test('started or ended since a snapshot are ERR_THREADS, which names them', () => {
    using tracee = start('thread')
    using alone = tracee.capture()
    const { newTid: tid } = tracee.resume() as { newTid: number }
    using together = tracee.capture()
    const started = errorOf(() => tracee.restore(alone))
    expect(started.code).toBe('ERR_THREADS')
    expect(started.message).toMatch(new RegExp(`thread ${tid} was started since the snapshot`))

    expect(tracee.resume({ tid })).toMatchObject({ kind: 'thread-exit', ended: false })
    tracee.restore(together)
    tracee.resume({ tid })
    expect(tracee.resume({ tid })).toMatchObject({ kind: 'thread-exit', ended: true })
    const ended = errorOf(() => tracee.restore(together))
    expect(ended.code).toBe('ERR_THREADS')
    expect(ended.message).toMatch(new RegExp(`thread ${tid} has ended since the snapshot`))

    expect(tracee.resume().kind).toBe('choice')
    expect(tracee.resume({ choose: 0 })).toMatchObject({ kind: 'exit', code: 5 })
    // As many threads as at first: that it is another program's moment is no matter.
    tracee.restore(alone)
    expect(tracee.resume()).toMatchObject({ kind: 'clone' })
  })
})

describe('snapshots', () => {
  test('of another process are ERR_OTHER_MEMORY', () => {
    using a = start('functions')
    using b = start('functions')
    using snapshot = a.capture()
    expect(codeOf(() => b.restore(snapshot))).toBe('ERR_OTHER_MEMORY')
    expect(b.resume()).toMatchObject({ code: 27 })
    a.restore(snapshot)
  })

  test('of another store are ERR_OTHER_STORE', () => {
    using a = start('functions')
    using other = new PageStore()
    const b = Tracee.spawn(other, program, ['functions'])
    const snapshot = b.capture()
    expect(codeOf(() => a.restore(snapshot))).toBe('ERR_OTHER_STORE')
    expect(a.resume()).toMatchObject({ code: 27 })
  })

  test('that were released are ERR_SNAPSHOT_RELEASED', () => {
    using tracee = start('functions')
    const snapshot = tracee.capture()
    snapshot.release()
    expect(codeOf(() => tracee.restore(snapshot))).toBe('ERR_SNAPSHOT_RELEASED')
    expect(tracee.resume()).toMatchObject({ code: 27 })
  })

  test('of the program before exec are ERR_PROCESS_GONE', () => {
    using tracee = start('exec')
    using before = tracee.capture()
    expect(tracee.resume().kind).toBe('exec')
    expect(codeOf(() => tracee.restore(before))).toBe('ERR_PROCESS_GONE')
    using after = tracee.capture()
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
    tracee.restore(after)
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 27 })
  })

  test('stay when their tracee is closed', () => {
    const tracee = start('functions')
    const { address } = tracee.symbol('variable')
    using snapshot = tracee.capture()
    tracee.close()
    expect(snapshot.read(address, 4).readInt32LE()).toBe(5)
  })
})

describe('a tracee', () => {
  const uses: ((tracee: Tracee) => unknown)[] = [
    (tracee) => tracee.resume(),
    (tracee) => tracee.capture(),
    (tracee) => tracee.regions,
    (tracee) => tracee.threads,
    (tracee) => tracee.read(4096n, 1),
    (tracee) => tracee.write(4096n, Buffer.alloc(1)),
    (tracee) => tracee.registers(),
    (tracee) => tracee.setRegisters({}),
    (tracee) => tracee.symbol('main'),
    (tracee) => tracee.detach(),
  ]

  test('that was closed is ERR_MEMORY_CLOSED, and closing twice is nothing', () => {
    const tracee = start('functions')
    using snapshot = tracee.capture()
    tracee.close()
    tracee.close()
    const more = [
      () => tracee.kill(),
      () => tracee.tracker,
      () => tracee.ignore(4096n, 1),
      () => tracee.track(4096n, 1),
      () => tracee.restore(snapshot),
    ]
    for (const use of [...uses, ...more]) expect(codeOf(() => use(tracee))).toBe('ERR_MEMORY_CLOSED')
    expect(isThere(tracee.pid)).toBe(false)
  })

  test('whose store was closed is ERR_STORE_CLOSED or ERR_MEMORY_CLOSED, and gone', () => {
    const own = new PageStore()
    const tracee = Tracee.spawn(own, program, ['functions'])
    const snapshot = tracee.capture()
    own.close()
    expect(codeOf(() => tracee.capture())).toBe('ERR_STORE_CLOSED')
    expect(codeOf(() => tracee.restore(snapshot))).toBe('ERR_STORE_CLOSED')
    expect(codeOf(() => tracee.resume())).toBe('ERR_MEMORY_CLOSED')
    expect(isThere(tracee.pid)).toBe(false)
    expect(codeOf(() => Tracee.spawn(own, program))).toBe('ERR_STORE_CLOSED')
    expect(codeOf(() => Tracee.attach(own, process.ppid))).toBe('ERR_STORE_CLOSED')
  })

  test.each(['ended', 'killed', 'killed by us'])('that was %s is ERR_PROCESS_GONE', (how) => {
    const tracee = start(how === 'ended' ? 'functions' : 'spin')
    using snapshot = tracee.capture()
    if (how === 'killed by us') tracee.kill()
    else if (how === 'ended') stopsOf(tracee)
    else {
      process.kill(tracee.pid, 'SIGKILL')
      expect(tracee.resume()).toMatchObject({ kind: 'killed' })
    }
    for (const use of [...uses, () => tracee.restore(snapshot)]) {
      expect(
        codeOf(() => use(tracee)),
        use.toString(),
      ).toBe('ERR_PROCESS_GONE')
    }
    tracee.close()
  })

  test('that is killed while it stands is ERR_PROCESS_GONE for whatever comes next', () => {
    for (const use of uses.slice(1)) {
      const tracee = start('functions')
      process.kill(tracee.pid, 'SIGKILL')
      while (isThere(tracee.pid));
      try {
        use(tracee)
      } catch (error) {
        expect(['ERR_PROCESS_GONE', 'ERR_TRACEE']).toContain((error as { code: string }).code)
      }
      tracee.close()
    }
  })

  test('that was spawned for good cannot be detached: ERR_TRACEE, which says how', () => {
    using tracee = start('functions')
    const error = errorOf(() => tracee.detach())
    expect(error.code).toBe('ERR_TRACEE')
    expect(error.message).toContain('detachable')
    expect(tracee.resume()).toMatchObject({ code: 27 })
  })
})
