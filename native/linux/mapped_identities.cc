#include "linux/mapped_identities.h"

#include <algorithm>
#include <iterator>

#include "linux/file_systems.h"
#include "linux/mapped_file.h"

namespace pagestore {

std::optional<FileIdentity> MappedIdentities::find(const WhichFile& file) const {
  const bool is_usual = std::find(std::begin(usual_), std::end(usual_), file.device) != std::end(usual_);
  if (is_usual) return usual_identity(file.device, file.inode);
  for (const Known& each : known_) {
    if (each.file == file && file.inode != 0) return each.mapped;
  }
  return std::nullopt;
}

std::optional<FileIdentity> MappedIdentities::ask(const WhichFile& file, const char* path) {
  if (const auto known = find(file); known) return known;
  const std::optional<FileIdentity> mapped = mapped_identity(path);
  if (!mapped) return mapped;
  if (*mapped == usual_identity(file.device, file.inode) && !has_layers(path)) {
    usual_[next_usual_++ % kMostUsual] = file.device;
  } else if (known_.size() == kMostKnown) {
    known_[next_known_++ % kMostKnown] = {file, *mapped};
  } else {
    static_cast<void>(known_.append({file, *mapped}));  // without room it is asked again
  }
  return mapped;
}

}  // namespace pagestore
