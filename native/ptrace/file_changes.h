// What may have changed of a traced process's descriptors, and of what lies behind them.
//
// Whoever sees a system call that opens, closes, duplicates or changes descriptors marks that here; a capture asks, and
// reads the list again only then. Offsets move without a mark: reads and writes of files are too many to be seen.
//
// Some descriptors are *monitored*: calls on those are seen (monitored_calls.h). What comes of them is an event: from
// `low` on, the contents of an inode are no longer what they were; for a stream, `low` is 0 as soon as a byte has
// moved. Each event has a number, so that a snapshot, which notes the number of the last one, can ask what came later.
//
// It promises to err to one side: what is not marked has not changed. At first everything counts as changed.
#pragma once

#include <cstdint>
#include <span>

#include "system/growing_array.h"

namespace pagestore {

// Which calls on a descriptor are seen.
enum class Monitoring : uint8_t {
  none,
  positions,  // of a regular file whose offset is at its end: what writes elsewhere, and what sets the offset
  contents,   // of one whose offset is not: all that writes
  stream,     // all that moves bytes
};

class FileChanges {
 public:
  bool has_changed_descriptors() const { return has_changed_descriptors_; }
  void mark_descriptors_changed() { has_changed_descriptors_ = true; }
  void mark_known() { has_changed_descriptors_ = false; }

  Monitoring monitoring_of(int32_t number) const;
  // False when there is no memory.
  [[nodiscard]] bool set_monitoring(int32_t number, Monitoring monitoring);

  // An offset was set to somewhere inside: until the next capture or restore every call is seen, and a write counts by
  // its offset.
  void on_seek();
  bool needs_all_calls() const { return needs_all_calls_; }
  void on_monitored() { needs_all_calls_ = false; }

  // The number of the last event.
  uint64_t last_event() const { return last_event_; }
  void add_event(uint64_t device, uint64_t inode, uint64_t low);
  // The lowest byte that changed after that event; UINT64_MAX if none did.
  uint64_t lowest_since(uint64_t event, uint64_t device, uint64_t inode) const;

 private:
  struct Event {
    uint64_t device, inode, low, number;
  };
  struct Monitored {
    int32_t number;
    Monitoring monitoring;
  };

  bool has_changed_descriptors_ = true, needs_all_calls_ = false;
  uint64_t last_event_ = 0, lost_ = 0;  // no memory was left to note that event
  GrowingArray<Event> events_;
  GrowingArray<Monitored> monitored_;
};

}  // namespace pagestore
