/**
 * Runs a command under the system call filter that containers have by default, without a container:
 * `node dist/scripts/container.js PROFILE command arguments...`
 *
 * The profiles are written after what is published: Docker's, which is also Kubernetes' RuntimeDefault with containerd
 * (github.com/moby/profiles, seccomp/default.json), with and without `--cap-add=SYS_PTRACE`; Podman's
 * (github.com/containers/common, pkg/seccomp/seccomp.json). Those say what is allowed; of the calls that we know, this says
 * what is left. Capabilities, namespaces and mounts are as outside.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemCallNumber } from '../lib/linux/system-calls.js'

/** What a profile refuses, and the last call that it knows. */
interface Profile {
  refused: string
  error: number
  last: string
}

const obsolete = `uselib ustat sysfs _sysctl create_module get_kernel_syms query_module nfsservctl getpmsg putpmsg
  afs_syscall tuxcall security vserver lookup_dcookie`
const administration = `vhangup acct settimeofday clock_settime swapon swapoff reboot sethostname setdomainname iopl
  ioperm init_module finit_module delete_module quotactl quotactl_fd kexec_load kexec_file_load add_key request_key
  migrate_pages move_pages set_mempolicy_home_node perf_event_open open_by_handle_at bpf uprobe`
const always = `${obsolete} ${administration} userfaultfd io_uring_setup io_uring_enter io_uring_register kcmp
  process_madvise lsm_get_self_attr lsm_set_self_attr lsm_list_modules`
const docker = `${always} syslog pivot_root mount umount2 mbind set_mempolicy get_mempolicy keyctl unshare setns
  fanotify_init open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr pidfd_getfd`

export const profiles = {
  docker: { refused: docker, error: constants.errno.EPERM, last: 'removexattrat' },
  // On a kernel that does not know all that newer ones answer.
  'docker-6.1': { refused: `${docker} fcntl`, error: constants.errno.EPERM, last: 'set_mempolicy_home_node' },
  'docker-ptrace': {
    refused: docker.replace(/\b(kcmp|process_madvise|pidfd_getfd)\b/g, ''),
    error: constants.errno.EPERM,
    last: 'removexattrat',
  },
  podman: { refused: `${always} vmsplice io_pgetevents`, error: constants.errno.EPERM, last: 'mount_setattr' },
} satisfies Record<string, Profile>

export type ProfileName = keyof typeof profiles

const source = fileURLToPath(new URL('../../test/programs/container.c', import.meta.url))

/** What to run, in front of a command: `program`, compiled of test/programs/container.c, with these arguments. */
export function argumentsFor(name: ProfileName): string[] {
  const { refused, error, last } = profiles[name]
  const numbers = refused.split(/\s+/).flatMap((each) => systemCallNumber(each) ?? [])
  return [systemCallNumber(last) ?? 0, error, ...numbers].map(String).concat('--')
}

function main([name = '', ...command]: string[]): void {
  if (!(name in profiles) || command.length === 0) {
    throw new Error(`usage: container ${Object.keys(profiles).join('|')} command arguments...`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'pagestore-container-'))
  const program = join(folder, 'container')
  execFileSync('cc', ['-O1', '-o', program, source], { stdio: 'inherit' })
  const { status } = spawnSync(program, [...argumentsFor(name as ProfileName), ...command], { stdio: 'inherit' })
  rmSync(folder, { recursive: true })
  process.exitCode = status ?? 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2))
