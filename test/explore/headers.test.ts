import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'

const root = join(import.meta.dirname, '../..')
const headers = join(root, 'test/programs/headers')
const folder = ownFolder()

const includes = (name: string) => `#include "${join(headers, name)}"`
// 16 states: but for `noise`, which counts in none of them.
const model = `
static struct { unsigned char first, second; } all;
static int noise;
int main(void) {
  ps_state(&all.first, 1);
  ps_state(&all.second, 1);
  for (;;) {
    noise++;
    if (ps_choose(2)) all.first = (all.first + 1) & 3;
    else all.second = (all.second + 1) & 3;
  }
}`
const ignoring = `
static int at, noise;
int main(void) {
  ps_ignore(&noise, sizeof noise);
  for (;;) {
    noise++;
    at = (at + ps_choose(3)) % 5;
  }
}`

describe.each(readdirSync(headers))('a program with the header %s', (name) => {
  const include = includes(name)

  test.each(['cc', 'c++'])('has the states that it declares, compiled by %s', async (compiler) => {
    const program = join(folder, `${name}-${compiler}`)
    execFileSync(compiler, ['-x', compiler === 'cc' ? 'c' : 'c++', '-O1', '-o', program, '-'], {
      input: `${include}\n${model}`,
    })
    const found = await explore(new Program(program))
    expect(found).toMatchObject({ complete: true, states: 16, transitions: 32, violations: [], warnings: [] })
  })

  test('ignores what it declares', async () => {
    const found = await explore(new Program(compile(folder, `${name}-ignoring`, `${include}\n${ignoring}`)))
    expect(found).toMatchObject({ complete: true, transitions: 3 * found.states, violations: [] })
    expect(found.states).toBeLessThanOrEqual(15) // and not one more for each value of `noise`
  })

  test('has its changes reported, and not those of the header', async () => {
    const source = `${include}\n${model.replace('noise++', 'ps_assert(all.first != 2, "two")')}`
    const { violations } = await explore(new Program(compile(folder, `${name}-changes`, source)))
    expect(violations).toMatchObject([{ property: 'two', choices: [1, 1] }])
    expect(violations[0]?.steps?.map(({ changes }) => changes.map(({ after }) => Number(after)))).toEqual([[1], [2]])
  })
})

test('today’s header is kept there under its version', () => {
  const print = `#include <stddef.h>
#define SHOW(field) printf(#field " %zu\\n", offsetof(struct ps_layout, field))
int main(void) {
  SHOW(magic); SHOW(is_checked); SHOW(version); SHOW(size); SHOW(most_ranges); SHOW(states); SHOW(ignored);
  SHOW(state); SHOW(ignore);
  printf("%u %u %zu\\n", PS_LAYOUT_MAGIC, PS_LAYOUT_VERSION, sizeof(struct ps_layout));
}`
  const [today, kept] = [join(root, 'include/pagestore.h'), join(headers, 'pagestore-layout-2.h')].map((header, i) =>
    execFileSync(compile(folder, `layout-${i}`, `#include "${header}"\n${print}`), { encoding: 'utf8' }),
  )
  expect(today).toBe(kept)
  expect(today).toContain('state 112\nignore 4208\n1886605874 2 8304\n')
})

test('a header that is newer than the package, and two in one program, are refused', async () => {
  const newer = `${includes('pagestore-layout-2.h')}
static void set(void) __attribute__((constructor));
static void set(void) { ps_program_layout.version = 3; }`
  await expect(explore(new Program(compile(folder, 'newer', `${newer}\n${model}`)))).rejects.toMatchObject({
    code: 'ERR_PROGRAM',
    message: expect.stringMatching(/layout 3, .* up to 2$/),
  })
  const both = join(folder, 'both')
  compile(folder, 'old', `${includes('pagestore-layout-1.h')}\nint old(void) { return ps_choose(1); }`, '-c')
  execFileSync('cc', ['-x', 'c', '-', '-x', 'none', join(folder, 'old'), '-o', both], {
    input: `${includes('pagestore-layout-2.h')}\n${model}`,
  })
  await expect(explore(new Program(both))).rejects.toMatchObject({
    code: 'ERR_PROGRAM',
    message: expect.stringMatching(/two versions/),
  })
})
