#include "memory/tracee/file_monitor.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "linux/proc_file.h"
#include "memory/tracee/scratch.h"

namespace pagestore {

Monitoring monitoring_of_file(const OpenFile& file) {
  if (file.identity.is_outside != 0) return Monitoring::none;
  switch (file.identity.kind) {
    case FileKind::pipe:
    case FileKind::socket:
    case FileKind::terminal:
    case FileKind::other:
      return Monitoring::stream;
    case FileKind::regular: {
      if (!is_writable(file.identity)) return Monitoring::none;
      const bool appends = (file.settable_flags & O_APPEND) != 0 || file.position >= file.length;
      return appends ? Monitoring::positions : Monitoring::contents;
    }
    case FileKind::directory:
    case FileKind::stateless:
    case FileKind::path:
    case FileKind::event_count:
      return Monitoring::none;
  }
  return Monitoring::none;
}

Status FileMonitor::monitor(const OpenFiles& files, std::optional<RemoteAddress> scratch) {
  constexpr size_t kMost = 6;  // the filter must fit into a page
  MonitorRequest requests[kMost];
  size_t count = 0;
  FileChanges& changes = process_.file_changes();
  if (is_blind_ && process_.has_run()) assume_all(files);
  changes.on_monitored();
  for (const OpenFile& file : files.all()) {
    const Monitoring monitoring = monitoring_of_file(file);
    if (changes.monitoring_of(file.number) != monitoring && !changes.set_monitoring(file.number, monitoring)) {
      return Status::no_memory(sizeof(file));
    }
    if (monitoring == Monitoring::none || has_filter_for(file.number, monitoring)) continue;
    requests[count++] = {file.number, monitoring};
    if (count < kMost) continue;
    if (Status status = add_filter({requests, count}, scratch); !status.is_ok()) return status;
    count = 0;
  }
  return count == 0 ? Status::ok() : add_filter({requests, count}, scratch);
}

// What is monitored as a stream or for its contents is seen in every way that matters for positions, too.
bool FileMonitor::has_filter_for(int32_t number, Monitoring monitoring) const {
  if (!process_.has_filter() || is_blind_) return true;
  return std::any_of(added_.begin(), added_.end(), [&](const Added& each) {
    return each.number == number && (each.monitoring == monitoring ||
                                     (each.monitoring == Monitoring::contents && monitoring == Monitoring::positions));
  });
}

Status FileMonitor::add_filter(std::span<const MonitorRequest> requests, std::optional<RemoteAddress> scratch) {
  GrowingArray<std::byte> bytes;
  sock_fprog head{};
  if (!bytes.append(std::as_bytes(std::span(&head, 1))) || !make_monitor_filter(requests, &bytes)) {
    return Status::no_memory(bytes.size());
  }
  for (const MonitorRequest& each : requests) {
    if (!added_.append({each.number, each.monitoring})) return Status::no_memory(sizeof(Added));
  }
  is_blind_ = !scratch || count_filters() != filters_;
  if (is_blind_) return Status::ok();
  head.len = static_cast<unsigned short>((bytes.size() - sizeof(head)) / sizeof(sock_filter));
  head.filter = reinterpret_cast<sock_filter*>(scratch->value() + sizeof(head));
  memcpy(bytes.data(), &head, sizeof(head));
  int64_t result = 0;
  const SystemCall add{SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, scratch->value()}};
  Status status = call_with_bytes(process_, *scratch, add, {bytes.data(), bytes.size()}, &result);
  is_blind_ = result != 0;
  if (filters_ > 0) ++filters_;
  return status;
}

// The kernel says how many there are (Linux 5.9).
uint64_t FileMonitor::count_filters() const {
  GrowingArray<char> text;
  constexpr char kName[] = "Seccomp_filters:";
  if (!read_proc_file(process_.pid(), "/proc/PID/status", &text).is_ok() || !text.append('\0')) return 0;
  const char* found = strstr(text.data(), kName);
  return found != nullptr ? strtoull(found + strlen(kName), nullptr, 10) : 0;
}

void FileMonitor::assume_all(const OpenFiles& files) {
  for (const OpenFile& file : files.all()) {
    if (monitoring_of_file(file) == Monitoring::none) continue;
    process_.file_changes().add_event(file.identity.device, file.identity.inode, 0);
  }
}

}  // namespace pagestore
