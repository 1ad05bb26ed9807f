/**
 * SQLite that goes back in time: a database in WebAssembly, captured and restored as memory.
 *
 * Only bytes of the WebAssembly memory roll back. sql.js keeps the file of its default database on the JavaScript side,
 * so that one would *not*: SQLite would remember pages that its file does not have. Two ways keep everything inside:
 * tables in an attached `:memory:` database, as here, or `PRAGMA locking_mode = exclusive; PRAGMA journal_mode = memory`
 * before the first write. Prepared statements are objects of JavaScript, too: finish them before you restore.
 *
 * Run it: `node dist/examples/sqlite-rewind.js [rounds]`
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { LocalMemory, PageStore, type Snapshot } from 'pagestore'
import type initSqlJs from 'sql.js'
import type { Database } from 'sql.js'

declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: Record<string, unknown> }
  Memory: new () => { readonly buffer: ArrayBuffer; grow(delta: number): number }
}

/** A database of its own WebAssembly instance, and that instance's memory. */
async function openDatabase() {
  const require = createRequire(import.meta.url)
  const wasm = readFileSync(require.resolve('sql.js/dist/sql-wasm.wasm'))
  let exports: Record<string, unknown> = {}
  const instantiateWasm = (imports: object, done: (instance: object, module: object) => void) => {
    const module = new WebAssembly.Module(wasm)
    const instance = new WebAssembly.Instance(module, imports)
    exports = instance.exports
    done(instance, module)
    return exports
  }
  // A module of sql.js makes one instance and no more.
  delete require.cache[require.resolve('sql.js')]
  const init = require('sql.js') as typeof initSqlJs
  const { Database } = await init({ instantiateWasm } as object)
  const memory = Object.values(exports).find((each) => each instanceof WebAssembly.Memory)
  if (memory === undefined) throw new Error('this build of sql.js exports no memory')
  const database = new Database()
  database.run("ATTACH ':memory:' AS live; CREATE TABLE live.item (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)")
  return { database, memory: memory as InstanceType<typeof WebAssembly.Memory> }
}

/** What the database says of itself. */
function state(database: Database): string {
  return JSON.stringify(
    database.exec('SELECT count(*), sum(price), group_concat(name) FROM live.item; SELECT * FROM live.item'),
  )
}

function statement(random: () => number): string {
  const id = Math.floor(random() * 500)
  const kind = random()
  if (kind < 0.6) return `INSERT OR REPLACE INTO live.item VALUES (${id}, 'item ${id}', ${Math.floor(random() * 1000)})`
  if (kind < 0.8) return `UPDATE live.item SET price = price + 1 WHERE id % 17 = ${id % 17}`
  if (kind < 0.95) return `DELETE FROM live.item WHERE id BETWEEN ${id} AND ${id + 20}`
  return `CREATE TABLE IF NOT EXISTS live.extra${id % 5} AS SELECT * FROM live.item`
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Runs all statements from the start, in another instance, and compares. */
async function replay(statements: string[], expected: string, round: number): Promise<void> {
  const { database } = await openDatabase()
  for (const each of statements) database.run(each)
  if (state(database) !== expected) throw new Error(`in round ${round} the database is not what its statements make`)
  database.close()
}

const rounds = Number(process.argv[2] ?? 2_000)
const { database, memory } = await openDatabase()
const store = new PageStore()
const rewind = new LocalMemory(store, memory)

// Insert, capture, delete everything, restore, query.
const furnish = "INSERT INTO live.item VALUES (1, 'a lamp', 30), (2, 'a chair', 120), (3, 'a table', 250)"
database.run(furnish)
const furnished = rewind.capture()
const before = state(database)
database.run('DELETE FROM live.item')
rewind.restore(furnished)
if (state(database) !== before) throw new Error('the rows are not back')
console.log(`deleted and restored: ${database.exec('SELECT name FROM live.item')[0]?.values.join(', ')}`)

// Forth and back at random. What a moment must look like is known from replaying its statements.
const random = createRandom(7)
const moments: { snapshot: Snapshot; statements: string[] }[] = []
let statements = [furnish]
let restores = 0
for (let round = 0; round < rounds; round++) {
  const next = statement(random)
  database.run(next)
  statements = [...statements, next]
  moments.push({ snapshot: rewind.capture(), statements })
  if (moments.length > 50) moments.splice(Math.floor(random() * 50), 1)[0]?.snapshot.release()
  if (random() < 0.5) {
    const moment = moments[Math.floor(random() * moments.length)]!
    rewind.restore(moment.snapshot)
    statements = moment.statements
    restores++
  }
  if (round % 100 === 0 || round === rounds - 1) await replay(statements, state(database), round)
}
const { pages, tables } = store.stats()
console.log(`${rounds} captures and ${restores} restores: every replay agreed`)
console.log(
  `${moments.length} moments of ${memory.buffer.byteLength >> 20} MiB share ${pages} pages and ${tables} tables`,
)
store.close()
