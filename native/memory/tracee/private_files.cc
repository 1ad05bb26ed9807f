#include "memory/tracee/private_files.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <tuple>

#include "linux/mapped_file.h"

namespace pagestore {

namespace {

bool is_private_file(const Region& region) {
  return region.permissions[3] == 'p' && region.file.inode != 0 && !region.path.starts_with("/dev/zero");
}

// What nobody captures and nobody may write is a file that is only read.
bool may_be_written(const Region& region) {
  return region.permissions[3] == 's' && region.file.inode != 0 && (region.permissions[1] == 'w' || region.is_captured);
}

// As it was before the file lost it.
std::string_view without_mark(std::string_view path) {
  constexpr std::string_view kMark = " (deleted)";
  if (path.ends_with(kMark)) path.remove_suffix(kMark.size());
  return path;
}

}  // namespace

Status PrivateFiles::read(std::span<const std::byte> regions, uint64_t reading) {
  if (reading == reading_ || changed_[0] != '\0') return Status::ok();
  GrowingArray<Part> shared;
  mapped_.clear();
  paths_.clear();
  RegionReader reader(regions);
  for (Region region; reader.next(&region);) {
    Status status = Status::ok();
    if (is_private_file(region)) status = add(region, &mapped_);
    if (may_be_written(region)) status = add(region, &shared);
    if (!status.is_ok()) return status;
  }
  const auto is_before = [](const Part& a, const Part& b) {
    return std::tie(a.file, a.start) < std::tie(b.file, b.start);
  };
  std::sort(mapped_.begin(), mapped_.end(), is_before);
  std::sort(shared.begin(), shared.end(), is_before);
  find_shared({shared.data(), shared.size()});
  reading_ = reading;
  return Status::ok();
}

// Mappings of one file are listed one after another, as a rule.
Status PrivateFiles::add(const Region& region, GrowingArray<Part>* parts) {
  Part part{region.file, region.offset, region.offset + (region.end - region.start), 0, region.path.size()};
  if (!parts->empty() && path((*parts)[parts->size() - 1]) == region.path) {
    part.path = (*parts)[parts->size() - 1].path;
  } else {
    part.path = paths_.size();
    if (!paths_.append(std::span<const char>(region.path.data(), region.path.size()))) {
      return Status::no_memory(region.path.size());
    }
  }
  return parts->append(part) ? Status::ok() : Status::no_memory(sizeof(part));
}

// Of those that begin before a shared one, the one that reaches farthest.
void PrivateFiles::find_shared(std::span<const Part> shared) {
  const Part* next = mapped_.begin();
  const Part* farthest = nullptr;
  for (const Part& each : shared) {
    for (; next != mapped_.end() && std::tie(next->file, next->start) < std::tie(each.file, each.end); ++next) {
      const bool is_farther = farthest == nullptr || farthest->file != next->file || farthest->end < next->end;
      if (is_farther) farthest = next;
    }
    if (farthest != nullptr && farthest->file == each.file && farthest->end > each.start) {
      return set_changed(path(*farthest));
    }
  }
}

bool PrivateFiles::has(const FileIdentity& file) const {
  const Part* at = std::lower_bound(mapped_.begin(), mapped_.end(), file,
                                    [](const Part& each, const FileIdentity& wanted) { return each.file < wanted; });
  return at != mapped_.end() && at->file == file;
}

std::optional<bool> PrivateFiles::find(const WhichFile& file) const {
  if (mapped_.empty() || changed_[0] != '\0') return false;
  if (const auto known = identities_.find(file); known) return has(*known);
  return has(usual_identity(file.device, file.inode)) ? std::optional(true) : std::nullopt;
}

bool PrivateFiles::ask(const WhichFile& file, std::string_view path, const char* link) {
  const std::optional<FileIdentity> found = link != nullptr ? identities_.ask(file, link) : std::nullopt;
  if (found) return has(*found);
  return std::any_of(mapped_.begin(), mapped_.end(),
                     [&](const Part& each) { return without_mark(this->path(each)) == without_mark(path); });
}

bool PrivateFiles::may_have(const WhichFile& file, std::string_view path, const char* link) {
  const std::optional<bool> found = find(file);
  return found ? *found : ask(file, path, link);
}

// The file is opened only where it has to be asked.
void PrivateFiles::on_change(const KnownFiles& files, const KnownFile& file, const KnownFiles::Where& where) {
  const std::string_view path = files.path(file);
  std::optional<bool> is_mapped = find(file.identity);
  if (!is_mapped) {
    char link[64];
    const ScopedFd found = files.open(file, where, O_PATH);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", found.get());
    is_mapped = ask(file.identity, path, found.is_open() ? link : nullptr);
  }
  if (*is_mapped) set_changed(path);
}

void PrivateFiles::set_changed(std::string_view path) {
  if (changed_[0] == '\0') changed_[path.copy(changed_, sizeof(changed_) - 1)] = '\0';
}

}  // namespace pagestore
