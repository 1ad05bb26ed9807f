/**
 * A machine that QEMU emulates, with a kernel of Debian: it runs one command in this checkout. What the command writes
 * lives in the machine's memory, and here nothing changes but the folder of its results. It has no network.
 *
 * A machine of this processor's kind has the files of this one. Another has Debian's own, and a Node of npm's.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { type Archive, bringKernel, bringRoot } from './debian.js'
import { bringNode, linksForArm64 } from './node.js'

export const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

/** What was brought from elsewhere is kept here. */
export const cache = join(checkout, 'build-kernels')

export const machines = {
  'x86-64-6.1': { release: 'bookworm', architecture: 'amd64' },
  'x86-64-6.12': { release: 'trixie', architecture: 'amd64' },
  'arm64-6.1': { release: 'bookworm', architecture: 'arm64' },
  'arm64-6.12': { release: 'trixie', architecture: 'arm64' },
} as const satisfies Record<string, Archive>
export type MachineName = keyof typeof machines
export const machineNames = Object.keys(machines) as MachineName[]

const processors = {
  amd64: { qemu: 'qemu-system-x86_64', options: ['-machine', 'q35', '-cpu', 'max'], console: 'ttyS0' },
  // The processor's own way of signing addresses is dear to emulate.
  arm64: {
    qemu: 'qemu-system-aarch64',
    options: ['-machine', 'virt', '-cpu', 'max,pauth-impdef=on'],
    console: 'ttyAMA0',
  },
} as const

const ownTools = ['qemu-system-x86', 'qemu-system-arm', 'busybox-static']

// What compiles the programs of the tests, and what runs them.
const packagesOfRoot =
  'base-files base-passwd bash dash coreutils findutils grep sed gawk procps util-linux mount gcc libc6-dev libstdc++6 busybox-static'

/** What has to be loaded before there are files: the machine's bus, its way to the files of this one, and what lies over it. */
const modulesToLoad = ['virtio_pci', '9pnet_virtio', '9p', 'overlay']

/** What runs on this machine, of which nothing need be installed: with the libraries that were brought, whatever it has. */
function tools(): { busybox: string; qemu: (name: string) => string[]; env: Record<string, string> } {
  const folder = bringRoot(cache, 'tools', { release: 'bookworm', architecture: 'amd64' }, ownTools)
  const at = (path: string) => join(folder, path)
  const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/pulseaudio'].map(at).join(':')
  const data = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu'].flatMap((path) => ['-L', at(path)])
  const loader = at('lib64/ld-linux-x86-64.so.2')
  return {
    busybox: at('bin/busybox'),
    env: { QEMU_MODULE_DIR: at('usr/lib/x86_64-linux-gnu/qemu') },
    qemu: (name) => [loader, '--library-path', libraries, at(`usr/bin/${name}`), ...data],
  }
}

/** Copies modules of a kernel, and what they need before them, and writes down in which order. Some are part of the kernel. */
function copyModules(busybox: string, kernel: string, into: string): void {
  const above = join(kernel, 'usr')
  const version = readdirSync(join(above, 'lib/modules'))[0]!
  const modules = join(above, 'lib/modules', version)
  execFileSync(busybox, ['depmod', '-b', above, version])
  const needs = new Map<string, string[]>()
  for (const line of readFileSync(join(modules, 'modules.dep'), 'utf8').split('\n')) {
    const [file = '', before = ''] = line.split(':')
    needs.set(file, before.split(' ').filter(Boolean))
  }
  const ordered = new Set<string>()
  const add = (file: string) => {
    for (const each of needs.get(file) ?? []) add(each)
    ordered.add(file)
  }
  for (const file of needs.keys()) if (modulesToLoad.includes(basename(file).split('.')[0]!)) add(file)
  for (const file of ordered) {
    cpSync(join(modules, file), join(into, basename(file)))
    if (file.endsWith('.xz')) execFileSync(busybox, ['unxz', basename(file)], { cwd: into })
  }
  const names = [...ordered].map((file) => basename(file, '.xz'))
  writeFileSync(join(into, 'order'), `${names.join('\n')}\n`)
}

/** The first program of the machine. `beside`: the checkout is not among the files that the machine sees as its own. */
function start(beside: boolean): string {
  const lower = (tag: string, at: string) =>
    `mkdir -p ${at}; mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro ${tag} ${at}`
  const over = (name: string, lowerFolder: string, at: string) =>
    `mkdir -p /upper/${name}/files /upper/${name}/work ${at}; ` +
    `mount -t overlay -o lowerdir=${lowerFolder},upperdir=/upper/${name}/files,workdir=/upper/${name}/work overlay ${at}`
  const ownCheckout = [lower('checkout', '/lower-checkout'), over('checkout', '/lower-checkout', `/root${checkout}`)]
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for each in $(cat /modules/order); do insmod /modules/$each; done
mount -t tmpfs -o size=90% tmpfs /upper
${lower('files', '/lower')}
${over('files', '/lower', '/root')}
for each in proc sys dev; do mkdir -p /root/$each; mount --move /$each /root/$each; done
mkdir -p /root/dev/shm /root/dev/pts
for each in dev/shm run ${checkout.startsWith('/tmp/') ? '' : 'tmp'}; do mkdir -p /root/$each; mount -t tmpfs -o mode=1777 tmpfs /root/$each; done
mount -t devpts devpts /root/dev/pts
ln -s /proc/self/fd /root/dev/fd
${beside ? `${ownCheckout.join('\n')}\nln -s gcc /root/usr/bin/cc` : ''}
mkdir -p /root/run/results; mount -t 9p -o trans=virtio,version=9p2000.L results /root/run/results
ip link set lo up
cp /command /root/run/command
exec switch_root /root /bin/sh /run/command
`
}

/** How the machine ends: the exit code lies with the results. */
function commandFile(node: string, words: readonly string[], env: Record<string, string>, links: [string, string][]) {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const lines = [
    `export PATH=${dirname(node)}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb`,
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`),
    `cd ${quote(checkout)}`,
    // The addon that is for this processor, where the one that was built here is not.
    'mkdir -p /run/addon && ln -s "$PWD/prebuilds" /run/addon/prebuilds',
    ...links.map(([from, to]) => `ln -s ${quote(from)} ${quote(to)}`),
    words.map(quote).join(' '),
    'echo $? > /run/results/status; sync',
    // No file is asked for any more: a reboot ends the machine.
    'echo b > /proc/sysrq-trigger',
    'while :; do :; done',
  ]
  return `${lines.join('\n')}\n`
}

export interface Job {
  command: readonly string[]
  env?: Record<string, string>
  /** How much memory the machine has. */
  memory?: string
}

/** Runs a command there, whose output goes to ours. What it leaves in /run/results is in `results`. */
export function runIn(name: MachineName, { command, env = {}, memory = '6G' }: Job): { code: number; results: string } {
  const archive = machines[name]
  const { qemu, options, console: line } = processors[archive.architecture]
  const { busybox, qemu: qemuOf, env: qemuEnv } = tools()
  const kernel = bringKernel(cache, archive)
  const isOurs = archive.architecture === 'amd64'
  const files = isOurs
    ? '/'
    : bringRoot(cache, 'root-arm64', { release: 'bookworm', architecture: 'arm64' }, packagesOfRoot.split(' '))
  const node = isOurs ? process.execPath : bringNode(checkout, cache)
  const ownEnv = isOurs ? env : { PAGESTORE_PREBUILD: '/run/addon', ...env }

  const folder = join(cache, `machine-${name}`)
  const [initial, results] = [join(folder, 'initial'), join(folder, 'results')]
  rmSync(folder, { recursive: true, force: true })
  for (const each of ['bin', 'dev', 'modules', 'proc', 'root', 'sys', 'upper']) {
    mkdirSync(join(initial, each), { recursive: true })
  }
  mkdirSync(results)
  copyModules(busybox, kernel, join(initial, 'modules'))
  cpSync(isOurs ? busybox : join(files, 'bin/busybox'), join(initial, 'bin/busybox'))
  writeFileSync(join(initial, 'init'), start(!isOurs), { mode: 0o755 })
  writeFileSync(
    join(initial, 'command'),
    commandFile(node, command, ownEnv, isOurs ? [] : linksForArm64(checkout, cache)),
  )
  execFileSync('sh', ['-c', 'find . | "$0" cpio -o -H newc > ../initial.cpio 2> ../cpio.log', busybox], {
    cwd: initial,
  })

  const image = readdirSync(join(kernel, 'boot')).find((file) => file.startsWith('vmlinuz'))!
  const share = (tag: string, path: string, more: string) => [
    '-virtfs',
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${more}`,
  ]
  const [file, ...args] = [
    ...qemuOf(qemu),
    ...options,
    ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', memory],
    ...['-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...share('files', files, ',readonly=on'),
    ...(isOurs ? [] : share('checkout', checkout, ',readonly=on')),
    ...share('results', results, ''),
    ...['-kernel', join(kernel, 'boot', image), '-initrd', join(folder, 'initial.cpio')],
    ...['-append', `console=${line} panic=-1 quiet mitigations=off`],
  ]
  const { error } = spawnSync(file!, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...qemuEnv },
  })
  if (error !== undefined) throw error
  const status = join(results, 'status')
  if (!existsSync(status)) throw new Error(`the machine ${name} ended before the command did`)
  return { code: Number.parseInt(readFileSync(status, 'utf8'), 10), results }
}
