/**
 * Which parts of a process's address space are its own: `/proc/PID/maps`, parsed and sorted out.
 */

/** A contiguous mapping of a process. */
export interface Region {
  start: bigint
  end: bigint
  permissions: string
  offset: bigint
  /** A file, a name in brackets that the kernel gave, or nothing. ` (deleted)` follows a file that is gone. */
  path: string
}

// `s`: a path may hold any character but a line feed, which the kernel writes as \012.
const line = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$/s

// Lent by the kernel: a clock that ticks by itself and code, the same in every process.
const kernelsOwn = /^\[(vvar|vdso|vsyscall|vectors|sigpage|uprobes)/

// Reading a device may do something, and private mappings of these two are ordinary memory.
const device = /^\/dev\/(?!shm\/|zero\b)/

export function parseMaps(text: string): Region[] {
  const regions: Region[] = []
  for (const each of text.split('\n')) {
    const [, start, end, permissions, offset, path] = line.exec(each) ?? []
    if (start === undefined || end === undefined || permissions === undefined) continue
    regions.push({
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      permissions,
      offset: BigInt(`0x${offset}`),
      path: path?.replaceAll('\\012', '\n') ?? '',
    })
  }
  return regions
}

/** Whether a region is memory that the process may read and shares with nobody. */
export function isPrivateMemory({ permissions, path }: Region): boolean {
  if (!/^r..p$/.test(permissions)) return false
  if (path.startsWith('/')) return !device.test(path)
  // What is left, like `anon_inode:[io_uring]`, belongs to the kernel.
  return isAnonymous(path) && !kernelsOwn.test(path)
}

/** Whether nothing lies behind a mapping of that path, so that a page never touched does not exist. */
export function isAnonymous(path: string): boolean {
  return path === '' || path.startsWith('[')
}
