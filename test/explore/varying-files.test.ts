// A file that says something else each time is named by whichever path it is opened; one that stays the same is not.
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, Program } from 'pagestore/explore'
import { describe, expect, test } from 'vitest'

import { isVaryingName } from '../../lib/linux/file-kinds.js'
import { compile, ownFolder } from '../support/programs.js'
import { header } from '../support/tracees.js'

const folder = ownFolder()
const lacking = 77

// How it comes to what it opens; then from where, by which path, and with which flags.
const program = compile(
  folder,
  'opens',
  `#define _GNU_SOURCE
#include ${header}
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
int main(int argc, char **argv) {
  const char *how = argv[1], *from = argv[2], *path = argv[3];
  const int flags = argc > 4 ? atoi(argv[4]) : O_RDONLY;
  int directory = AT_FDCWD;
  char encoded[4096];
  if (strcmp(how, "another encoding") == 0) path = strcat(strcpy(encoded, path), "\\xe9");
  if (strcmp(how, "folder") == 0 && chdir(from) != 0) return 1;
  if (strcmp(how, "descriptor") == 0) directory = open(from, O_RDONLY | O_DIRECTORY);
  if (strcmp(how, "root") == 0 && (chroot(from) != 0 || chdir("/") != 0)) return ${lacking};
  if (strcmp(how, "root, from outside") == 0 && (chdir(from) != 0 || chroot("/tmp") != 0)) return ${lacking};
  if (strcmp(how, "random device") == 0 && mknod(path, S_IFCHR | 0600, makedev(1, 9)) != 0) return ${lacking};
  if (strcmp(how, "empty device") == 0 && mknod(path, S_IFCHR | 0600, makedev(1, 3)) != 0) return ${lacking};
  if (strcmp(how, "descriptor of a device") == 0) {
    if (mknod(path, S_IFCHR | 0600, makedev(1, 9)) != 0) return ${lacking};
    if (open(path, O_RDONLY) < 0) return ${lacking};
  }
  for (int i = 0; i < 2; i++) {
    ps_choose(2);
    const int file = openat(directory, path, flags);
    if (file < 0) return 2;
    close(file);
  }
  return 0;
}
`,
)

const own = mkdtempSync(join(folder, 'links-'))
const link = (name: string, target: string) => {
  symlinkSync(target, join(own, name))
  return join(own, name)
}
writeFileSync(join(own, 'ordinary'), 'x')
link('proc', '/proc')
link('a', 'b')
/** A name that is no UTF-8. */
const encoded = (name: string) => Buffer.concat([Buffer.from(name), Buffer.from([0xe9])])
symlinkSync('/dev/urandom', encoded(join(own, 'random-')))
symlinkSync('ordinary', encoded(join(own, 'ordinary-')))
symlinkSync(encoded('random-'), join(own, 'to another encoding'))
link('b', '/dev/urandom')

function search(...args: string[]) {
  return explore(new Program(program, args))
}

const varying = [
  ['from the working directory', 'folder', '/proc', 'uptime'],
  ['from a descriptor', 'descriptor', '/proc', 'uptime'],
  ['by dots', 'folder', '/proc/self', '../uptime'],
  ['by a longer way', '', '', '//proc/./uptime'],
  ['by a link to a device', '', '', join(own, 'b')],
  ['by a link to a link', 'folder', own, './a'],
  ['by a name that is no UTF-8', 'another encoding', '', join(own, 'random-')],
  ['by a link to a name that is no UTF-8', '', '', join(own, 'to another encoding')],
  ['by a link in the middle', '', '', join(own, 'proc/meminfo')],
  ['by a link of its own process', '', '', '/proc/self/root/proc/uptime'],
  ['by a link of its own thread', '', '', '/proc/thread-self/stat'],
  ['below another root', 'root', '/proc', '/uptime'],
  ['outside of its root', 'root, from outside', '/proc', 'uptime'],
  ['as a device of another name', 'random device', '', join(own, 'random')],
] as const

describe('what says something else each time is named', () => {
  test.for(varying)('%s', async ([, ...args], { skip }) => {
    const found = await search(...args)
    skip(found.violations[0]?.property === `exit(${lacking})`, 'we may not do that')
    expect(found).toMatchObject({ complete: true, violations: [] })
    expect(found.warnings).toContainEqual(expect.stringMatching(/^openat: /))
  })
})

const [readOnly, writeOnly] = ['0', '1']
const lasting = [
  ['from the working directory', 'folder', own, 'ordinary', readOnly],
  ['from a descriptor', 'descriptor', own, './ordinary', readOnly],
  ['of the kernel, by a link', 'folder', own, 'proc/self/maps', readOnly],
  ['by a descriptor of the program', 'descriptor', own, '/dev/fd/3', readOnly],
  ['an empty device by a link', '', '', link('empty', '/dev/null'), writeOnly],
  ['an empty device of another name', 'empty device', '', join(own, 'nothing'), writeOnly],
  ['by a name that is no UTF-8', 'another encoding', '', join(own, 'ordinary-'), readOnly],
  ['a folder', '', '', own, readOnly],
  ['the root by a link', '', '', link('root', '/'), readOnly],
  ['a folder by a link of the program', '', '', '/proc/self/root/', readOnly],
] as const

describe('what stays the same is not', () => {
  test.for(lasting)('%s', async ([, ...args], { skip }) => {
    const found = await search(...args)
    skip(found.violations[0]?.property === `exit(${lacking})`, 'we may not do that')
    expect(found).toMatchObject({ complete: true, violations: [], warnings: [] })
  })
})

test('a device that is open from the start is named, whatever it is called', async ({ skip }) => {
  const found = await search('descriptor of a device', '', join(own, 'open'))
  skip(found.violations[0]?.property === `exit(${lacking})`, 'we may not do that')
  expect(found.warnings).toContainEqual(expect.stringMatching(/^read: .*\/open is open/))
})

test('of the files of the kernel those vary that say the time, or what is used or free', () => {
  const names = ['/proc/uptime', '/proc/self/stat', '/proc/12/task/13/sched', '/proc/meminfo', '/proc/self/status']
  const more = ['/proc/sys/kernel/random/uuid', '/sys/fs/cgroup/memory.current', '/sys/class/thermal/t/temp']
  expect([...names, ...more].filter((path) => !isVaryingName(path))).toEqual([])
  const others = ['/proc/self/maps', '/proc/12/task/13/comm', '/proc/filesystems', '/proc/sys/vm/overcommit_memory']
  const further = ['/sys/devices/system/cpu/online', '/sys/fs/cgroup/a/memory.max', '/etc/passwd', '/process/stat']
  expect([...others, ...further].filter(isVaryingName)).toEqual([])
})
