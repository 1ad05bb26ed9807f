/**
 * The search: takes every alternative of every state of a subject, each state once, and checks what it finds.
 *
 * Two states are one if their keys are equal. That is exact, because a key names nothing else as long as somebody has a
 * reference to it, and the search keeps one for each state. It keeps a whole snapshot only of states in the frontier.
 */

import { PageStoreError } from '../errors.js'
import type { PageStore } from '../page-store.js'
import type { Snapshot } from '../snapshot.js'
import type { Bound, Progress, Violation } from './exploration.js'
import { createQueue, createStack, type Frontier, type Node } from './frontier.js'
import type { SearchOptions } from './options.js'
import { mustTryToGoBack, tryToGoBack } from './put-back.js'
import { createRandom } from './random.js'
import { createReservoir } from './reservoir.js'
import { createShortestViolations, type Found } from './shortest-violations.js'
import { createStateView } from './state.js'
import { bytesOf } from './store-bytes.js'
import type { Running, Step } from './subject.js'
import { partsOf } from './turns.js'

/** A state that was reached by a second path, from which it was not expanded. */
export interface Sample {
  state: number
  /** The state as the second path reached it. */
  snapshot: Snapshot
  alternatives: number
  /** The second path. */
  choices: readonly number[]
}

export interface Search {
  /** Runs until nothing is left, a bound is reached (`bound` says which), a step lasts, or `isTimeUp` returns true. */
  run(isTimeUp: () => boolean): void
  readonly isOver: boolean
  readonly bound: Bound | undefined
  progress(): Progress
  readonly deadlocks: number
  readonly violations: Violation[]
  readonly reached: Map<string, readonly number[]>
  /** The first state of all. */
  readonly start: Snapshot
  readonly first: Step
  readonly samples: readonly Sample[]
  /** Where each alternative of a state led, as labels: equal labels mean equal states, or equal failures. */
  successors(state: number): readonly string[]
  /** The label of what a step led to. */
  labelOf(step: Step, key?: number): string
  /** The alternatives taken from the start to a state. */
  pathTo(state: number): number[]
}

/** Who killed a program cannot be told. */
export const killedProperty = 'the program was killed, by itself or from outside'

const mostSamples = 128
// The store's size is asked for once in so many transitions: that takes longer than the other bounds.
const sizeInterval = 64

/**
 * A search that has captured the first state, and nothing else yet.
 * @param first what `running.start()` returned; it did not fail
 */
export function createSearch(store: PageStore, running: Running, first: Step, options: SearchOptions): Search {
  const { memory } = running
  const parts = partsOf(running)
  const isRandom = options.strategy === 'random'
  const frontier: Frontier = options.strategy === 'depth' ? createStack() : createQueue()
  const random = createRandom(options.seed)
  const view = createStateView(memory, running.layout)
  const startedAt = performance.now()
  // For each state: its number by key, the snapshot that refers to the key, the state and the alternative that led to
  // it, and how far it is from the start. State 0 is the start, to which nothing led.
  const stateOfKey = new Map<number, number>()
  const keySnapshots: Snapshot[] = []
  const parents: number[] = []
  const choices: number[] = []
  const depths: number[] = []
  const labels: string[][] = []
  // States that are not expanded because they are too far away.
  const tooDeep = new Set<number>()

  const violations = createShortestViolations()
  const reached = new Map<string, readonly number[]>()
  const openProperties = new Set(options.properties)
  const samples = createReservoir<Sample>(mostSamples, random, ({ snapshot }) => snapshot.release())
  let transitions = 0
  let deepest = 0
  let deadlocks = 0
  let bound: Bound | undefined
  let inMemory: Snapshot | undefined // what the memory is equal to
  let isInStep = false // whether a step was begun that is not over

  function pathTo(state: number): number[] {
    const path: number[] = []
    for (let each = state; each !== 0; each = parents[each] ?? 0) path.push(choices[each] ?? 0)
    return path.reverse()
  }

  function addViolation(found: Found, path: () => number[], depth: number): void {
    if (violations.add(found, path, depth) && options.first) bound = 'first'
  }

  function checkState(step: Step, state: number, depth: number): void {
    const path = () => pathTo(state)
    view.update(step, depth)
    for (const property of openProperties) {
      let holds: boolean
      try {
        holds = property.holds(view.state)
      } catch (error) {
        // Not of one that is frozen.
        if (error instanceof Error) Reflect.set(error, 'message', `in "${property.name}": ${error.message}`)
        throw error
      }
      if (property.kind === 'always' && !holds) {
        addViolation({ kind: 'always', property: property.name }, path, depth)
        // No shorter path will come.
        if (options.strategy === 'breadth') openProperties.delete(property)
      } else if (property.kind === 'sometimes' && holds) {
        reached.set(property.name, path())
        openProperties.delete(property)
      }
    }
    if (step.kind !== 'choice' || step.alternatives > 0) return
    deadlocks++
    if (options.allowDeadlock) return
    const where = step.location === undefined ? '' : ` at ${step.location}`
    addViolation({ kind: 'deadlock', property: `no alternative${where}` }, path, depth)
  }

  /** Numbers a new state. */
  function addState(key: number, snapshot: Snapshot, { parent, choice, depth }: Arrival): number {
    const state = keySnapshots.length
    stateOfKey.set(key, state)
    keySnapshots.push(snapshot)
    parents.push(parent)
    choices.push(choice)
    depths.push(depth)
    if (depth > deepest) deepest = depth
    return state
  }

  /** Puts a state into the frontier if there is something to expand, and else gives its snapshot back. */
  function enqueue(step: Step, snapshot: Snapshot, state: number, { depth, isRevisited }: Position): void {
    const alternatives = alternativesOf(step)
    if (alternatives > 0 && depth >= options.maxDepth) {
      tooDeep.add(state)
    } else if (alternatives > 0) {
      tooDeep.delete(state)
      frontier.add({ snapshot, state, alternatives, depth, next: 0, isRevisited })
      return
    }
    giveBack(snapshot, state)
  }

  /** Gives back a snapshot that is not needed any more, but for the key if the search refers to it through this one. */
  function giveBack(snapshot: Snapshot, state: number): void {
    if (keySnapshots[state] === snapshot) snapshot.keepKey()
    else snapshot.release()
  }

  function captureStart(step: Step): Snapshot {
    const snapshot = memory.capture()
    // One that stays whole: replays begin there.
    const start = memory.capture()
    inMemory = snapshot
    addState(start.key, start, { parent: 0, choice: 0, depth: 0 })
    checkState(step, 0, 0)
    enqueue(step, snapshot, 0, { depth: 0, isRevisited: false })
    return start
  }

  /** A transition led to a state that the search has met. */
  function revisit(step: Step, snapshot: Snapshot, state: number, { parent, choice, depth }: Arrival): void {
    // Depth first with a bound: from nearer to the start, more can be reached. What was expanded is counted already.
    if (options.strategy === 'depth' && options.maxDepth < Number.POSITIVE_INFINITY && depth < (depths[state] ?? 0)) {
      depths[state] = depth
      parents[state] = parent
      choices[state] = choice
      inMemory = snapshot
      enqueue(step, snapshot, state, { depth, isRevisited: !tooDeep.has(state) })
      return
    }
    const alternatives = alternativesOf(step)
    const isKept =
      options.verify &&
      alternatives > 0 &&
      samples.offer(() => ({ state, snapshot, alternatives, choices: [...pathTo(parent), choice] }))
    if (!isKept) snapshot.release()
  }

  function labelOf(step: Step, key?: number): string {
    if (step.kind === 'failure') return `${step.failure.kind} ${step.failure.property}`
    return String((key === undefined ? undefined : stateOfKey.get(key)) ?? 'a state that the search has not seen')
  }

  /** Takes an alternative, or goes on to. @returns undefined if the step is not over */
  function stepOn(choice: number): Step | undefined {
    const step = isInStep ? parts.goOn() : parts.begin(choice)
    isInStep = step === undefined
    return step
  }

  /** Takes the next alternative of a node. */
  function expand(node: Node): void {
    if (!isInStep) {
      node.next++
      if (inMemory !== node.snapshot) memory.restore(node.snapshot)
      inMemory = undefined
    }
    const choice = node.next - 1
    const step = stepOn(choice)
    if (step === undefined) return
    if (!node.isRevisited) transitions++
    const arrival = { parent: node.state, choice, depth: node.depth + 1 }
    if (step.kind === 'failure') {
      addViolation(step.failure, () => [...pathTo(node.state), choice], arrival.depth)
      if (options.verify) keepLabel(arrival, labelOf(step))
      return
    }
    const snapshot = memory.capture()
    const { key } = snapshot
    let state = stateOfKey.get(key)
    if (state === undefined) {
      state = addState(key, snapshot, arrival)
      inMemory = snapshot
      checkState(step, state, arrival.depth)
      if (mustTryToGoBack(keySnapshots.length)) tryToGoBack(memory, start, snapshot)
      enqueue(step, snapshot, state, { depth: arrival.depth, isRevisited: false })
    } else {
      revisit(step, snapshot, state, arrival)
    }
    if (options.verify) keepLabel(arrival, String(state))
  }

  function keepLabel({ parent, choice }: Arrival, label: string): void {
    const ofParent = labels[parent] ?? []
    ofParent[choice] = label
    labels[parent] = ofParent
  }

  /** Where a random walk is, and the path to it; none between two walks. */
  let walk: { state: number; alternatives: number; depth: number } | undefined
  const walkPath: number[] = []
  /** Takes one more alternative of a random walk, or the first of a new one. */
  function walkOn(): void {
    if (walk === undefined) {
      walkPath.length = 0
      memory.restore(start)
      walk = { state: 0, alternatives: alternativesOf(first), depth: 0 }
    }
    if (!isInStep) walkPath.push(Math.floor(random() * walk.alternatives))
    const [choice = 0] = walkPath.slice(-1)
    const step = stepOn(choice)
    if (step === undefined) return
    transitions++
    const depth = walk.depth + 1
    if (step.kind === 'failure') {
      addViolation(step.failure, () => [...walkPath], depth)
      walk = undefined
      return
    }
    const snapshot = memory.capture()
    let state = stateOfKey.get(snapshot.key)
    if (state === undefined) {
      state = addState(snapshot.key, snapshot, { parent: walk.state, choice, depth })
      checkState(step, state, depth)
      snapshot.keepKey()
    } else {
      snapshot.release()
    }
    const alternatives = alternativesOf(step)
    walk = alternatives === 0 || depth >= options.maxDepth ? undefined : { state, alternatives, depth }
  }

  /** The bound that is reached, if any. Counts are compared each time; the store is measured now and then. */
  function reachedBound(iteration: number): Bound | undefined {
    if (keySnapshots.length >= options.maxStates) return 'states'
    if (transitions >= options.maxTransitions) return 'transitions'
    if ((performance.now() - startedAt) / 1000 >= options.maxSeconds) return 'seconds'
    if (iteration % sizeInterval === 0 && bytesOf(store) - bytesBefore > options.maxBytes) return 'bytes'
    return undefined
  }

  let isOver = false
  let iteration = 0
  const start = captureStart(first)
  // What the first state takes does not count as the cost of a state.
  const bytesBefore = bytesOf(store)

  /** Drops nodes whose alternatives have all been taken, until one has some left. */
  function dropExpanded(): void {
    for (let node = frontier.current(); node !== undefined; node = frontier.current()) {
      if (node.next < node.alternatives) return
      frontier.drop()
      giveBack(node.snapshot, node.state)
    }
  }

  /** Whether nothing is left to expand. */
  function isDone(): boolean {
    if (isRandom) return alternativesOf(first) === 0 || options.maxDepth === 0
    return frontier.current() === undefined
  }

  /** Whether something is left to expand, and no bound is reached. */
  function isOpen(): boolean {
    dropExpanded()
    const isLeft = !isDone()
    bound ??= isLeft ? reachedBound(iteration++) : tooDeep.size > 0 ? 'depth' : undefined
    return isLeft && bound === undefined
  }

  function advance(): void {
    const node = isRandom ? undefined : frontier.current()
    const path = () => (node === undefined ? [...walkPath] : [...pathTo(node.state), node.next - 1])
    attempt(() => (node === undefined ? walkOn() : expand(node)), path)
  }

  /**
   * A full store ends the search as any other bound does. So does the death of a program that was killed; it is also a
   * violation, since the program may have done it to itself.
   */
  function attempt(transition: () => void, path: () => number[]): void {
    try {
      transition()
    } catch (error) {
      if (!(error instanceof PageStoreError)) throw error
      inMemory = undefined
      walk = undefined
      isInStep = false
      if (error.code === 'ERR_OUT_OF_MEMORY') {
        bound = 'bytes'
      } else if (error.code === 'ERR_PROCESS_GONE') {
        addViolation({ kind: 'crash', property: killedProperty }, path, 0)
        bound = 'gone'
      } else {
        throw error
      }
    }
  }

  return {
    run(isTimeUp) {
      while (!isOver) {
        if (isInStep || isOpen()) advance()
        else isOver = true
        if (isInStep || isTimeUp()) return
      }
    },
    get isOver() {
      return isOver
    },
    get bound() {
      return bound
    },
    progress() {
      return {
        states: keySnapshots.length,
        transitions,
        depth: deepest,
        queue: isRandom ? 0 : frontier.size,
        seconds: (performance.now() - startedAt) / 1000,
        bytesPerState: Math.round((bytesOf(store) - bytesBefore) / keySnapshots.length),
      }
    },
    get deadlocks() {
      return deadlocks
    },
    get violations() {
      return violations.all
    },
    reached,
    start,
    first,
    samples: samples.items,
    successors: (state) => labels[state] ?? [],
    labelOf,
    pathTo,
  }
}

/** The transition that led to a state, and how far that is from the start. */
interface Arrival {
  parent: number
  choice: number
  depth: number
}

/** How far a state is from the start, and whether it was expanded from farther away. */
type Position = Pick<Node, 'depth' | 'isRevisited'>

function alternativesOf(step: Step): number {
  return step.kind === 'choice' ? step.alternatives : 0
}
