#include "ptrace/file_changes.h"

#include <algorithm>
#include <utility>

namespace pagestore {

void FileChanges::set_known(GrowingArray<KnownDescriptor> known) {
  known_ = std::move(known);
  tracked_.clear();
  needs_all_calls_ = has_new_numbers_ = false;
  settled_ = last_event_;
}

KnownDescriptor* FileChanges::find_known(int32_t number) {
  auto* const at = std::lower_bound(known_.begin(), known_.end(), number,
                                    [](const KnownDescriptor& each, int32_t wanted) { return each.number < wanted; });
  return at != known_.end() && at->number == number ? at : nullptr;
}

const KnownDescriptor* FileChanges::find(int32_t number) const {
  return const_cast<FileChanges*>(this)->find_known(number);
}

bool FileChanges::has_monitored() const {
  return std::any_of(known_.begin(), known_.end(),
                     [](const KnownDescriptor& each) { return each.monitoring != Monitoring::none; });
}

Monitoring FileChanges::monitoring_of(int32_t number) const {
  const KnownDescriptor* known = find(number);
  return known != nullptr ? known->monitoring : Monitoring::none;
}

void FileChanges::mark_closed(int32_t first, int32_t last) {
  for (KnownDescriptor& each : known_) {
    if (each.number >= first && each.number <= last) each.is_there = false;
  }
}

bool FileChanges::add_known(const KnownDescriptor& descriptor) {
  if (KnownDescriptor* there = find_known(descriptor.number); there != nullptr) {
    *there = descriptor;
    return true;
  }
  if (!known_.append(descriptor)) return false;
  for (size_t i = known_.size() - 1; i > 0 && known_[i - 1].number > known_[i].number; --i) {
    std::swap(known_[i - 1], known_[i]);
  }
  return true;
}

uint32_t FileChanges::filtered_uses(int32_t number) const {
  const Filtered* at = std::lower_bound(filtered_.begin(), filtered_.end(), number, is_before_number);
  return at != filtered_.end() && at->number == number ? at->uses : 0;
}

bool FileChanges::add_filtered_uses(int32_t number, uint32_t uses) {
  Filtered* at = std::lower_bound(filtered_.begin(), filtered_.end(), number, is_before_number);
  if (at != filtered_.end() && at->number == number) {
    at->uses |= uses;
    return true;
  }
  const auto index = static_cast<size_t>(at - filtered_.begin());
  if (!filtered_.append({number, uses})) return false;
  std::rotate(filtered_.begin() + index, filtered_.end() - 1, filtered_.end());
  return true;
}

void FileChanges::on_seek() {
  needs_all_calls_ = true;
  for (KnownDescriptor& each : known_) {
    if (each.monitoring == Monitoring::positions) each.monitoring = Monitoring::contents;
  }
}

void FileChanges::track(const FileId& file) {
  on_duplicate();
  if (!is_tracked(file) && !tracked_.append(file)) lost_ = ++last_event_;
}

bool FileChanges::is_tracked(const FileId& file) const {
  return std::find(tracked_.begin(), tracked_.end(), file) != tracked_.end();
}

void FileChanges::assume_all() {
  for (const KnownDescriptor& each : known_) {
    if (each.monitoring != Monitoring::none) add_event(each.file, 0);
  }
}

// An event says nothing more if there is one that changed all of its bytes and no snapshot lies between; nor does an
// earlier one that changed some of these. Of what snapshots have settled only the lowest byte is asked for.
void FileChanges::add(Event added) {
  added.number = ++last_event_;
  if (lost_ > settled_) return;
  for (const Event& each : events_) {
    const bool covers = each.low <= added.low && added.end <= each.end && (!each.is_opening || added.is_opening);
    if (each.number > settled_ && each.file == added.file && covers) return renew_event(added.file);
  }
  for (size_t i = events_.size(); i-- > 0;) {
    const Event& event = events_[i];
    const bool says_more = event.end > added.end || (added.is_opening && !event.is_opening);
    const bool is_covered = event.low >= added.low && (event.number <= settled_ || !says_more);
    if (event.file == added.file && is_covered) events_.erase(i, 1);
  }
  if (!events_.append(added)) lost_ = last_event_;
  thin_out(added.file);
}

// Of too many on one file the earliest two become one, which says that the bytes of both changed at the later of them.
void FileChanges::thin_out(const FileId& file) {
  constexpr auto kMost = 1000;
  const auto is_on_it = [&](const Event& each) { return each.file == file; };
  if (std::count_if(events_.begin(), events_.end(), is_on_it) <= kMost) return;
  Event* const first = std::find_if(events_.begin(), events_.end(), is_on_it);
  Event* const second = std::find_if(first + 1, events_.end(), is_on_it);
  second->low = std::min(first->low, second->low);
  second->end = std::max(first->end, second->end);
  second->number = std::max(first->number, second->number);
  second->is_opening = first->is_opening && second->is_opening;
  events_.erase(static_cast<size_t>(first - events_.data()), 1);
}

uint64_t FileChanges::last_event_on(const FileId& file) const {
  uint64_t last = lost_;
  for (const Event& each : events_) {
    if (each.file == file) last = std::max(last, each.number);
  }
  return last;
}

void FileChanges::renew_event(const FileId& file) {
  for (Event& each : events_) {
    if (each.number > settled_ && each.file == file) each.number = last_event_;
  }
}

void FileChanges::add_left(std::string_view path) {
  left_ = ++last_event_;
  left_path_[path.copy(left_path_, sizeof(left_path_) - 1)] = '\0';
}

uint64_t FileChanges::lowest_since(uint64_t event, const FileId& file) const {
  if (lost_ > event) return 0;
  uint64_t lowest = UINT64_MAX;
  for (const Event& each : events_) {
    if (each.number > event && each.file == file) lowest = std::min(lowest, each.low);
  }
  return lowest;
}

}  // namespace pagestore
