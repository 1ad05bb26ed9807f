/**
 * Runs a command in this checkout under another kernel, which QEMU emulates: `npm run kernel -- [--package FILE] COMMAND`.
 * The emulated machine reads the files of this one, and what it writes lives in its memory: here nothing changes. It is
 * some twenty times slower, has no network, and ends with the exit code of the command.
 *
 * Takes Debian's qemu-system-x86 and busybox-static. The kernel is that of this Debian, or of the package that is named.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'

const command = new Command('npm run kernel --')
  .option('--package <file>', 'a package of a kernel, as `apt-get download linux-image-...` brings it')
  .option('--memory <size>', 'how much memory the machine has', '6G')
  .argument('<command...>', 'what to run')
  .passThroughOptions()
  .parse()
const options = command.opts<{ package?: string; memory: string }>()

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'build-kernel')
const kernel = join(folder, 'kernel')
const initial = join(folder, 'initial')

/** What has to be loaded before there are files: the machine's bus, its way to the files of this one, and what lies over it. */
const wanted = ['virtio_pci', '9pnet_virtio', '9p', 'overlay']

function runHere(file: string, args: string[], cwd = root): string {
  return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function packageOfThisDebian(): string {
  const name = /linux-image-\d\S*/.exec(runHere('apt-cache', ['depends', 'linux-image-amd64']))?.[0]
  if (name === undefined) throw new Error('apt-cache knows no linux-image-amd64: apt-get update')
  const present = () => readdirSync(folder).find((file) => file.startsWith(`${name}_`))
  if (present() === undefined) runHere('apt-get', ['download', name], folder)
  return join(folder, present()!)
}

/** Copies modules, and what they need before them, and writes down in which order. Some are part of the kernel. */
function copyModules(): void {
  // In newer packages all lies below /usr.
  const above = existsSync(join(kernel, 'lib/modules')) ? kernel : join(kernel, 'usr')
  const [version] = readdirSync(join(above, 'lib/modules'))
  const modules = join(above, 'lib/modules', version!)
  runHere('busybox', ['depmod', '-b', above, version!])
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
  for (const file of needs.keys()) if (wanted.includes(basename(file).split('.')[0]!)) add(file)
  for (const file of ordered) {
    cpSync(join(modules, file), join(initial, 'modules', basename(file)))
    if (file.endsWith('.xz')) runHere('busybox', ['unxz', basename(file)], join(initial, 'modules'))
  }
  const names = [...ordered].map((file) => basename(file, '.xz'))
  writeFileSync(join(initial, 'modules/order'), `${names.join('\n')}\n`)
}

const start = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
for each in $(cat /modules/order); do insmod /modules/$each; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro files /lower
mount -t tmpfs -o size=90% tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root
for each in proc sys dev; do mount --move /$each /root/$each; done
mkdir -p /root/dev/shm /root/dev/pts
for each in dev/shm run ${root.startsWith('/tmp/') ? '' : 'tmp'}; do mount -t tmpfs -o mode=1777 tmpfs /root/$each; done
mount -t devpts devpts /root/dev/pts
ln -s /proc/self/fd /root/dev/fd
ip link set lo up
cp /command /root/run/command
exec switch_root /root /bin/sh /run/command
`

/** The first thing that runs in the machine, and how it ends: the exit code goes to its second serial line. */
function writeCommand(): void {
  const quoted = command.args.map((each) => `'${each.replaceAll("'", "'\\''")}'`).join(' ')
  const lines = [
    'export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb',
    `cd '${root}'`,
    quoted,
  ]
  lines.push('echo $? > /dev/ttyS1', 'echo o > /proc/sysrq-trigger', 'sleep 60')
  writeFileSync(join(initial, 'command'), `${lines.join('\n')}\n`)
  writeFileSync(join(initial, 'init'), start, { mode: 0o755 })
}

function writeInitialFiles(): string {
  rmSync(initial, { recursive: true, force: true })
  for (const each of ['bin', 'dev', 'lower', 'modules', 'proc', 'root', 'sys', 'upper']) {
    mkdirSync(join(initial, each), { recursive: true })
  }
  cpSync(runHere('which', ['busybox']).trim(), join(initial, 'bin/busybox'), { dereference: true })
  copyModules()
  writeCommand()
  const archive = join(folder, 'initial.cpio')
  execFileSync('sh', ['-c', `find . | busybox cpio -o -H newc > '${archive}' 2> '${archive}.log'`], { cwd: initial })
  return archive
}

mkdirSync(folder, { recursive: true })
rmSync(kernel, { recursive: true, force: true })
runHere('dpkg', ['-x', options.package ?? packageOfThisDebian(), kernel])
const image = readdirSync(join(kernel, 'boot')).find((file) => file.startsWith('vmlinuz'))!
const status = join(folder, 'status')
rmSync(status, { force: true })
const machine = ['-machine', 'q35', '-cpu', 'max', '-accel', 'tcg,thread=multi', '-smp', '2', '-m', options.memory]
const devices = ['-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio', '-serial', `file:${status}`]
const files = 'local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap'
const boot = ['-kernel', join(kernel, 'boot', image), '-initrd', writeInitialFiles()]
const line = ['-append', 'console=ttyS0 panic=-1 quiet mitigations=off']
const { error } = spawnSync('qemu-system-x86_64', [...machine, ...devices, '-virtfs', files, ...boot, ...line], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
if (error !== undefined) throw error
const code = Number.parseInt(readFileSync(status, 'utf8'), 10)
if (Number.isNaN(code)) throw new Error('the machine ended before the command did')
process.exitCode = code
