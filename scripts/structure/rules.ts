/** The rules of `npm run lint:structure`. Each takes what it needs, and says what breaks it. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { allowed, asking, type Exception, type Floor, floors, forbiddenCalls, limits, retired } from './floors.js'
import type { Named, Source } from './source.js'

export interface Violation {
  rule: string
  file: string
  line: number
  /** What broke the rule, where that has a name. */
  name: string
  message: string
}

type Edges = ReadonlyMap<string, readonly { file: string; line: number }[]>

export function checkSources(root: string, sources: readonly Source[]): Violation[] {
  const shaped = sources.filter(({ isTest }) => !isTest)
  const edges = new Map(shaped.map((source) => [source.file, importedFiles(root, source)]))
  return [
    ...upwardImports(edges),
    ...cycles(edges),
    ...shaped.flatMap((source) => [...sizes(source), ...calls(source), ...unread(source)]),
    ...sources.flatMap(words),
  ]
}

/** Without what is excepted; an exception that nothing needs is itself a violation. */
export function without(violations: readonly Violation[], exceptions: readonly Exception[]): Violation[] {
  const matches = (except: Exception, found: Violation) =>
    except.rule === found.rule && isIn(found.file, except.file) && (except.name ?? found.name) === found.name
  const idle = exceptions.filter((except) => !violations.some((found) => matches(except, found)))
  return [
    ...violations.filter((found) => !exceptions.some((except) => matches(except, found))),
    ...idle.map(({ rule, file, name = '' }) => ({
      rule: 'exceptions',
      file,
      line: 1,
      name,
      message: `nothing here needs the exception to ${rule}${name && ` for ${name}`}`,
    })),
  ]
}

/** The files of ours that a source names. */
function importedFiles(root: string, { file, imports }: Source): { file: string; line: number }[] {
  return imports.flatMap(({ name, line }) => {
    const candidates = file.endsWith('.ts')
      ? [join(dirname(file), name.replace(/\.js$/, '.ts'))]
      : [join('native', name), join('include', name), join(dirname(file), name)]
    const found = candidates.find((candidate) => existsSync(join(root, candidate)))
    // A package, or a header of somebody else's.
    return found === undefined || (file.endsWith('.ts') && !name.startsWith('.')) ? [] : [{ file: found, line }]
  })
}

/** Whether the file is this one, or lies in this folder. */
function isIn(file: string, at: string): boolean {
  return file === at || file.startsWith(`${at}/`)
}

function floorOf(file: string): Floor | undefined {
  return floors
    .filter(({ at }) => isIn(file, at))
    .reduce<Floor | undefined>((best, floor) => (best && best.at.length > floor.at.length ? best : floor), undefined)
}

function mayUse(upper: Floor, lower: Floor): boolean {
  return upper === lower || floors.some((floor) => upper.uses.includes(floor.at) && mayUse(floor, lower))
}

function upwardImports(edges: Edges): Violation[] {
  return [...edges].flatMap(([file, targets]) => {
    const from = floorOf(file)
    if (from === undefined) {
      return [{ rule: 'floors', file, line: 1, name: '', message: 'belongs to no floor: scripts/structure/floors.ts' }]
    }
    return targets.flatMap((target) => {
      const to = floorOf(target.file)
      if (to !== undefined && mayUse(from, to)) return []
      const message = `${from.at} must not use ${to?.at ?? 'what is on no floor'}: ${target.file}`
      return [{ rule: 'floors', file, line: target.line, name: target.file, message }]
    })
  })
}

/** Each file from which an import leads back to it, with the shortest way round. */
function cycles(edges: Edges): Violation[] {
  const reported = new Set<string>()
  return [...edges.keys()].flatMap((start) => {
    const cycle = cycleThrough(edges, start)
    if (cycle === undefined || cycle.some((file) => reported.has(file))) return []
    for (const file of cycle) reported.add(file)
    return [{ rule: 'cycles', file: start, line: 1, name: '', message: [...cycle, start].join(' > ') }]
  })
}

function cycleThrough(edges: Edges, start: string): string[] | undefined {
  const paths = [[start]]
  const seen = new Set<string>()
  for (const path of paths) {
    for (const { file } of edges.get(path.at(-1)!) ?? []) {
      if (file === start) return path
      if (!seen.has(file)) paths.push([...path, file])
      seen.add(file)
    }
  }
  return undefined
}

function sizes({ file, lines, functions, parameterLists, classes }: Source): Violation[] {
  const over = (rule: string, { name, line }: Named, size: number, limit: number, unit: string) =>
    size > limit ? [{ rule, file, line, name, message: `${name} has ${size} ${unit}; ${limit} are the most` }] : []
  return [
    ...over('file-lines', { name: file, line: 1 }, lines, limits.fileLines, 'lines'),
    ...functions.flatMap((each) => over('function-lines', each, each.lines, limits.functionLines, 'lines')),
    ...parameterLists.flatMap((each) => over('parameters', each, each.count, limits.parameters, 'parameters')),
    ...classes.flatMap((each) =>
      over('private-methods', each, each.privateMethods, limits.privateMethods, 'private methods'),
    ),
  ]
}

/** `kStopPlace`, `stop_place_` and `StopPlace` are all `_stop_place_`. */
function separated(identifier: string): string {
  const split = identifier.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
  return `_${split.toLowerCase()}_`
}

/** The retired words in a name. */
function retiredIn(name: string): { word: string; instead: string }[] {
  const rest = allowed.reduce((text, { phrase }) => text.replaceAll(`_${phrase}_`, '_'), separated(name))
  return retired.flatMap(({ words, instead }) =>
    words.filter((word) => rest.includes(`_${word}_`)).map((word) => ({ word, instead })),
  )
}

function words({ file, identifiers, commands }: Source): Violation[] {
  const names = [...identifiers, ...file.split(/[/.]/).map((part) => ({ name: part.replaceAll('-', '_'), line: 1 }))]
  return [
    ...names.flatMap(({ name, line }) =>
      retiredIn(name).map(({ word, instead }) => {
        const message = `${name}: the word ${word} is retired; say what it is: ${instead}`
        return { rule: 'words', file, line, name, message }
      }),
    ),
    ...commands
      .filter(({ name }) => asking.test(name))
      .map(({ name, line }) => ({ rule: 'words', file, line, name, message: `${name} asks, but returns nothing` })),
  ]
}

function calls({ file, calls }: Source): Violation[] {
  return forbiddenCalls
    .filter(({ under }) => isIn(file, under))
    .flatMap(({ call, why }) =>
      calls
        .filter(({ name }) => call.test(name))
        .map(({ name, line }) => ({ rule: 'calls', file, line, name, message: `${name}(): ${why}` })),
    )
}

function unread({ file, unread }: Source): Violation[] {
  return unread.map(({ name, line }) => ({ rule: 'unread', file, line, name, message: `not understood: ${name}` }))
}

interface Clone {
  lines: number
  firstFile: { name: string; start: number; end: number }
  secondFile: { name: string; start: number; end: number }
}

const jscpd = createRequire(import.meta.url).resolve('jscpd/run-jscpd.js')

/** Pairs of places with the same code, as jscpd finds them; comments and includes do not count. */
export function sharedCode(root: string, folders: readonly string[]): Violation[] {
  const output = mkdtempSync(join(tmpdir(), 'pagestore-'))
  const options = [`--min-lines=${limits.sharedLines}`, `--min-tokens=${5 * limits.sharedLines}`, '--mode=weak']
  const except = ['--ignore=**/native/test/**,**/native/bench/**', '--ignore-pattern=#include.*']
  try {
    execFileSync(
      process.execPath,
      [jscpd, ...folders, ...options, ...except, '--absolute', '--reporters=json', `--output=${output}`],
      {
        cwd: root,
        stdio: 'pipe',
      },
    )
    const { duplicates }: { duplicates: Clone[] } = JSON.parse(readFileSync(join(output, 'jscpd-report.json'), 'utf8'))
    if (duplicates.length <= limits.sharedPairs) return []
    return duplicates.map(({ firstFile, secondFile }) => {
      const file = firstFile.name.replace(`${root}/`, '')
      const message = `the same as ${secondFile.name.replace(`${root}/`, '')}:${secondFile.start}, one of ${duplicates.length} pairs; ${limits.sharedPairs} are the most`
      return { rule: 'shared-code', file, line: firstFile.start, name: file, message }
    })
  } finally {
    rmSync(output, { recursive: true })
  }
}
