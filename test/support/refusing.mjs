// Attaches to a program again and again, each time with another request of ours refused (test/programs/refusing.c), and
// says how often, and what was wrong with the program afterwards.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

import { PageStore, PageStoreError, Tracee } from 'pagestore'

const [kinds, program, letters] = process.argv.slice(2)
const control = openSync(String(process.env['PAGESTORE_REFUSALS']), 'r+')
const numbers = new Int32Array(4)

/** @param {number} which the request that is refused */
function refuse(which) {
  writeSync(control, new Uint8Array(Int32Array.from([1, which, 0, Number(kinds)]).buffer), 0, 16, 0)
}

/** How many requests there were. */
function allowAll() {
  readSync(control, new Uint8Array(numbers.buffer), 0, 16, 0)
  writeSync(control, new Uint8Array(16), 0, 16, 0)
  return numbers[2] ?? 0
}

let seen = ''
let child = await start()

async function start() {
  const started = spawn(String(program), { stdio: ['ignore', 'pipe', 'inherit'] })
  started.stdout.on('data', (bytes) => {
    seen = (seen + bytes).slice(-1000)
  })
  await once(started.stdout, 'data')
  return started
}

function observe() {
  const store = new PageStore()
  try {
    const tracee = Tracee.attach(store, Number(child.pid), { files: 'ignore', onWarning: () => {} })
    const before = tracee.capture()
    tracee.resume({ timeout: 2 })
    tracee.capture()
    tracee.restore(before)
    tracee.resume({ timeout: 2 })
    tracee.detach()
  } catch (error) {
    if (!(error instanceof PageStoreError)) throw error
  }
  store.close()
}

/** Of each thread whether it is traced, and which signals it blocks. */
function statuses() {
  if (!existsSync(`/proc/${child.pid}`)) return ['gone']
  return readdirSync(`/proc/${child.pid}/task`).map((id) => {
    const text = readFileSync(`/proc/${child.pid}/task/${id}/status`, 'latin1')
    return `${/^TracerPid:\t(\d+)/m.exec(text)?.[1]} ${/^SigBlk:\t(\w+)/m.exec(text)?.[1]}`
  })
}

async function illness() {
  seen = ''
  for (const end = Date.now() + 4000; ![...String(letters)].every((letter) => seen.includes(letter)); await pause(1)) {
    if (child.exitCode !== null || child.signalCode !== null) return `ended with ${child.exitCode ?? child.signalCode}`
    if (Date.now() > end) return `stands still: ${statuses().join(', ')}`
  }
  return statuses().every((status) => status === '0 0000000000000000') ? undefined : statuses().join(', ')
}

let refusals = 0
for (let which = 1; ; which++) {
  refuse(which)
  const begun = Date.now()
  observe()
  const count = allowAll()
  const wrong = (await illness()) ?? (Date.now() - begun > 9000 ? 'it took 9 s' : undefined)
  if (count < which && wrong === undefined) break
  refusals++
  if (wrong === undefined) continue
  console.log(`request ${which}: ${wrong}`)
  child.kill('SIGKILL')
  child = await start()
}
console.log(`${refusals > 20 ? 'many' : refusals} refusals`)
child.kill('SIGKILL')
