#include "linux/open_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "linux/descriptor_copies.h"
#include "linux/file_systems.h"
#include "linux/kernel_compare.h"
#include "linux/proc_file.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

// As F_SETFL takes them. (O_LARGEFILE is of the C library's making: it differs between programs and means nothing.)
constexpr uint32_t kSettable = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;
constexpr uint32_t kLargeFile = 0100000;

constexpr uint64_t kHashStart = 0xcbf2'9ce4'8422'2325;
uint64_t hash(std::string_view text, uint64_t before) {
  for (const char each : text) before = (before ^ static_cast<uint8_t>(each)) * 0x0000'0100'0000'01b3;
  return before;
}

bool is_stateless_device(dev_t device) {
  constexpr unsigned kMemory = 1, kNull = 3, kZero = 5, kFull = 7, kRandom = 8, kUrandom = 9;
  const unsigned minor = minor(device);
  return major(device) == kMemory &&
         (minor == kNull || minor == kZero || minor == kFull || minor == kRandom || minor == kUrandom);
}

dev_t device_of_pipes() {
  int ends[2];
  struct stat status;
  if (pipe2(ends, O_CLOEXEC) != 0) return 0;
  const ScopedFd out(ends[0]), in(ends[1]);
  return read_file_status(out.get(), &status) == 0 ? status.st_dev : 0;
}

// A queue of messages looks like a file, but what is in it is taken out.
bool is_message_queue(const char* path, const struct stat& status) {
  constexpr off_t kLength = 80;
  constexpr auto kQueues = 0x1980'0202;
  struct statfs system;
  return S_ISREG(status.st_mode) && status.st_size == kLength && statfs(path, &system) == 0 && system.f_type == kQueues;
}

FileKind kind_of(const struct stat& status, uint32_t flags) {
  return (flags & O_PATH) != 0 ? FileKind::path : kind_of_file(status);
}

}  // namespace

FileKind kind_of_file(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      return FileKind::regular;
    case S_IFDIR:
      return FileKind::directory;
    case S_IFCHR:
      return is_stateless_device(status.st_rdev) ? FileKind::stateless : FileKind::terminal;
    case S_IFIFO:
      return FileKind::pipe;
    case S_IFSOCK:
      return FileKind::socket;
    default:
      return FileKind::other;
  }
}

namespace {

// Goes over the lines of /proc/PID/fdinfo/N.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  bool next(std::string_view* name, std::string_view* value) {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      const size_t colon = line.find_first_of(": ");
      if (colon == std::string_view::npos) continue;
      *name = line.substr(0, colon);
      const size_t start = line.find_first_not_of(": \t", colon);
      *value = start == std::string_view::npos ? std::string_view() : line.substr(start);
      return true;
    }
    return false;
  }

 private:
  std::string_view rest_;
};

uint64_t number_in(std::string_view text, int base) {
  char copy[32] = {};
  text.copy(copy, sizeof(copy) - 1);
  return strtoull(copy, nullptr, base);
}

// What the kernel tells of state that no offset is: the count of an eventfd, the timers, the members of sets. Not what
// changes by itself.
bool is_state(std::string_view name) {
  constexpr std::string_view kState[] = {"eventfd-count", "clockid", "ticks",  "settime",
                                         "it_interval",   "inotify", "sigmask"};
  return std::find(std::begin(kState), std::end(kState), name) != std::end(kState);
}

// The order of lines says nothing, so that what each of them says is added up.
void add_detail(std::string_view name, std::string_view value, OpenFile* file) {
  const uint64_t both = hash(value, hash(name, kHashStart));
  file->detail += both;
  file->lasting_detail += both;
}

// "1: FLOCK  ADVISORY  WRITE 1234 00:18:4337 0 EOF": neither its place in a list nor who took it, and on which file.
std::string_view lasting_part_of_lock(std::string_view lock, char (&part)[80]) {
  char kind[16] = "", mode[16] = "", access[16] = "", start[24] = "", end[24] = "", line[160];
  line[lock.copy(line, sizeof(line) - 1)] = '\0';
  sscanf(line, "%*s %15s %15s %15s %*s %*s %23s %23s", kind, mode, access, start, end);
  snprintf(part, sizeof(part), "%s %s %s %s %s", kind, mode, access, start, end);
  return part;
}

// "5 events: 80000019 data: …": with EPOLLET or EPOLLONESHOT.
bool is_reported_once(std::string_view member) {
  constexpr uint64_t kOnce = 1u << 31 | 1u << 30;
  constexpr std::string_view kEvents = "events:";
  const size_t at = member.find(kEvents);
  if (at == std::string_view::npos) return false;
  const size_t start = member.find_first_not_of(' ', at + kEvents.size());
  return start != std::string_view::npos && (number_in(member.substr(start), 16) & kOnce) != 0;
}

void read_line(std::string_view name, std::string_view value, OpenFile* file, uint32_t* flags) {
  if (name == "pos") {
    file->position = number_in(value, 10);
  } else if (name == "flags") {
    *flags = static_cast<uint32_t>(number_in(value, 8));
  } else if (name == "eventfd-id") {
    // All of them have one inode.
    file->identity.inode = number_in(value, 10);
    file->identity.kind = FileKind::event_count;
  } else if (name == "lock") {
    char part[80];
    add_detail(name, lasting_part_of_lock(value, part), file);
    file->has_lock = 1;
  } else if (name == "tfd") {
    file->detail += hash(value, kHashStart);
    file->lasting_detail += hash(value.substr(0, value.find("pos:")), kHashStart);
    if (is_reported_once(value)) file->has_edges = 1;
  } else if (is_state(name)) {
    add_detail(name, value, file);
  }
}

Status read_info(pid_t task, int32_t number, GrowingArray<char>* text) {
  constexpr size_t kPart = 1024;
  char name[48];
  snprintf(name, sizeof(name), "/proc/%d/fdinfo/%d", task, number);
  const ScopedFd file(open(name, O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return process_refused(task, "/proc/PID/fdinfo", errno);
  for (;;) {
    const size_t before = text->size();
    if (!text->resize(before + kPart)) return Status::no_memory(before + kPart);
    const ssize_t got = ::read(file.get(), text->data() + before, kPart);
    if (got < 0 && errno != EINTR) return process_refused(task, "/proc/PID/fdinfo", errno);
    static_cast<void>(text->resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0))));
    if (got == 0) return Status::ok();
  }
}

}  // namespace

bool needs_serial(const OpenFileIdentity& identity) {
  static const dev_t kPipes = device_of_pipes();
  switch (identity.kind) {
    case FileKind::terminal:
    case FileKind::event_count:
    case FileKind::other:
      return true;
    case FileKind::pipe:
      return identity.device != kPipes;  // one with a name can be opened again when it was empty
    case FileKind::regular:
    case FileKind::directory:
    case FileKind::stateless:
    case FileKind::kernel:
    case FileKind::path:
    case FileKind::socket:
      return false;
  }
  return false;
}

bool is_writable(const OpenFileIdentity& identity) {
  return identity.kind != FileKind::path && (identity.fixed_flags & O_ACCMODE) != O_RDONLY;
}

Status describe_file(pid_t task, int32_t number, OpenFile* file) {
  char path[64];
  struct stat status;
  snprintf(path, sizeof(path), "/proc/%d/fd/%d", task, number);
  if (read_file_status(path, &status) != 0) return process_refused(task, "/proc/PID/fd", errno);
  GrowingArray<char> text;
  if (Status got = read_info(task, number, &text); !got.is_ok()) return got;
  uint32_t flags = 0;
  *file = {};
  file->number = file->leader = number;
  file->identity.device = status.st_dev;
  file->identity.inode = status.st_ino;
  Lines lines({text.data(), text.size()});
  for (std::string_view name, value; lines.next(&name, &value);) read_line(name, value, file, &flags);
  file->closes_on_exec = (flags & O_CLOEXEC) != 0 ? 1 : 0;
  file->settable_flags = flags & kSettable;
  file->identity.fixed_flags = flags & ~(kSettable | kLargeFile | static_cast<uint32_t>(O_CLOEXEC));
  if (file->identity.kind != FileKind::event_count) file->identity.kind = kind_of(status, flags);
  if (is_message_queue(path, status)) file->identity.kind = FileKind::other;
  if (!has_position(file->identity.kind)) file->position = 0;
  if (file->identity.kind == FileKind::regular && is_writable(file->identity)) {
    if (!keeps_bytes(path)) file->identity.kind = FileKind::kernel;
  }
  if (file->identity.kind == FileKind::regular && is_writable(file->identity)) {
    file->length = static_cast<uint64_t>(status.st_size);
  }
  return Status::ok();
}

Status OpenFiles::read(pid_t task, const DescriptorCopies* copies, OpenFiles* files) {
  files->files_.clear();
  files->spans_.clear();
  files->paths_.clear();
  NumberDirectory directory;
  if (Status status = directory.open(task, "/proc/PID/fd"); !status.is_ok()) return status;
  for (int32_t number; directory.next(&number);) {
    if (Status status = files->add(task, number); !status.is_ok()) return status;
  }
  // The kernel lists them in rising order.
  return files->find_leaders(task, copies);
}

Status OpenFiles::add(pid_t task, int32_t number) {
  OpenFile file;
  if (Status status = describe_file(task, number, &file); !status.is_ok()) return status;
  char name[64], path[4096];
  snprintf(name, sizeof(name), "/proc/%d/fd/%d", task, number);
  const ssize_t length = readlink(name, path, sizeof(path));
  const PathSpan span{static_cast<uint32_t>(paths_.size()), length < 0 ? 0 : static_cast<uint32_t>(length)};
  if (paths_.append(std::span<const char>(path, span.length)) && spans_.append(span) && files_.append(file)) {
    return Status::ok();
  }
  return Status::no_memory(sizeof(file) + span.length);
}

// Descriptors of one open file agree in all but one flag. Where the kernel does not compare them, those that agree are
// taken for one. The kernel's answer is an order, so that many can be sorted.
Status OpenFiles::find_leaders(pid_t task, const DescriptorCopies* copies) {
  GrowingArray<uint32_t> order;
  if (!order.resize(files_.size())) return Status::no_memory(files_.size() * sizeof(uint32_t));
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto compare = [&](const OpenFile& a, const OpenFile& b) {
    if (const int order_of_identities = memcmp(&a.identity, &b.identity, sizeof(a.identity));
        order_of_identities != 0) {
      return order_of_identities;
    }
    if (a.position != b.position) return a.position < b.position ? -1 : 1;
    if (a.settable_flags != b.settable_flags) return a.settable_flags < b.settable_flags ? -1 : 1;
    return copies != nullptr ? copies->order(a.number, b.number) : order_files(task, a.number, task, b.number);
  };
  const auto is_before = [&](uint32_t a, uint32_t b) {
    const int result = compare(files_[a], files_[b]);
    return result != 0 ? result < 0 : a < b;
  };
  // Whatever the answers are, this ends.
  std::make_heap(order.begin(), order.end(), is_before);
  std::sort_heap(order.begin(), order.end(), is_before);
  for (size_t i = 1; i < order.size(); ++i) {
    const OpenFile& before = files_[order[i - 1]];
    OpenFile& file = files_[order[i]];
    if (compare(before, file) == 0) file.leader = before.leader;
  }
  return Status::ok();
}

const OpenFile* OpenFiles::find(int32_t number) const {
  const auto at = std::lower_bound(files_.begin(), files_.end(), number,
                                   [](const OpenFile& file, int32_t wanted) { return file.number < wanted; });
  return at != files_.end() && at->number == number ? at : nullptr;
}

std::string_view OpenFiles::path(const OpenFile& file) const {
  const OpenFile* found = find(file.number);
  if (found == nullptr) return {};
  const PathSpan& span = spans_[static_cast<size_t>(found - files_.begin())];
  return {paths_.data() + span.start, span.length};
}

Status OpenFiles::append_bytes(GrowingArray<std::byte>* bytes) const {
  const uint64_t sizes[] = {files_.size(), paths_.size()};
  const auto put = [bytes](auto span) { return bytes->append(std::as_bytes(span)); };
  const bool is_done = put(std::span(sizes)) && put(std::span(files_.data(), files_.size())) &&
                       put(std::span(spans_.data(), spans_.size())) && put(std::span(paths_.data(), paths_.size()));
  return is_done ? Status::ok() : Status::no_memory(files_.size() * sizeof(OpenFile) + paths_.size());
}

Status OpenFiles::read_bytes(std::span<const std::byte> bytes) {
  uint64_t sizes[2];
  const auto take = [&bytes](auto* to, size_t count) {
    const size_t length = count * sizeof(*to);
    if (length > 0) memcpy(to, bytes.data(), length);
    bytes = bytes.subspan(length);
  };
  take(sizes, 2);
  if (!files_.resize(sizes[0]) || !spans_.resize(sizes[0]) || !paths_.resize(sizes[1])) {
    return Status::no_memory(bytes.size());
  }
  take(files_.data(), files_.size());
  take(spans_.data(), spans_.size());
  take(paths_.data(), paths_.size());
  return Status::ok();
}

Status OpenFiles::copy_from(const OpenFiles& other) {
  files_.clear();
  spans_.clear();
  paths_.clear();
  const bool is_done = files_.append(other.all()) &&
                       spans_.append(std::span<const PathSpan>(other.spans_.data(), other.spans_.size())) &&
                       paths_.append(std::span<const char>(other.paths_.data(), other.paths_.size()));
  return is_done ? Status::ok() : Status::no_memory(other.paths_.size());
}

bool OpenFiles::has_same_files(const OpenFiles& other) const {
  return files_.size() == other.files_.size() &&
         (files_.empty() || memcmp(files_.data(), other.files_.data(), files_.size() * sizeof(OpenFile)) == 0);
}

}  // namespace pagestore
