import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PageStore, type Stop, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { ownFolder } from '../support/programs.js'
import { realPrograms } from '../support/real-programs.js'

const folder = ownFolder()
// For a longer test: ROLLBACK_RUNS=20 ROLLBACK_SEED=7 npx vitest run test/tracee/real-programs.test.ts
const runs = Number(process.env['ROLLBACK_RUNS'] ?? 2)
let seed = Number(process.env['ROLLBACK_SEED'] ?? Date.now() % 2 ** 31)
const rollbacks = 4
const env = { LANG: 'C', PATH: '/usr/bin:/bin', HOME: '/' }

function random(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
  return seed / 2 ** 31
}

/** Until it is about to exit, or that many milliseconds have passed. */
function run(tracee: Tracee, milliseconds = Number.POSITIVE_INFINITY): Stop {
  const end = performance.now() + milliseconds
  for (;;) {
    const left = Math.ceil(end - performance.now())
    const stop = tracee.resume(left === Number.POSITIVE_INFINITY ? {} : { timeout: Math.max(left, 1) })
    if (stop.kind === 'exit' || stop.kind === 'killed' || stop.kind === 'timeout') return stop
  }
}

test.each(realPrograms(folder))('$name, rolled back at random moments and from its end, prints the same', (program) => {
  if (!existsSync(program.file)) return console.info(`${program.name} is not installed`)
  console.info(`${program.name}: ROLLBACK_SEED=${seed}`)
  const native = spawnSync(program.file, program.args, { env, cwd: folder })
  const expected = `${native.status} ${native.stdout.toString('latin1')}`
  const output = join(folder, `${program.name}.out`)
  let duration = 0
  for (let i = -1; i < runs; i++) {
    const fd = openSync(output, 'w+')
    using store = new PageStore()
    using tracee = Tracee.spawn(store, program.file, program.args, { env, cwd: folder, stdio: ['ignore', fd] })
    const started = performance.now()
    // The first run says how long one takes.
    let stop = run(tracee, i < 0 ? undefined : random() * duration)
    if (i < 0) duration = performance.now() - started
    using snapshot = tracee.capture()
    for (let k = 0; k < rollbacks && stop.kind === 'timeout'; k++) {
      run(tracee, k % 2 === 0 ? random() * duration : undefined)
      tracee.restore(snapshot)
    }
    if (stop.kind === 'timeout') stop = run(tracee)
    // Many a program has closed its standard output by then.
    using end = tracee.capture()
    for (let k = 0; k < rollbacks; k++) tracee.restore(end)
    expect(tracee.resume()).toMatchObject({ kind: 'exit', ended: true })
    closeSync(fd)
    expect(`${stop.kind === 'exit' ? stop.code : stop.kind} ${readFileSync(output, 'latin1')}`).toBe(expected)
  }
})
