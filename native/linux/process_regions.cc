#include "linux/process_regions.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "linux/kernel_mappings.h"
#include "linux/proc_file.h"

namespace pagestore {

namespace {

constexpr std::string_view kFlags = "VmFlags:", kGrowsDown = " gd";
constexpr std::string_view kServedMissing = " um", kServedMinor = " ui", kReportsWrites = " uw", kSealed = " sl";

// The kernel writes a line feed in a path as \012.
bool unescape(std::string_view path, GrowingArray<char>* text) {
  constexpr std::string_view kLineFeed = "\\012";
  text->clear();
  if (!text->reserve(path.size())) return false;
  while (!path.empty()) {
    const bool is_line_feed = path.starts_with(kLineFeed);
    static_cast<void>(text->append(is_line_feed ? '\n' : path[0]));
    path.remove_prefix(is_line_feed ? kLineFeed.size() : 1);
  }
  return true;
}

// "start-end perms offset device inode    path"
bool parse(std::string_view line, Region* region) {
  char text[128];
  const size_t head = line.copy(text, sizeof(text) - 1);
  text[head] = '\0';
  int path = 0;
  char permissions[5];
  unsigned major = 0, minor = 0;
  if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4c %" SCNx64 " %x:%x %" SCNu64 " %n", &region->start, &region->end,
             permissions, &region->offset, &major, &minor, &region->file.inode, &path) < 7) {
    return false;
  }
  region->file.device = device_of(major, minor);
  memcpy(region->permissions, permissions, sizeof(region->permissions));
  region->path = path == 0 ? std::string_view() : line.substr(static_cast<size_t>(path));
  return true;
}

}  // namespace

namespace {

Status read_listed(pid_t pid, const char* name, RegionList* regions) {
  GrowingArray<char> text;
  if (Status status = read_proc_file(pid, name, &text); !status.is_ok()) return status;
  // A zombie, a kernel thread, and a process that is just ending have none.
  if (text.empty()) return Status::process_gone(pid, "has no memory: it has ended, or is a kernel thread");
  return parse_regions({text.data(), text.size()}, regions);
}

}  // namespace

Status read_regions_of(pid_t pid, RegionList* regions) {
  return read_listed(pid, "/proc/PID/maps", regions);
}

Status read_flagged_regions_of(pid_t pid, RegionList* regions) {
  return read_listed(pid, "/proc/PID/smaps", regions);
}

Status parse_regions(std::string_view text, RegionList* regions) {
  GrowingArray<char> path;
  Region region, next;
  bool has_region = false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with(kFlags) && has_region) {
      const auto has = [&](std::string_view flag) { return line.find(flag) != std::string_view::npos; };
      region.grows_down = has(kGrowsDown);
      region.is_served = has(kServedMissing) || has(kServedMinor);
      region.reports_writes = has(kReportsWrites);
      region.is_sealed = has(kSealed);
    }
    if (!parse(line, &next)) continue;
    if (Status status = has_region ? regions->add(region) : Status::ok(); !status.is_ok()) return status;
    region = next;
    has_region = true;
    if (!unescape(region.path, &path)) return Status::no_memory(region.path.size());
    region.path = {path.data(), path.size()};
  }
  return has_region ? regions->add(region) : Status::ok();
}

bool is_anonymous(const Region& region) {
  return region.permissions[3] != 's' && (region.path.empty() || region.path.starts_with('['));
}

bool is_zero_filled(const Region& region) {
  return is_anonymous(region) || (region.permissions[3] != 's' && region.path == "/dev/zero");
}

bool is_private_memory(const Region& region) {
  if (region.permissions[0] != 'r' || region.permissions[3] != 'p') return false;
  const std::string_view path = region.path;
  if (path.starts_with("/dev/")) return path.starts_with("/dev/shm/") || path.starts_with("/dev/zero");
  if (path.starts_with('/')) return true;
  // Anything else with a name, like `anon_inode:[io_uring]`, belongs to the kernel.
  return is_anonymous(region) && !is_kernel_mapping(region);
}

}  // namespace pagestore
