/**
 * Users of several threads and their snapshots hold the pages of one store. Calls are made at random, right and wrong
 * ones, and each does what a plain model of both counts says: it succeeds, or is refused with those counts and changes
 * nothing. `PAGESTORE_TEST_ROUNDS` says how many calls, `PAGESTORE_TEST_SEED` from which seed on.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import { PageStore, pageSize } from 'pagestore'
import { expect, onTestFailed, test } from 'vitest'

import { Holder, memoryPages } from '../support/holder.mjs'
import { pick, type Random, randomFrom } from '../support/machines.js'
import { page, upTo } from '../support/pages.js'

const rounds = Number(process.env['PAGESTORE_TEST_ROUNDS'] ?? 400)
const firstSeed = Number(process.env['PAGESTORE_TEST_SEED'] ?? 1)
const contents = 12
const childrenOfTable = 16

type Operation = [name: string, first: number | number[], second?: number]
interface Outcome {
  result?: unknown
  code?: unknown
  message?: string
}
type Actor = (operation: Operation) => Promise<Outcome>

interface Counts {
  users: number
  snapshots: number
}

/** The pages of one memory: what each is, 0 for zeroes. */
type Pages = readonly number[]

class Model {
  /** Of each number that was ever used. Pages that are none of `contents` are what snapshots keep beside memory. */
  slots: (Counts & { content?: number })[] = []
  readonly memories: number[][]
  /** What each memory was known to be last: it keeps that. */
  readonly known: (Pages | undefined)[]
  readonly snapshots = new Map<number, { actor: number; pages: Pages }>()

  constructor(actors: number) {
    this.memories = upTo(actors).map(() => Array<number>(memoryPages).fill(0))
    this.known = this.memories.map(() => undefined)
  }

  /** References of snapshots on each content: each distinct table of pages has one on each of its children. */
  heldBySnapshots(): number[] {
    const tables = new Map<string, Pages>()
    for (const pages of [...[...this.snapshots.values()].map((each) => each.pages), ...this.known]) {
      for (let at = 0; pages !== undefined && at < pages.length; at += childrenOfTable) {
        const table = pages.slice(at, at + childrenOfTable)
        const padded = [...table, ...Array<number>(childrenOfTable - table.length).fill(0)]
        tables.set(padded.join(), padded)
      }
    }
    const held = Array<number>(contents + 1).fill(0)
    for (const table of tables.values()) for (const content of table) held[content]!++
    return held
  }

  /** Changes users' counts by `by`; or says which number is refused, and has changed nothing. */
  change(ns: readonly number[], by: 1 | -1): number | undefined {
    const users = this.slots.map((slot) => slot.users)
    for (const n of ns) {
      const slot = this.slots[n]
      if (slot === undefined || (by === 1 ? users[n]! + slot.snapshots : users[n]!) === 0) return n
      users[n]! += by
    }
    for (const [n, slot] of this.slots.entries()) slot.users = users[n]!
    return undefined
  }

  stored(seed: number, n: number): void {
    const known = this.slots.findIndex((slot) => slot.content === seed && slot.users + slot.snapshots > 0)
    if (known >= 0) expect(n).toBe(known)
    for (let i = this.slots.length; i <= n; i++) this.slots.push({ users: 0, snapshots: 0 })
    const slot = this.slots[n]!
    if (slot.users + slot.snapshots > 0) expect(slot.content).toBe(seed)
    slot.content = seed
    slot.users++
  }

  refusal(n: number): string {
    const slot = this.slots[n]
    if (slot === undefined) return `page ${n} was never stored`
    if (slot.users + slot.snapshots === 0) return `page ${n} has no reference left (0 of users, 0 of snapshots)`
    return `page ${n} has ${slot.users} references of users and ${slot.snapshots} of snapshots`
  }
}

const contentOf = new Map(upTo(contents).map((i) => [page(i + 1).toString('latin1', 0, 64), i + 1]))

/** What the store says of each number that was ever used. */
function look(store: PageStore): { count: number; content?: number }[] {
  const found = []
  for (let n = 0; ; n++) {
    try {
      const count = store.refCount(n)
      const content = count > 0 ? contentOf.get(store.getPage(n).toString('latin1', 0, 64)) : undefined
      found.push({ count, ...(content !== undefined && { content }) })
    } catch {
      return found
    }
  }
}

function expectAgreement(store: PageStore, model: Model, snapshotsChanged: boolean): void {
  const found = look(store)
  const held = model.heldBySnapshots()
  const seen = new Set<number>()
  for (const [n, { count, content }] of found.entries()) {
    const slot = model.slots[n] ?? { users: 0, snapshots: 0 }
    model.slots[n] = slot
    if (content !== undefined) {
      seen.add(content)
      slot.content = content
      slot.snapshots = held[content]!
    } else {
      delete slot.content
      if (snapshotsChanged) slot.snapshots = count - slot.users
    }
    expect(slot.snapshots, `of page ${n}`).toBeGreaterThanOrEqual(0)
    expect(count, `of page ${n}`).toBe(slot.users + slot.snapshots)
  }
  for (let content = 1; content <= contents; content++) expect(seen.has(content) || held[content] === 0).toBe(true)
  expect(store.size).toBe(found.filter(({ count }) => count > 0).length)
  expect(store.stats().references).toBe(found.reduce((sum, { count }) => sum + count, 0))
}

/** Mostly numbers in use, often too many of one, now and then one that never was. */
function someNumbers(random: Random, model: Model, most: number): number[] {
  const numbers: number[] = []
  for (let left = 1 + random(most); left > 0; left--) {
    const kind = random(12)
    if (kind === 0) numbers.push(pick(random, [model.slots.length, 10_000, 2 ** 32 - 1]))
    else if (kind < 4 && numbers.length > 0) numbers.push(pick(random, numbers))
    else numbers.push(random(Math.max(1, model.slots.length)))
  }
  return numbers
}

async function useAsUser(random: Random, model: Model, actor: Actor): Promise<void> {
  const seeds = () => upTo(1 + random(6)).map(() => 1 + random(contents))
  const name = pick(random, ['storePage', 'storePages', 'refPage', 'refPages', 'unrefPage', 'unrefPages', 'unrefPages'])
  const one = !name.endsWith('s')
  if (name.startsWith('store')) {
    const stored = one ? seeds().slice(0, 1) : seeds()
    const { result } = await actor([name, stored])
    for (const [i, seed] of stored.entries()) model.stored(seed, (result as number[])[i]!)
    return
  }
  const numbers = someNumbers(random, model, one ? 1 : 8)
  const refused = model.change(numbers, name.startsWith('ref') ? 1 : -1)
  const { code, message } = await actor([name, numbers])
  expect(code).toBe(refused === undefined ? undefined : 'ERR_PAGE_NUMBER')
  if (refused !== undefined) expect(message).toContain(model.refusal(refused))
}

async function useSnapshots(random: Random, model: Model, actors: readonly Actor[], index: number): Promise<void> {
  const actor = actors[index]!
  const memory = model.memories[index]!
  const own = [...model.snapshots].filter(([, snapshot]) => snapshot.actor === index)
  const kind = own.length === 0 ? 0 : random(6)
  const id = own.length === 0 ? 0 : pick(random, own)[0]
  if (kind < 3) {
    for (let left = random(20); left > 0; left--) {
      const at = random(memoryPages)
      memory[at] = random(contents + 1)
      await actor(['write', at, memory[at]])
    }
    const next = Math.max(-1, ...model.snapshots.keys()) + 1
    expect(await actor(['capture', next])).toEqual({ result: undefined })
    model.snapshots.set(next, { actor: index, pages: [...memory] })
    model.known[index] = [...memory]
    return
  }
  const { pages } = model.snapshots.get(id)!
  if (kind === 3) {
    const { result } = await actor(['read', id])
    const expected = Buffer.concat(pages.map((content) => (content === 0 ? Buffer.alloc(pageSize) : page(content))))
    expect(expected.equals(result as Uint8Array)).toBe(true)
    return
  }
  const name = kind === 4 ? 'restore' : 'release'
  expect(await actor([name, id])).toEqual({ result: undefined })
  if (name === 'release') {
    model.snapshots.delete(id)
  } else {
    memory.splice(0, memoryPages, ...pages)
    model.known[index] = pages
  }
}

async function workerOn(store: PageStore): Promise<{ worker: Worker; actor: Actor }> {
  const worker = new Worker(new URL('../support/holding-worker.mjs', import.meta.url), { workerData: store.share() })
  await once(worker, 'message')
  const actor: Actor = async (operation) => {
    worker.postMessage(operation)
    return (await once(worker, 'message'))[0]
  }
  return { worker, actor }
}

test.each([firstSeed, firstSeed + 1, firstSeed + 2])(
  'both counts are what a plain model says, seed %i',
  async (seed) => {
    const did: string[] = [`seed ${seed}`]
    onTestFailed(() => console.error(did.join('\n')))
    const random = randomFrom(seed)
    using store = new PageStore()
    const own = new Holder(store)
    const workers = [await workerOn(store), await workerOn(store)]
    const here: Actor = async (operation) => own.do(operation) as Outcome
    const actors = [here, ...workers.map(({ actor }) => actor)].map(
      (actor, i): Actor =>
        (operation) => {
          did.push(`${i}: ${JSON.stringify(operation)}`)
          return actor(operation)
        },
    )
    const model = new Model(actors.length)
    for (let round = 0; round < rounds; round++) {
      const index = random(actors.length)
      const asUser = random(3) > 0
      if (asUser) await useAsUser(random, model, actors[index]!)
      else await useSnapshots(random, model, actors, index)
      expectAgreement(store, model, !asUser)
    }
    // To the last reference, by whoever is asked.
    for (const [id, { actor }] of model.snapshots) expect(await actors[actor]!(['release', id])).toEqual({})
    for (const actor of actors) expect(await actor(['close', 0])).toEqual({})
    for (const [n, { users }] of model.slots.entries()) {
      expect(store.refCount(n)).toBe(users)
      if (users > 0) expect(await pick(random, actors)(['unrefPages', Array<number>(users).fill(n)])).toEqual({})
      expect(store.refCount(n)).toBe(0)
    }
    expect(store.stats()).toMatchObject({ pages: 0, references: 0, tables: 0 })
    for (const { worker } of workers) {
      worker.postMessage('end')
      await once(worker, 'exit')
    }
  },
)
