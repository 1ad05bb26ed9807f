// The mappings that the kernel lends to processes: the vdso and its data, calls and vectors at fixed addresses, the
// pages of signal handlers and of uprobes. They belong to the kernel, which alone changes them, so no snapshot takes
// them.
#pragma once

#include <string_view>

#include "system/region.h"

namespace pagestore {

inline bool is_kernel_mapping(const Region& region) {
  if (!region.path.starts_with('[')) return false;
  // Starts of names: [vvar_vclock] is one, too.
  for (const std::string_view name : {"[vdso", "[vvar", "[vsyscall", "[vectors", "[sigpage", "[uprobes"}) {
    if (region.path.starts_with(name)) return true;
  }
  return false;
}

}  // namespace pagestore
