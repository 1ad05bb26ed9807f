// A subject can be anybody's object: what it answers wrongly is refused, and its run is closed; what is right is read once.
import { LocalMemory } from 'pagestore'
import { explore, type Layout, type Running, type Subject, sometimes } from 'pagestore/explore'
import { expect, test } from 'vitest'

const layout: Layout = {
  find: () => ({ address: 0n, size: 1 }),
  hidesUnnamed: false,
  nameOf: () => undefined,
  declared: () => [],
}

/** A subject of three states in one byte, whose runs are made otherwise. */
class Counted implements Subject {
  opened = 0
  closed = 0
  readonly #change: (run: Running) => Running

  constructor(change: (run: Running) => Running) {
    this.#change = change
  }

  open(store: Parameters<Subject['open']>[0]): Running {
    const bytes = new Uint8Array(1)
    const memory = new LocalMemory(store, bytes)
    this.opened++
    return this.#change({
      memory,
      layout,
      start: () => ({ kind: 'choice', alternatives: 1 }),
      take() {
        bytes[0] = (bytes[0] ?? 0) + 1
        return bytes[0] === 2 ? { kind: 'end' } : { kind: 'choice', alternatives: 1 }
      },
      removeMade() {},
      close: () => {
        this.closed++
        memory.close()
      },
    })
  }
}

/** The same object, but that some of its parts are others, and that somebody sees when they are read. */
function changed<T extends object>(object: T, changes: object, onRead: (name: string) => void = () => {}): T {
  return new Proxy(object, {
    get(target, name) {
      onRead(String(name))
      const part: unknown = Reflect.get(Object.hasOwn(changes, name) ? changes : target, name)
      return typeof part === 'function' ? part.bind(target) : part
    },
  })
}

const wrong: [name: string, value: unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['an object', {}],
]
const wrongParts = wrong.flatMap(([name, value]): [string, (run: Running) => Running][] => [
  ...['memory', 'start', 'take'].map((part) => partOfRun(part, name, value)),
  ...(value === undefined ? [] : ['layout', 'removeMade'].map((part) => partOfRun(part, name, value))),
  ...['capture', 'read', 'restore', 'ignore', 'track', 'close'].map((part): [string, (run: Running) => Running] => [
    `memory.${part} is ${name}`,
    (run) => changed(run, { memory: changed(run.memory, { [part]: value }) }),
  ]),
  ...['find', 'nameOf', 'declared'].map((part): [string, (run: Running) => Running] => [
    `layout.${part} is ${name}`,
    (run) => changed(run, { layout: changed(layout, { [part]: value }) }),
  ]),
])

function partOfRun(part: string, name: string, value: unknown): [string, (run: Running) => Running] {
  return [`${part} is ${name}`, (run) => changed(run, { [part]: value })]
}

test.each(wrongParts)('a run is refused, and closed, whose %s', async (_, change) => {
  const subject = new Counted(change)
  await expect(explore(subject, { verify: true })).rejects.toMatchObject({ code: 'ERR_MODEL' })
  expect(subject).toMatchObject({ opened: 1, closed: 1 })
})

test.each(wrong)('a run is refused whose close is %s', async (_, value) => {
  const subject = new Counted((run) => changed(run, { close: value }))
  await expect(explore(subject)).rejects.toMatchObject({ code: 'ERR_MODEL' })
})

test('a run that throws when it is read is closed', async () => {
  const subject = new Counted((run) =>
    changed(run, {
      get memory() {
        throw new RangeError('it has none')
      },
    }),
  )
  await expect(explore(subject)).rejects.toThrow(RangeError)
  expect(subject).toMatchObject({ opened: 1, closed: 1 })
})

test('each method of a run, its memory and its layout is read once', async () => {
  const reads = new Map<string, number>()
  const counted = (owner: string) => (name: string) =>
    void reads.set(`${owner}.${name}`, (reads.get(`${owner}.${name}`) ?? 0) + 1)
  const subject: Counted = new Counted((run) => {
    const parts = {
      memory: changed(run.memory, {}, counted(`memory ${subject.opened}`)),
      layout: changed(layout, {}, counted(`layout ${subject.opened}`)),
    }
    return changed(run, parts, counted(`run ${subject.opened}`))
  })
  const properties = [sometimes('it ends', (state) => state.uint8('counter') === 2)]
  const found = await explore(subject, { properties, verify: true })
  expect(found).toMatchObject({ complete: true, states: 3, violations: [] })
  expect(subject.closed).toBe(subject.opened)
  expect(reads.get('memory 1.read')).toBe(1)
  expect([...reads].filter(([name, times]) => times > 1 && !/^run \d+\.warnings$/.test(name))).toEqual([])
})

test('what is right is taken, with no more than it must have', async () => {
  const found = await explore(new Counted(({ memory, start, take, close }) => ({ memory, start, take, close })))
  expect(found).toMatchObject({ complete: true, states: 3, violations: [], warnings: [] })
})
