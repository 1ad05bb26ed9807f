/**
 * Every call that the package offers, with arguments that it takes, options complete: from these the hostile ones are made.
 * test/arguments/complete.test.ts compares with what the types declare.
 */
import { LocalMemory, type Memory, PageStore, ProcessMemory, pageSize, Tracee } from 'pagestore'
import { always, ByteModel, explore, Program, type Subject, sometimes, WasmModel } from 'pagestore/explore'

import { createStateView } from '../../dist/lib/explore/state.js'
import { CallFixture, countingModel, modelBytes, observed, program } from './call-fixture.js'

type Arguments = (fixture: CallFixture) => unknown[]

export interface PublicCall {
  /** `PageStore.storePage`. */
  readonly name: string
  readonly args: Arguments
  /** Makes what the call is made on. */
  prepare?(fixture: CallFixture): void
  call(fixture: CallFixture, values: unknown[]): unknown
}

const none: Arguments = () => []

/** What the objects of a class have; of one that is got, and takes no arguments, the name alone. */
function membersOf(
  owner: string,
  self: (fixture: CallFixture) => object,
  members: Readonly<Record<string, Arguments>>,
): PublicCall[] {
  return Object.entries(members).map(([name, args]) => ({
    name: `${owner}.${name}`,
    args,
    prepare: self,
    call(fixture, values) {
      const object = self(fixture)
      const member: unknown = Reflect.get(object, name === 'dispose' ? Symbol.dispose : name)
      return typeof member === 'function' ? Reflect.apply(member, object, values) : member
    },
  }))
}

function construction(type: new (...values: never[]) => object, args: Arguments): PublicCall {
  return { name: `new ${type.name}`, args, call: (_, values) => Reflect.construct(type, values) }
}

function functionCall(name: string, called: (...values: never[]) => unknown, args: Arguments): PublicCall {
  return { name, args, call: (_, values) => Reflect.apply(called, undefined, values) }
}

const range: Arguments = () => [BigInt(pageSize), pageSize]
const pages: Arguments = ({ bytes }) => [bytes]
const one: Arguments = ({ bytes }) => [bytes.subarray(0, pageSize)]
const number: Arguments = ({ page }) => [page]
const numbers: Arguments = ({ numbers }) => [numbers]

const ofStores = [
  construction(PageStore, () => [{ capacity: 1, maxPages: 1000, memory: 'memfd' }]),
  functionCall('PageStore.open', PageStore.open, ({ otherStore }) => [otherStore.share()]),
  ...membersOf('PageStore', ({ store }) => store, {
    pageSize: none,
    size: none,
    capacity: none,
    storePage: one,
    storePages: pages,
    refPage: number,
    refPages: numbers,
    unrefPage: number,
    unrefPages: numbers,
    refCount: number,
    getPage: number,
    stats: none,
    share: none,
    close: none,
    dispose: none,
  }),
]

const other: Arguments = ({ local }) => [local.second]

const ofSnapshots = membersOf('Snapshot', ({ local }) => local.first, {
  root: none,
  key: none,
  pageCount: none,
  regions: none,
  equals: other,
  diff: other,
  read: range,
  map(fixture) {
    fixture.keepsPages = true
    return range(fixture)
  },
  fingerprint: none,
  keepKey: none,
  release: none,
  dispose: none,
})

const ofMemory = {
  regions: none,
  tracker: none,
  capture: none,
  ignore: range,
  track: range,
  close: none,
  dispose: none,
}

/** Uses what a memory of this process keeps of what it was given. */
function useMemory(memory: LocalMemory | ProcessMemory, fixture: CallFixture): void {
  try {
    const snapshot = fixture.keep(memory.capture())
    if (memory instanceof LocalMemory) memory.restore(snapshot)
    memory.read(memory.regions[0]!.start, 1)
    memory.tracker
  } finally {
    memory.close()
  }
}

const besideBytes = new Uint8Array(pageSize)
const localOptions = { tracker: 'none', beside: { address: 2n ** 40n, bytes: besideBytes } }
const growing: Arguments = ({ store, buffer }) => [store, { buffer, grow: () => 0 }, localOptions]

const ofLocalMemories = [
  construction(LocalMemory, ({ store, bytes }) => [store, bytes, localOptions]),
  { ...construction(LocalMemory, growing), name: 'new LocalMemory of a growing source' },
  {
    name: 'a LocalMemory that was made',
    args: growing,
    call: (fixture: CallFixture, values: unknown[]) =>
      useMemory(Reflect.construct(LocalMemory, values) as LocalMemory, fixture),
  },
  ...membersOf('LocalMemory', ({ local }) => local.memory, {
    ...ofMemory,
    restore: ({ local }) => [local.first],
    read: range,
  }),
]

const observation: Arguments = ({ store }) => [
  store,
  observed(),
  { tracker: 'none', stop: true, regions: ({ path }: { path: string }) => path === '[stack]' },
]
const ofStack = (memory: Memory): bigint => memory.regions.find(({ path }) => path === '[stack]')!.end - 64n

const ofProcesses = [
  construction(ProcessMemory, observation),
  {
    name: 'a ProcessMemory that was made',
    args: observation,
    call: (fixture: CallFixture, values: unknown[]) =>
      useMemory(Reflect.construct(ProcessMemory, values) as ProcessMemory, fixture),
  },
  ...membersOf('ProcessMemory', ({ process }) => process, {
    ...ofMemory,
    read: ({ process }) => [ofStack(process), 8],
    readInto: ({ process, bytes }) => [ofStack(process), bytes.subarray(0, 8)],
    pid: none,
  }),
]

const inThread: Arguments = ({ traced }) => [traced.tracee.threads[0]]
const spawnOptions = {
  env: { A: 'a', B: 'b' },
  cwd: '/',
  stdio: ['ignore', 'ignore', 'ignore'],
  deterministic: { addresses: true, random: true, rseq: true, environment: true, processor: true, time: false },
  detachable: true,
  timeout: 10_000,
  files: 'restore',
  onWarning() {},
  tracker: undefined,
}
const resumption: Arguments = ({ traced }) => [
  {
    tid: traced.tracee.threads[0],
    timeout: 10_000,
    settle: 1,
    choose: undefined,
    signal: undefined,
    until: { syscall: ['mount', 'umount2'], symbol: undefined, address: traced.tracee.symbol('add').address },
  },
]

const ofTracees = [
  functionCall('Tracee.spawn', Tracee.spawn, ({ store }) => [store, program, ['choices', 'x'], spawnOptions]),
  functionCall('Tracee.attach', Tracee.attach, ({ store }) => [
    store,
    observed(),
    { tracker: 'none', files: 'restore', onWarning() {} },
  ]),
  ...membersOf('Tracee', ({ traced }) => traced.tracee, {
    ...ofMemory,
    pid: none,
    resume: resumption,
    runFor: () => [10_000],
    restore: ({ traced }) => [traced.snapshot],
    declared: none,
    threads: none,
    choosers: none,
    restless: none,
    read: ({ traced }) => [ofStack(traced.tracee), 8],
    write: ({ traced, bytes }) => [ofStack(traced.tracee), bytes.subarray(0, 8)],
    registers: inThread,
    setRegisters: ({ traced }) => [traced.tracee.registers(), traced.tracee.threads[0]],
    stopPoint: inThread,
    systemCall: inThread,
    handlesSignal: () => ['SIGUSR1'],
    symbol: () => ['variable'],
    detach(fixture) {
      fixture.detaches = true
      return []
    },
    kill: none,
  }),
]

/** A subject that says which store a search uses. */
function reporting(fixture: CallFixture): Subject {
  const subject = new ByteModel(countingModel())
  return {
    open(store) {
      fixture.searched = store
      return subject.open(store)
    },
    close() {},
  }
}

const bounds = { maxDepth: 10, maxStates: 100, maxTransitions: 1000, maxSeconds: 100, maxBytes: 1e9 }
const searchOptions = () => ({
  ...bounds,
  strategy: 'breadth',
  properties: [always('a', () => true), sometimes('b', ({ depth }) => depth > 0)],
  first: false,
  allowDeadlock: false,
  seed: 1,
  verify: true,
  signal: new AbortController().signal,
  onProgress() {},
})

const ofSearches = [
  functionCall('explore', explore, (fixture) => [reporting(fixture), searchOptions()]),
  {
    name: 'explore a ByteModel',
    args: () => [countingModel()],
    call: (_: CallFixture, [model]: unknown[]) => explore(new ByteModel(model as never), { verify: true }),
  },
  functionCall('always', always, () => ['a name', () => true]),
  functionCall('sometimes', sometimes, () => ['a name', () => true]),
  construction(ByteModel, () => [countingModel()]),
  construction(WasmModel, () => [modelBytes, { imports: { env: {} }, allowGlobals: false }]),
  construction(Program, () => [program, ['choices'], { ...spawnOptions, stepTimeout: 10_000 }]),
  ...membersOf('ByteModel', () => new ByteModel(countingModel()), { open: ({ store }) => [store] }),
  ...membersOf('WasmModel', () => new WasmModel(modelBytes), { open: ({ store }) => [store], uncaptured: none }),
  ...membersOf('Program', () => new Program(program, ['choices']), {
    open: ({ store }) => [store],
    close: none,
    file: none,
    args: none,
  }),
  {
    name: 'a Program that was made',
    args: () => [program, ['choices'], { ...spawnOptions, stepTimeout: 10_000 }],
    call({ store }: CallFixture, values: unknown[]) {
      const subject = Reflect.construct(Program, values) as Program
      try {
        return subject.open(store)
      } finally {
        subject.close()
      }
    },
  },
]

const running = { take: () => [0], close: none, memory: none, layout: none }
const readable = {
  regions: none,
  tracker: none,
  capture: none,
  close: none,
  dispose: none,
  ignore: range,
  track: range,
}

const ofRuns = [
  ...membersOf('a ByteModel’s run', ({ model }) => model, running),
  ...membersOf('a WasmModel’s run', ({ module }) => module, running),
  ...membersOf('a RunningProgram', ({ program }) => program, { ...running, warnings: none, removeMade: none }),
  ...membersOf('a WasmModel’s memory', ({ module }) => module.memory, {
    ...readable,
    exports: none,
    read: range,
    restore: (fixture) => [fixture.keep(fixture.module.memory.capture())],
  }),
  ...membersOf('a WasmModel’s layout', ({ module }) => module.layout!, {
    find: () => ['exported'],
    nameOf: () => [0n],
    declared: none,
    hidesUnnamed: none,
  }),
  ...membersOf('a program’s layout', ({ program }) => program.layout, {
    find: () => ['variable'],
    nameOf: ({ program }) => [program.layout.find('variable').address],
    declared: none,
    hidesUnnamed: none,
  }),
]

const readers = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'float32', 'float64']
const lists = ['int8s', 'uint8s', 'int16s', 'uint16s', 'int32s', 'uint32s', 'float32s', 'float64s']
const ofStates = membersOf('a State', ({ module }) => createStateView(module.memory, module.layout).state, {
  ...Object.fromEntries(readers.map((name) => [name, () => ['exported', 0]])),
  ...Object.fromEntries(lists.map((name) => [name, () => ['exported', 1]])),
  bytes: () => ['exported', 4],
  kind: none,
  alternatives: none,
  location: none,
  depth: none,
})

export const publicCalls: readonly PublicCall[] = [
  ...ofStores,
  ...ofSnapshots,
  ...ofLocalMemories,
  ...ofProcesses,
  ...ofTracees,
  ...ofSearches,
  ...ofRuns,
  ...ofStates,
]

/** Makes a call, and closes what it has made. */
export async function makeCall(call: PublicCall, fixture: CallFixture, values: unknown[]): Promise<void> {
  const result: unknown = await call.call(fixture, values)
  closeResult(result)
}

export function closeResult(result: unknown): void {
  if (typeof result !== 'object' || result === null) return
  if (Symbol.dispose in result) (result as Disposable)[Symbol.dispose]()
  else if ('close' in result && typeof result.close === 'function') result.close()
}

/** How many arguments each call takes. */
export function countsOfArguments(): Map<PublicCall, number> {
  const fixture = new CallFixture()
  try {
    return new Map(publicCalls.map((call) => [call, call.args(fixture).length]))
  } finally {
    fixture.close()
  }
}
