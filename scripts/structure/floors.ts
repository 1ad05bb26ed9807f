/**
 * The floors of the house, and the words that are retired: what `npm run lint:structure` holds the code to. ARCHITECTURE.md
 * says why the floors are these.
 */

/** A floor may use the floors that it names, and what those may use. Who is not named does not exist for it. */
export interface Floor {
  /** A folder with all below it that is no floor of its own, or one file. */
  at: string
  uses: readonly string[]
}

export const floors: readonly Floor[] = [
  { at: 'include', uses: [] },

  { at: 'native/system', uses: [] },
  // The first pillar: what a snapshot is. It knows nothing of processes.
  { at: 'native/store', uses: ['native/system'] },
  { at: 'native/snapshot', uses: ['native/store'] },
  // The second: what Linux offers. It knows nothing of snapshots.
  { at: 'native/linux', uses: ['native/system'] },
  { at: 'native/ptrace', uses: ['native/linux'] },
  // A tracee is one of the memories, and uses what they share; none of them uses it.
  { at: 'native/memory', uses: ['native/snapshot', 'native/ptrace'] },
  { at: 'native/memory/tracee', uses: ['native/memory'] },
  { at: 'native/explore', uses: ['native/memory/tracee'] },
  { at: 'native/binding', uses: ['native/explore'] },

  { at: 'lib/printable.ts', uses: [] },
  { at: 'lib/errors.ts', uses: ['lib/printable.ts'] },
  { at: 'lib/addon', uses: ['lib/errors.ts'] },
  { at: 'lib/linux', uses: ['lib/addon'] },
  // What a WebAssembly module is. It knows nothing of snapshots.
  { at: 'lib/wasm', uses: ['lib/errors.ts'] },
  { at: 'lib', uses: ['lib/linux'] },
  // What a package exports is above all that it is made of, and below the command line alone.
  { at: 'lib/index.ts', uses: ['lib'] },
  { at: 'lib/explore', uses: ['lib'] },
  { at: 'lib/explore/subjects', uses: ['lib/explore', 'lib/wasm'] },
  { at: 'lib/explore/index.ts', uses: ['lib/explore/subjects'] },
  { at: 'lib/report', uses: ['lib/explore/index.ts'] },
  { at: 'lib/cli', uses: ['lib/index.ts', 'lib/report'] },
]

/**
 * Words that no identifier may contain, with what is said instead; docs/glossary.md has the meanings. An identifier is
 * split where its case changes and at `_`: `replace` has no `place` in it, `stop_place` has. (The command line's old
 * `words`, `directory`, `fixed` and `bits` are not listed: elsewhere they mean what they say.)
 */
export const retired: readonly { words: readonly string[]; instead: string }[] = [
  { words: ['place', 'places'], instead: 'virtual page, stop point, location, slot' },
  { words: ['hold', 'holds', 'held'], instead: 'lock, ref, handle, group-stop' },
  { words: ['standing', 'stands'], instead: 'is stopped' },
  { words: ['way', 'ways'], instead: 'alternative, transition, path' },
  { words: ['gone'], instead: 'taken, ended, unmapped' },
  { words: ['tell', 'tells', 'told'], instead: 'report' },
  { words: ['hear', 'hears', 'heard'], instead: 'report, wait' },
  { words: ['look', 'looks', 'looked', 'looker', 'looking'], instead: 'scan, classify, find' },
  { words: ['arm', 'arms', 'armed', 'arming', 'rearm'], instead: 'write-protect' },
  { words: ['watch', 'watches', 'watched', 'watching'], instead: 'register' },
  { words: ['follow', 'follows', 'followed', 'following'], instead: 'track' },
  { words: ['steady', 'sticky'], instead: 'hot page' },
  { words: ['work', 'works'], instead: 'dirty' },
  { words: ['has_become', 'was_killed', 'was_interrupted'], instead: 'on_exec, on_kill, on_interrupt' },
  { words: ['meet', 'meets', 'met'], instead: 'on_...' },
  { words: ['let_go', 'bury', 'buries', 'buried'], instead: 'unref, reap' },
  { words: ['bring_forth', 'offspring'], instead: 'follower' },
  { words: ['variables'], instead: 'env' },
]

/** What a retired word may stand in all the same, in any file. */
export const allowed: readonly { phrase: string; why: string }[] = [
  { phrase: 'look_up', why: 'plain English for finding by a name' },
  { phrase: 'process_gone', why: 'the public ERR_PROCESS_GONE' },
  { phrase: 'steady_clock', why: 'the name of the C++ library' },
  { phrase: 'nt_arm_tls', why: 'the name of the kernel' },
  { phrase: 'inotify_add_watch', why: 'the name of the kernel' },
  { phrase: 'inotify_rm_watch', why: 'the name of the kernel' },
]

/** Names that asked and did: a function of such a name returns an answer. */
export const asking = /^(is|has|can|was|were)(_|[A-Z])|^(changed|captured)$/

/** What node-addon-api must not do for us, and what does it instead: such a call may run JavaScript, and aborts. */
export const forbiddenCalls: readonly { under: string; call: RegExp; why: string }[] = [
  {
    under: 'native/binding',
    call: /^(Call|MakeCallback|Get|Has|Set|New|ThrowAsJavaScriptException)$|\b(Buffer(<\w+>)?|ArrayBuffer|Error)::New$/,
    why: 'node-addon-api ends the process where JavaScript cannot run: call Node-API itself',
  },
]

export const limits = {
  fileLines: 400,
  functionLines: 60,
  parameters: 5,
  privateMethods: 15,
  /** Pairs of places with the same code, `sharedLines` lines or more. */
  sharedPairs: 19,
  sharedLines: 6,
}

/** What a rule does not apply to, and why. One that is not needed any more is reported, too. */
export interface Exception {
  rule: string
  /** Or a folder. */
  file: string
  /** The name of the identifier, function or class; without, the whole file. */
  name?: string
  why: string
}

export const exceptions: readonly Exception[] = [
  {
    rule: 'private-methods',
    file: 'native/store/page_store.h',
    name: 'PageStore',
    why: 'one object with one lock; its parts are files of their own already',
  },
  {
    rule: 'function-lines',
    file: 'lib/explore/search.ts',
    why: 'the search loop for programs moves into the core as it is',
  },
  {
    rule: 'words',
    file: 'lib/explore',
    name: 'holds',
    why: 'a property holds in a state, or does not: the word of model checking',
  },
  { rule: 'words', file: 'lib/cli/check.ts', name: 'gone', why: 'the bound that stands for ERR_PROCESS_GONE' },
]
