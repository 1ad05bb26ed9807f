#include "memory/tracee/file_monitor.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "linux/proc_file.h"
#include "memory/tracee/scratch.h"

namespace pagestore {

namespace {

// What is taken out of it is seen by nobody else.
bool gives_input(const OpenFileIdentity& identity) {
  const bool is_kept = identity.kind == FileKind::pipe || identity.kind == FileKind::socket ||
                       identity.kind == FileKind::terminal || identity.kind == FileKind::other;
  return is_kept && (identity.fixed_flags & O_ACCMODE) != O_WRONLY;
}

}  // namespace

Monitoring monitoring_of_file(const OpenFile& file) {
  if (file.identity.is_outside != 0) return gives_input(file.identity) ? Monitoring::input : Monitoring::none;
  switch (file.identity.kind) {
    case FileKind::pipe:
    case FileKind::socket:
    case FileKind::terminal:
    case FileKind::other:
      return file.has_edges != 0 ? Monitoring::edges : Monitoring::stream;
    case FileKind::regular: {
      if (!is_writable(file.identity)) return Monitoring::none;
      const bool appends = (file.settable_flags & O_APPEND) != 0 || file.position >= file.length;
      return appends ? Monitoring::positions : Monitoring::contents;
    }
    case FileKind::kernel:
      return Monitoring::contents;
    case FileKind::directory:
    case FileKind::stateless:
    case FileKind::path:
    case FileKind::event_count:
      return Monitoring::none;
  }
  return Monitoring::none;
}

Status FileMonitor::monitor(const OpenFiles& files, std::optional<RemoteAddress> scratch) {
  GrowingArray<KnownDescriptor> known;
  FileChanges& changes = process_.file_changes();
  for (const OpenFile& file : files.all()) {
    const Monitoring monitoring = monitoring_of_file(file);
    if (monitoring == Monitoring::none && file.identity.serial == 0) continue;
    const FileKind kind = file.identity.kind;
    if (!known.append({file.number, monitoring, kind, true, id_of(file.identity)})) {
      return Status::no_memory(sizeof(KnownDescriptor));
    }
  }
  Status status = Status::ok();
  if (process_.has_filter() && !changes.is_blind()) status = add_filters({known.data(), known.size()}, scratch);
  if (status.is_ok()) changes.set_known(std::move(known));
  return status;
}

Status FileMonitor::add_filters(std::span<const KnownDescriptor> known, std::optional<RemoteAddress> scratch) {
  MonitorRequest requests[kMostMonitorRequests];
  size_t count = 0;
  for (const KnownDescriptor& each : known) {
    const uint32_t uses = seen_uses(each.monitoring) & ~process_.file_changes().filtered_uses(each.number);
    if (uses != 0) requests[count++] = {each.number, uses};
    if (count < kMostMonitorRequests) continue;
    if (Status status = add_filter({requests, count}, scratch); !status.is_ok()) return status;
    count = 0;
  }
  return count == 0 ? Status::ok() : add_filter({requests, count}, scratch);
}

Status FileMonitor::add_filter(std::span<const MonitorRequest> requests, std::optional<RemoteAddress> scratch) {
  FileChanges& changes = process_.file_changes();
  GrowingArray<std::byte> bytes;
  sock_fprog head{};
  if (!bytes.append(std::as_bytes(std::span(&head, 1))) || !make_monitor_filter(requests, &bytes)) {
    return Status::no_memory(bytes.size());
  }
  if (changes.is_blind()) return Status::ok();
  if (!scratch || count_filters() != filters_) {
    changes.mark_blind();
    return Status::ok();
  }
  head.len = static_cast<unsigned short>((bytes.size() - sizeof(head)) / sizeof(sock_filter));
  head.filter = reinterpret_cast<sock_filter*>(scratch->value() + sizeof(head));
  memcpy(bytes.data(), &head, sizeof(head));
  int64_t result = 0;
  const SystemCall add{SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, scratch->value()}};
  if (Status status = call_with_bytes(process_, {*scratch}, add, {bytes.data(), bytes.size()}, &result);
      !status.is_ok()) {
    return status;
  }
  if (result != 0) {
    changes.mark_blind();
    return Status::ok();
  }
  if (filters_ > 0) ++filters_;
  for (const MonitorRequest& each : requests) {
    if (!changes.add_filtered_uses(each.number, each.uses)) return Status::no_memory(sizeof(each));
  }
  return Status::ok();
}

// The kernel says how many there are (Linux 5.9).
uint64_t FileMonitor::count_filters() const {
  GrowingArray<char> text;
  constexpr char kName[] = "Seccomp_filters:";
  if (!read_proc_file(process_.live_thread(), "/proc/PID/status", &text).is_ok() || !text.append('\0')) return 0;
  const char* found = strstr(text.data(), kName);
  return found != nullptr ? strtoull(found + strlen(kName), nullptr, 10) : 0;
}

}  // namespace pagestore
