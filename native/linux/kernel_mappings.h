// The mappings that the kernel lends to every process, or to processes of some machines: vdso and vvar, pages that
// stand at fixed addresses, pages of signal handling and of uprobes. They are the kernel's to change, no process
// unmaps them to good purpose, and a snapshot leaves them out.
#pragma once

#include <string_view>

#include "system/region.h"

namespace pagestore {

inline bool is_kernel_mapping(const Region& region) {
  // The start of each name: [vvar_vclock] is one, too.
  for (const std::string_view name : {"[vdso", "[vvar", "[vsyscall", "[vectors", "[sigpage", "[uprobes"}) {
    if (region.path.starts_with(name)) return true;
  }
  return false;
}

}  // namespace pagestore
