// What a test wants to know of a process that runs as in a container.
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

import { PageStore, ProcessMemory, Tracee } from 'pagestore'
import { Program } from 'pagestore/explore'

const [act = '', ...args] = process.argv.slice(2)

/** Whether each call is refused, by what a program says that makes them. */
function calls() {
  const code = `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
pidfd = libc.syscall(434, os.getpid(), 0)
def refused(*a): return int(libc.syscall(*a) < 0 and ctypes.get_errno() == 1)
print(f"kcmp {refused(312, os.getpid(), os.getpid(), 1, 0, 0)}, pidfd_getfd {refused(438, pidfd, 1, 0)}, "
      f"userfaultfd {refused(323, 1)}, personality {refused(135, 0x40000)}")`
  process.stdout.write(spawnSync('python3', ['-c', code]).stdout)
}

function idsOf(/** @type {string} */ file) {
  const ids = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`${file}\0`)
    } catch {
      return false
    }
  })
  return ids.map(Number)
}

function addresses() {
  const [file = '', ...rest] = args
  const subject = new Program(file, rest, { onWarning: () => {} })
  const store = new PageStore()
  const stacks = new Set()
  const keys = new Set()
  const held = []
  for (let i = 0; i < 3; i++) {
    const running = subject.open(store)
    running.start()
    const snapshot = running.memory.capture()
    held.push(snapshot)
    keys.add(snapshot.key)
    stacks.add(snapshot.regions.find(({ path }) => path === '[stack]')?.start)
    running.close()
  }
  subject.close()
  console.log(
    `${stacks.size === 1 ? 'one stack' : 'stacks'}, ${keys.size === 1 ? 'one key' : 'keys'}, ${idsOf(file).length} left`,
  )
  store.close()
}

/** Somebody kills the process that is kept for its addresses. */
function lost() {
  const [file = '', ...rest] = args
  const subject = new Program(file, rest, { onWarning: () => {} })
  const store = new PageStore()
  const running = subject.open(store)
  for (const pid of idsOf(file).filter((pid) => pid !== running.memory.pid)) process.kill(pid, 'SIGKILL')
  try {
    subject.open(store)
    console.log('started')
  } catch (error) {
    console.log(String(error))
  }
  running.close()
  subject.close()
  subject.open(store).close()
  subject.close()
  console.log(`${idsOf(file).length} left`)
  store.close()
}

async function others() {
  const child = spawn('sh', ['-c', 'x=0; echo up; while :; do x=$((x + 1)); done'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const { pid = 0 } = child
  const store = new PageStore()
  const memory = new ProcessMemory(store, pid, { stop: true })
  const first = memory.capture()
  // It goes on as soon as a processor is free.
  while (memory.capture().equals(first));
  const isObserved = first.pageCount > 0
  memory.close()
  const tracee = Tracee.attach(store, pid)
  const before = tracee.capture()
  tracee.runFor(5)
  const hasChanged = !tracee.capture().equals(before)
  tracee.restore(before)
  const isBack = tracee.capture().equals(before)
  tracee.detach()
  child.kill('SIGKILL')
  store.close()
  console.log(
    `${isObserved ? 'observed' : 'nothing observed'}, ${hasChanged && isBack ? 'rolled back' : 'not rolled back'}`,
  )
}

async function attached() {
  const child = spawn(args[0] ?? '', [], { stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const store = new PageStore()
  const tracee = Tracee.attach(store, child.pid ?? 0, { onWarning: () => {} })
  for (let i = 0; i < 200; i++) {
    tracee.capture().release()
    const stop = tracee.resume({ timeout: 1 })
    if (stop.kind === 'signal' && stop.signal !== 'SIGUSR1') console.log(stop.signal)
  }
  tracee.detach()
  store.close()
  child.stdout.on('data', (bytes) => process.stdout.write(bytes))
  child.stdin.end()
  child.once('close', (code, signal) => console.log(code ?? signal))
}

function spawnAlone() {
  const store = new PageStore()
  const tracee = Tracee.spawn(store, 'true')
  const stop = tracee.resume()
  console.log(stop.kind, stop.kind === 'exit' ? stop.code : '')
  store.close()
}

if (act === 'calls') calls()
else if (act === 'addresses') addresses()
else if (act === 'lost') lost()
else if (act === 'others') await others()
else if (act === 'attached') await attached()
else spawnAlone()
