#include "ptrace/auxiliary_vector.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "linux/proc_file.h"

namespace pagestore {

Status read_auxiliary_values(pid_t pid, AuxiliaryValues* values) {
  GrowingArray<char> bytes;
  if (Status status = read_proc_file(pid, "/proc/PID/auxv", &bytes); !status.is_ok()) return status;
  Elf64_auxv_t value;
  for (size_t i = 0; i + sizeof(value) <= bytes.size(); i += sizeof(value)) {
    memcpy(&value, bytes.data() + i, sizeof(value));
    if (value.a_type == AT_ENTRY) values->entry = RemoteAddress(value.a_un.a_val);
    if (value.a_type == AT_RANDOM) values->random = RemoteAddress(value.a_un.a_val);
  }
  return Status::ok();
}

namespace {

// Past the null pointer that ends the environment.
Status skip_pointers(const RemoteMemory& memory, RemoteAddress* address) {
  for (;;) {
    uint64_t words[64];
    size_t count = std::size(words);
    // The end of the stack is not far.
    while (!memory.read(*address, words, count * sizeof(*words)).is_ok()) {
      if (count == 1) return Status::refused(Error::address, address->value(), 0);
      count /= 2;
    }
    const uint64_t* end = std::find(words, words + count, 0);
    *address = *address + static_cast<uint64_t>(end - words) * sizeof(*words);
    if (end == words + count) continue;
    *address = *address + sizeof(*words);
    return Status::ok();
  }
}

}  // namespace

Status hide_kernel_functions(const RemoteMemory& memory, RemoteAddress stack) {
  uint64_t arguments;
  if (Status status = memory.read(stack, &arguments, sizeof(arguments)); !status.is_ok()) return status;
  RemoteAddress address = stack + (arguments + 2) * sizeof(uint64_t);
  if (Status status = skip_pointers(memory, &address); !status.is_ok()) return status;
  for (;; address = address + sizeof(Elf64_auxv_t)) {
    Elf64_auxv_t value;
    if (Status status = memory.read(address, &value, sizeof(value)); !status.is_ok()) return status;
    if (value.a_type == AT_NULL) return Status::ok();
    if (value.a_type != AT_SYSINFO_EHDR) continue;
    value = {AT_IGNORE, {0}};
    return memory.write(address, &value, sizeof(value));
  }
}

}  // namespace pagestore
