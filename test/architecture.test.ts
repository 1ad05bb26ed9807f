/** What the pages about the code name is there: files, classes, functions. So a name that changes changes there, too. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { expect, test } from 'vitest'

import { documents, read, root } from './support/documents.js'

const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trimEnd().split('\n')
const names = new Set(files.map((file) => basename(file)))
const folders = new Set(files.flatMap((file) => file.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))))
const words = new Set(
  files
    .filter(
      (file) =>
        /\.(h|cc|c|ts|gypi|mjs|json)$/.test(file) && existsSync(join(root, file)) && !/^(test|docs)\//.test(file),
    )
    .flatMap((file) => readFileSync(join(root, file), 'utf8').match(/\w+/g) ?? []),
)

/** What git does not have: it is built. */
const built = ['dist/']

/** Not ours: the kernel's, the C library's, other programs'. */
const others =
  /^(fork|exec|vfork|process_vm_(readv|writev)|pidfd_getfd|exit_group|shmem_enabled|clear_refs|PTRACE_\w+|PM_\w+|M[A-Z]+_\w+|O_\w+|F_\w+|AT_\w+|ERESTART_\w+|NDEBUG|SIG\w+|CONFIG_\w+|unordered_\w+|bad_alloc|shared_mutex|std)$/

function isThere(name: string): boolean {
  if (built.includes(name)) return true
  if (/^[\w.@-]+(\/[\w.@-]*)+$/.test(name)) return files.includes(name) || folders.has(name.replace(/\/$/, ''))
  if (/^[\w-]+\.(h|cc|ts|mjs|c|wat)$/.test(name)) return names.has(name)
  if (!/^\w+(::\w+|\.\w+)*$/.test(name) || !/[A-Z_:]/.test(name)) return true
  return name.split(/::|\./).every((word) => words.has(word) || others.test(word))
}

const pages = documents.filter((page) => /^ARCHITECTURE|^docs\/internals\//.test(page))

test.each(pages)('all that %s names is there', (page) => {
  const text = read(page).replace(/^```.*?^```/gms, '')
  const named = [...text.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!.replace(/\(\)$/, ''))
  expect(named.filter((name) => !isThere(name))).toEqual([])
})

test('what is not there is found', () => {
  expect(['native/store/no.h', 'NoSuchClass', 'PageStore::no_such', 'no_such.ts'].filter(isThere)).toEqual([])
})
