// A program that makes the same system calls again and again instead of a choice is a hang that says which, and what they give.
import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
let number = 0

async function detailOf(body: string) {
  const source = `#include ${header}\n#include <fcntl.h>\n#include <sched.h>\n#include <unistd.h>
int main(void) { ps_choose(1); ${body} }`
  const program = compile(folder, `program-${number++}`, source)
  const { violations } = await explore(new Program(program, [], { stepTimeout: 400 }))
  expect(violations).toMatchObject([{ kind: 'hang' }])
  return violations[0]?.detail
}

test('a name that is there all the time', async () => {
  const detail = await detailOf('for (;;) open("/tmp", O_CREAT | O_EXCL | O_RDWR, 0600);')
  expect(detail).toMatch(/system calls again and again, and no choice: openat \(EEXIST\)$/)
})

test('two calls by turns', async () => {
  const detail = await detailOf('for (;;) { sched_yield(); if (access("/there is none", R_OK) == 0) break; }')
  expect(detail).toMatch(/: (sched_yield, f?access(at)? \(ENOENT\)|f?access(at)? \(ENOENT\), sched_yield)$/)
})

test('a program that makes one call and computes is running', async () => {
  expect(await detailOf('getppid(); for (volatile int i = 0;; ++i) ;')).toMatch(/is running in main/)
})
