/** Programs that are observed by a Node that is killed meanwhile, and whether they are well afterwards. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

import { argumentsFor, type ProfileName } from '../../scripts/container.js'
import { isInstalled } from './programs.js'
import { build } from './tracees.js'

const programs = join(import.meta.dirname, '../programs/survivors')
const observer = join(import.meta.dirname, 'observing.mjs')

/** Which bytes a target writes while it is well, `s` for each SIGUSR1, and how it is started. */
export interface Target {
  name: string
  letters: string
  command: string[]
  /** Its descriptors and mappings are its own, and do not change by themselves. */
  isFixed: boolean
  /** It has a function `beat`, which it calls all the time. */
  beats: boolean
}

/** All that this machine can build or run. */
export function findTargets(): Target[] {
  const source = (name: string) => join(programs, name)
  const made = (name: string, letters: string, isFixed: boolean, ...command: string[]) => ({
    name,
    letters,
    isFixed,
    beats: name === 'C' || name === 'static',
    command,
  })
  const found = [
    made('C', 'abcds', true, build('survivors/pulse.c')),
    made('filtered', 'abcds', true, build('survivors/filtered.c', { more: ['survivors/pulse.c'] })),
    made('static', 'abcds', true, build('survivors/pulse.c', { flags: ['-O2', '-static'] })),
    made(
      'bare',
      'a',
      true,
      build('survivors/bare.c', { flags: ['-O1', '-nostdlib', '-static', '-fno-stack-protector'] }),
    ),
    made('node', 'ab', false, process.execPath, source('pulse.mjs')),
  ]
  if (isInstalled('musl-gcc')) {
    const file = `${found[0]!.command[0]}-musl`
    execFileSync('musl-gcc', ['-O2', '-static', '-pthread', '-o', file, source('pulse.c')])
    found.push(made('musl', 'abcds', true, file))
  }
  if (isInstalled('/usr/bin/python3')) found.push(made('python', 'ab', true, '/usr/bin/python3', source('pulse.py')))
  if (isInstalled('perl')) found.push(made('perl', 'a', true, 'perl', source('pulse.pl')))
  if (isInstalled('go') || isGo()) {
    const file = `${found[0]!.command[0]}-go`
    execFileSync('go', ['build', '-o', file, source('pulse.go')], { env: { ...process.env, GO111MODULE: 'off' } })
    found.push(made('Go', 'abcd', false, file))
  }
  return found
}

function isGo(): boolean {
  try {
    execFileSync('go', ['version'])
    return true
  } catch {
    return false
  }
}

/** A target that runs. */
export class Survivor {
  readonly #child: ChildProcess
  readonly #target: Target
  #ended: string | undefined
  #seen = new Map<string, number>()
  #deafBefore = Infinity
  #isAsked = false

  constructor(target: Target) {
    this.#target = target
    this.#child = spawn(target.command[0]!, target.command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout!.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1')
      for (const letter of text) this.#seen.set(letter, (this.#seen.get(letter) ?? 0) + 1)
      // The next signal is sent when the last one was answered: one that is lost is the last.
      const mayAsk = !this.#isAsked || text.includes('s')
      if (mayAsk && target.letters.includes('s')) setTimeout(() => this.#child.kill('SIGUSR1'), 1)
      this.#isAsked ||= mayAsk
    })
    this.#child.on('exit', (code, signal) => {
      this.#ended = `ended with ${code ?? signal}`
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** What is wrong with it: it has ended, stands still in part, or has all signals blocked. */
  async illness(patience = 4000): Promise<string | undefined> {
    this.#seen.clear()
    const end = Date.now() + patience
    const missing = () => [...this.#target.letters].filter((letter) => (this.#seen.get(letter) ?? 0) < 3)
    while (missing().length > 0) {
      if (this.#ended !== undefined) return this.#ended
      if (Date.now() > end) return `no more of ${missing().join('')}; ${this.#states()}`
      await pause(2)
    }
    // A thread that starts another may block all of them for a moment.
    while (this.#deaf() > this.#deafBefore) {
      if (Date.now() > end) return `${this.#deaf()} threads block all signals`
      await pause(2)
    }
    return this.#ended
  }

  /** How many threads block all signals, as some do by themselves. */
  #deaf(): number {
    return this.#statuses(/^SigBlk:\t(\w+)/m).filter((mask) => mask.startsWith('fffffff')).length
  }

  /** It is as it should be. */
  note(): void {
    this.#deafBefore = this.#deaf()
  }

  #statuses(pattern: RegExp): string[] {
    return readdirSync(`/proc/${this.pid}/task`).map(
      (id) => pattern.exec(readFileSync(`/proc/${this.pid}/task/${id}/status`, 'latin1'))?.[1] ?? '',
    )
  }

  #states(): string {
    try {
      return this.#statuses(/^State:\t(\w)/m).join('')
    } catch {
      return 'gone'
    }
  }

  /** What it has that an observer could have left: descriptors, and mappings by where they begin. */
  possessions(): string {
    const descriptors = readdirSync(`/proc/${this.pid}/fd`).sort()
    if (!this.#target.isFixed) return ''
    const mappings = readFileSync(`/proc/${this.pid}/maps`, 'latin1').split('\n').length
    return this.#target.name === 'bare' ? `${descriptors} ${mappings}` : `${descriptors}`
  }

  async end(): Promise<void> {
    if (this.#ended !== undefined) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}

export interface Found {
  kills: number
  bad: string[]
  left: number
}

/** One target after the other, each for as long as it is well. */
class Ward {
  survivor: Survivor
  #possessions = ''
  readonly found: Found = { kills: 0, bad: [], left: 0 }

  constructor(readonly target: Target) {
    this.survivor = new Survivor(target)
  }

  async begin(): Promise<void> {
    const illness = await this.survivor.illness(20_000)
    if (illness !== undefined) throw new Error(`${this.target.name} by itself: ${illness}`)
    this.survivor.note()
    this.#possessions = this.survivor.possessions()
  }

  /** After the observer was killed at `where`. */
  async examine(where: string): Promise<void> {
    this.found.kills += 1
    const illness = await this.survivor.illness()
    if (illness === undefined && this.survivor.possessions() === this.#possessions) return
    if (illness === undefined) this.found.left += 1
    else this.found.bad.push(`${where}: ${illness}`)
    await this.survivor.end()
    this.survivor = new Survivor(this.target)
    await this.begin()
  }
}

/** As in a container with that profile: what to put before a command. */
export function inContainer(profile: ProfileName): string[] {
  return [build('container.c'), ...argumentsFor(profile)]
}

/** A process has the filters of its container, and its own. */
function isFiltered(target: Target): boolean {
  return target.name === 'filtered'
}

/** The observer is killed before each of its own system calls, from the `first` on in steps. */
export async function killAtEachCall(
  target: Target,
  way: string,
  first = 1,
  step = 1,
  within: string[] = [],
): Promise<Found> {
  const tool = build('survivors/kill-at-call.c')
  const ward = new Ward(isFiltered(target) ? { ...target, command: [...within, ...target.command] } : target)
  await ward.begin()
  for (let call = first; ; call += step) {
    const command = [...within, tool, String(call), process.execPath, observer, way, String(ward.survivor.pid)]
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (more: string) => {
      said += more
    })
    await once(child, 'close')
    if (said.startsWith('ended')) {
      if (!said.startsWith('ended 0')) ward.found.bad.push(said)
      break
    }
    if (!said.startsWith('killed')) throw new Error(`kill-at-call said ${said}`)
    await ward.examine(`${call}: ${said.trim()}`)
  }
  await ward.survivor.end()
  return ward.found
}

/** An observer that does the same all the time is killed after 2 to 20 ms of it. How long that was. */
export async function killObserver(way: string, pid: number, random: () => number): Promise<number> {
  const child = spawn(process.execPath, [observer, way, String(pid)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const ready = await Promise.race([once(child.stdout, 'data'), exit.then(() => undefined)])
  if (ready === undefined) throw new Error(`the observer of ${pid} ended by itself`)
  const wait = 2 + 18 * random()
  const until = performance.now() + wait
  while (performance.now() < until) await pause(1)
  child.kill('SIGKILL')
  const [code] = await exit
  if (code !== null) throw new Error(`the observer ended with ${code}`)
  return wait
}

/** The observer is killed at a random moment of a loop. */
export async function killAtRandom(target: Target, way: string, kills: number, random: () => number): Promise<Found> {
  const ward = new Ward(target)
  await ward.begin()
  while (ward.found.kills < kills) {
    const wait = await killObserver(way, ward.survivor.pid, random)
    await ward.examine(`after ${wait.toFixed(1)} ms`)
  }
  await ward.survivor.end()
  return ward.found
}
