// A handler that returns with another alternate signal stack is named: the stack does not roll back. One that keeps it is not.
import { explore, Program } from 'pagestore/explore'
import { expect, test } from 'vitest'

import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const program = compile(
  ownFolder(),
  'returns',
  `#define _GNU_SOURCE
#include ${header}
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
static char memory[65536], other[65536];
static volatile int wanted;
static const char *how;
static int is(const char *name) { return strcmp(how, name) == 0; }
static void on(int signal, siginfo_t *info, void *at) {
  stack_t *stack = &((ucontext_t *)at)->uc_stack;
  (void)signal, (void)info;
  if (!wanted) return;
  if (is("size")) stack->ss_size = 40000;
  if (is("address")) stack->ss_sp = other;
  if (is("none")) stack->ss_flags = SS_DISABLE;
  if (is("first one")) stack->ss_sp = memory, stack->ss_size = 32768, stack->ss_flags = 0;
  if (is("refused")) stack->ss_size = 100;
  if (is("mask")) sigaddset(&((ucontext_t *)at)->uc_sigmask, SIGUSR2);
}
int main(int argc, char **argv) {
  how = argv[1];
  struct sigaction act = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | (argc > 2 ? SA_ONSTACK : 0)};
  sigaction(SIGUSR1, &act, NULL);
  stack_t stack = {.ss_sp = memory, .ss_size = 32768}, small = {.ss_sp = other, .ss_size = 1};
  if (!is("first one") && !is("never one")) sigaltstack(&stack, NULL);
  if (is("set twice")) stack.ss_size = 36000, sigaltstack(&stack, NULL), sigaltstack(&small, NULL);
  if (is("given up")) stack.ss_flags = SS_DISABLE, sigaltstack(&stack, NULL);
  wanted = ps_choose(2);
  if (is("set after the choice")) {
    for (int i = 0; i < 3; i++) stack.ss_sp = memory + i * 16384, stack.ss_size = 16384, sigaltstack(&stack, NULL);
  }
  raise(SIGUSR1);
  (void)ps_choose(1);
  return 0;
}
`,
)

test.each(['size', 'address', 'none', 'first one'])('%s: rt_sigreturn is named', async (how) => {
  const { warnings, violations } = await explore(new Program(program, [how]))
  expect(warnings).toEqual([expect.stringMatching(/^rt_sigreturn: /)])
  expect(violations).toEqual([])
})

const kept = ['refused', 'mask', 'set twice', 'given up', 'never one']
test.each(kept.flatMap((how) => [[how], [how, 'on it']]))('%s %s: nothing is named', async (...args) => {
  const { warnings, violations } = await explore(new Program(program, args))
  expect(warnings).toEqual([])
  expect(violations).toEqual([])
})

test.each([[], ['on it']])(
  'a stack that is set after the choice is named by its own call alone %s',
  async (...more) => {
    const { warnings, violations } = await explore(new Program(program, ['set after the choice', ...more]))
    expect(warnings).toEqual([expect.stringMatching(/^sigaltstack: /)])
    expect(violations).toEqual([])
  },
)
