#include "linux/elf_class.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "linux/proc_file.h"

namespace pagestore {

bool is_32_bit_program(pid_t pid) {
  ScopedFd file;
  char head[EI_NIDENT];
  if (!open_proc_file(pid, "/proc/PID/exe", O_RDONLY, &file).is_ok()) return false;
  if (pread(file.get(), head, sizeof(head), 0) != static_cast<ssize_t>(sizeof(head))) return false;
  return memcmp(head, ELFMAG, SELFMAG) == 0 && head[EI_CLASS] == ELFCLASS32;
}

}  // namespace pagestore
