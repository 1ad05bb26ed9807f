#include "ptrace/file_changes.h"

#include <algorithm>

namespace pagestore {

Monitoring FileChanges::monitoring_of(int32_t number) const {
  for (const Monitored& each : monitored_) {
    if (each.number == number) return each.monitoring;
  }
  return Monitoring::none;
}

bool FileChanges::set_monitoring(int32_t number, Monitoring monitoring) {
  for (Monitored& each : monitored_) {
    if (each.number != number) continue;
    each.monitoring = monitoring;
    return true;
  }
  return monitored_.append({number, monitoring});
}

void FileChanges::on_seek() {
  needs_all_calls_ = true;
  for (Monitored& each : monitored_) {
    if (each.monitoring == Monitoring::positions) each.monitoring = Monitoring::contents;
  }
}

// An earlier event that changed no lower byte says nothing more.
void FileChanges::add_event(uint64_t device, uint64_t inode, uint64_t low) {
  ++last_event_;
  for (size_t i = events_.size(); i-- > 0;) {
    const Event& event = events_[i];
    if (event.device == device && event.inode == inode && event.low >= low) events_.erase(i, 1);
  }
  if (!events_.append({device, inode, low, last_event_})) lost_ = last_event_;
}

uint64_t FileChanges::lowest_since(uint64_t event, uint64_t device, uint64_t inode) const {
  if (lost_ > event) return 0;
  uint64_t lowest = UINT64_MAX;
  for (const Event& each : events_) {
    if (each.number > event && each.device == device && each.inode == inode) lowest = std::min(lowest, each.low);
  }
  return lowest;
}

}  // namespace pagestore
