import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { PageStore, Tracee } from 'pagestore'
import { expect, test } from 'vitest'

import { errorOf } from '../support/pages.js'
import { compile, ownFolder } from '../support/programs.js'

const folder = ownFolder()
const streams = { stdio: ['ignore', 'ignore', 'ignore'] } as const

// A library whose constructor is run before the program's own code.
function withConstructor(name: string, body: string): string {
  const head = '#include <pthread.h>\n#include <signal.h>\n#include <sys/wait.h>\n#include <unistd.h>\n'
  const library = compile(folder, `lib${name}.so`, `${head}${body}`, '-shared', '-fPIC', '-pthread')
  return compile(folder, name, 'int main(void) { return 3; }', '-Wl,--no-as-needed', library)
}

test.each([
  [
    'a thread',
    'thread',
    `static void *nothing(void *p) { return p; }
__attribute__((constructor)) static void start(void) {
  pthread_t thread; pthread_create(&thread, 0, nothing, 0); pthread_join(thread, 0); }`,
  ],
  [
    'a process',
    'process',
    `__attribute__((constructor)) static void start(void) {
  pid_t child = fork(); if (child == 0) _exit(0); waitpid(child, 0, 0); }`,
  ],
  [
    'a signal',
    'signal',
    `static void nothing(int s) { (void)s; }
__attribute__((constructor)) static void start(void) { signal(SIGUSR1, nothing); raise(SIGUSR1); }`,
  ],
])('a program whose library starts %s before its own code is spawned', (_, name, body) => {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, withConstructor(name, body), [], streams)
  const start = tracee.capture()
  for (let i = 0; i < 2; ++i) {
    expect(tracee.resume()).toMatchObject({ kind: 'exit', code: 3 })
    tracee.restore(start)
  }
  store.close()
})

const never = () =>
  withConstructor('never', '__attribute__((constructor)) static void stay(void) { for (;;) pause(); }')

test('a program that never comes to its own code is given up after a time', () => {
  const store = new PageStore()
  const error = errorOf(() => Tracee.spawn(store, never(), [], { ...streams, timeout: 200 }))
  expect(error.code).toBe('ERR_SPAWN')
  expect(error.message).toMatch(/in time/)
  expect(errorOf(() => Tracee.spawn(store, 'true', [], { timeout: -1 })).code).toBe('ERR_ARGUMENT_TYPE')
  expect(store.size).toBe(0)
  store.close()
})

test('a Worker that starts such a program can be terminated', async () => {
  const worker = new Worker(
    `const { PageStore, Tracee } = require('pagestore')
     require('node:worker_threads').parentPort.postMessage('starts')
     Tracee.spawn(new PageStore(), ${JSON.stringify(never())}, [])`,
    { eval: true },
  )
  await new Promise((resolve) => worker.once('message', resolve))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await worker.terminate()
})

test.runIf(process.getuid?.() === 0)('a program is spawned after Node has changed its user', () => {
  const script = join(folder, 'other-user.mjs')
  chmodSync(folder, 0o755)
  const entry = new URL(import.meta.resolve('pagestore')).href
  writeFileSync(
    script,
    `import { PageStore, Tracee } from ${JSON.stringify(entry)}
process.setgid(65534)
process.setuid(65534)
const store = new PageStore()
const tracee = Tracee.spawn(store, '/bin/true', [])
const start = tracee.capture()
tracee.resume()
tracee.restore(start)
console.log(tracee.resume().kind)
store.close()`,
  )
  const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  expect({ stdout, stderr }).toEqual({ stdout: 'exit\n', stderr: '' })
})
