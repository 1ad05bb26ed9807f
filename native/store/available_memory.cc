#include "store/available_memory.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

namespace pagestore {

namespace {

constexpr size_t kMostText = 4096;

// The lines of a small file.
class Lines {
 public:
  explicit Lines(const char* path) : file_(fopen(path, "re")) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() {
    if (file_ != nullptr) fclose(file_);
  }

  // Without the line feed. False at the end.
  bool next(std::string_view* line) {
    if (file_ == nullptr || fgets(text_, sizeof(text_), file_) == nullptr) return false;
    *line = {text_, strcspn(text_, "\n")};
    text_[line->size()] = '\0';
    return true;
  }

 private:
  FILE* file_;
  char text_[kMostText];
};

// The number behind `key` at the start of a line of a file; UINT64_MAX without one, and for "max".
uint64_t read_number(const char* path, std::string_view key) {
  uint64_t number = UINT64_MAX;
  Lines lines(path);
  for (std::string_view line; lines.next(&line);) {
    if (!line.starts_with(key)) continue;
    if (sscanf(line.data() + key.size(), "%" SCNu64, &number) == 1) return number;
  }
  return UINT64_MAX;
}

// Of the lines that begin with one of `keys`.
uint64_t read_sum(const char* path, std::span<const std::string_view> keys) {
  uint64_t sum = 0;
  Lines lines(path);
  for (std::string_view line; lines.next(&line);) {
    uint64_t number = 0;
    for (const std::string_view key : keys) {
      if (line.starts_with(key) && sscanf(line.data() + key.size(), "%" SCNu64, &number) == 1) sum += number;
    }
  }
  return sum;
}

uint64_t available_on_machine() {
  const uint64_t kibibytes = read_number("/proc/meminfo", "MemAvailable:");
  return kibibytes > UINT64_MAX >> 10 ? UINT64_MAX : kibibytes << 10;
}

// How the two versions of cgroups call the same things.
struct Version {
  std::string_view file_system;
  const char *limit, *usage;
  std::array<std::string_view, 3> droppable;  // in memory.stat: caches
};
constexpr Version kFirst{"cgroup",
                         "memory.limit_in_bytes",
                         "memory.usage_in_bytes",
                         {"total_inactive_file ", "total_active_file ", "total_slab_reclaimable "}};
constexpr Version kSecond{
    "cgroup2", "memory.max", "memory.current", {"inactive_file ", "active_file ", "slab_reclaimable "}};

// The n-th of the fields that spaces part, from 0 on.
std::string_view field(std::string_view line, size_t n) {
  for (; n > 0 && !line.empty(); --n) line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  return line.substr(0, line.find(' '));
}

// A folder's path, which becomes that of the folder above it.
class Folder {
 public:
  bool set(std::string_view mount, std::string_view below) {
    if (mount.size() + below.size() >= sizeof(path_)) return false;
    mount_ = mount.copy(path_, mount.size());
    length_ = mount_ + below.copy(path_ + mount_, below.size());
    while (length_ > mount_ && path_[length_ - 1] == '/') --length_;
    return true;
  }
  bool is_mount() const { return length_ <= mount_; }
  void go_up() {
    while (length_ > mount_ && path_[length_ - 1] != '/') --length_;
    while (length_ > mount_ && path_[length_ - 1] == '/') --length_;
  }
  uint64_t read(const char* name) const { return read_number(Path(*this, name).text, ""); }
  uint64_t read_sum_of(const char* name, std::span<const std::string_view> keys) const {
    return read_sum(Path(*this, name).text, keys);
  }

 private:
  struct Path {
    Path(const Folder& folder, const char* name) {
      snprintf(text, sizeof(text), "%.*s/%s", static_cast<int>(folder.length_), folder.path_, name);
    }
    char text[kMostText + 64];
  };

  char path_[kMostText];
  size_t mount_ = 0, length_ = 0;
};

// "36 35 98:0 /root /mount options fields… - type source options"
bool find_folder(const Version& version, std::string_view group, Folder* folder) {
  constexpr std::string_view kSeparator = " - ";
  Lines lines("/proc/self/mountinfo");
  for (std::string_view line; lines.next(&line);) {
    const size_t end = line.find(kSeparator);
    if (end == std::string_view::npos) continue;
    const std::string_view rest = line.substr(end + kSeparator.size());
    const bool has_memory = &version == &kSecond || field(rest, 2).find("memory") != std::string_view::npos;
    if (field(rest, 0) != version.file_system || !has_memory) continue;
    const std::string_view root = field(line, 3), mount = field(line, 4);
    // Of a container's own mount, the root is the container's group.
    const bool is_below = root != "/" && group.starts_with(root);
    const std::string_view below = is_below ? group.substr(root.size()) : root == "/" ? group : std::string_view();
    return folder->set(mount, below.starts_with("/..") ? std::string_view() : below);
  }
  return false;
}

// What a group and those above it leave.
uint64_t available_in(const Version& version, std::string_view group) {
  Folder folder;
  uint64_t least = UINT64_MAX;
  if (!find_folder(version, group, &folder)) return least;
  for (bool is_last = false; !is_last; folder.go_up()) {
    is_last = folder.is_mount();
    const uint64_t limit = folder.read(version.limit), usage = folder.read(version.usage);
    if (limit >= UINT64_MAX >> 2 || usage == UINT64_MAX) continue;
    const uint64_t used = usage - std::min(folder.read_sum_of("memory.stat", version.droppable), usage);
    // Something has to be left for all else that this process does.
    const uint64_t reserve = std::min<uint64_t>(limit / 16, 32 << 20);
    least = std::min(least, limit - std::min(limit, used + reserve));
  }
  return least;
}

// "id:controllers:path"
uint64_t available_in_groups() {
  uint64_t least = UINT64_MAX;
  char group[kMostText];
  Lines lines("/proc/self/cgroup");
  for (std::string_view line; lines.next(&line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool is_second = controllers.empty();
    const bool has_memory = controllers == "memory" || controllers.starts_with("memory,") ||
                            controllers.find(",memory") != std::string_view::npos;
    if (!is_second && !has_memory) continue;
    const std::string_view path(group, line.substr(second + 1).copy(group, sizeof(group)));
    least = std::min(least, available_in(is_second ? kSecond : kFirst, path));
  }
  return least;
}

}  // namespace

uint64_t available_memory() {
  return std::min(available_on_machine(), available_in_groups());
}

}  // namespace pagestore
