// What may have changed of a traced process's descriptors, and of what lies behind them.
//
// Whoever sees a system call that opens, closes, duplicates or changes descriptors marks that here; a capture asks, and
// reads the list again only then. Offsets move without a mark: reads and writes of files are too many to be seen.
//
// Some descriptors are *monitored*: calls on those are seen (monitored_calls.h). What comes of them is an event: from
// `low` on, the contents of an open file are no longer what they were; for a stream, `low` is 0 as soon as its state is
// another. Each event has a number, so that a snapshot, which notes the number of the last one, can ask what came
// later.
//
// It promises to err to one side: what is not marked has not changed. At first everything counts as changed.
#pragma once

#include <cstdint>
#include <span>

#include "linux/open_files.h"
#include "ptrace/opened_files.h"
#include "system/growing_array.h"

namespace pagestore {

// Which calls on a descriptor are seen.
enum class Monitoring : uint8_t {
  none,
  positions,  // of a regular file whose offset is at its end: what writes elsewhere, and what sets the offset
  contents,   // of one whose offset is not: all that writes
  stream,     // all that moves bytes, or changes what the kernel keeps
  edges,      // of an epoll set, waits too: some of its members are reported once alone
  input,      // of a stream that was inherited: what is taken from it
};
constexpr bool is_stream(Monitoring monitoring) {
  return monitoring == Monitoring::stream || monitoring == Monitoring::edges;
}

// What an event is about: an open file, or several that nothing tells apart.
struct FileId {
  uint64_t device = 0, inode = 0;
  uint64_t serial = 0;  // as OpenFileIdentity has it

  bool operator==(const FileId&) const = default;
};
constexpr FileId id_of(const OpenFileIdentity& identity) {
  return {identity.device, identity.inode, identity.serial};
}
constexpr FileId id_of(const WhichFile& identity) {
  return {identity.device, identity.inode};
}

// A descriptor as it was at the last capture or restore, if its calls are seen or its open file has a serial number.
struct KnownDescriptor {
  int32_t number;
  Monitoring monitoring;
  FileKind kind;
  bool is_there;  // not closed since, nor given to another file
  FileId file;
};

// Whether a thread may have descriptors that others have not.
enum class OwnDescriptors : uint8_t {
  nobody,
  perhaps,  // its beginning was not seen
  asked,    // some thread asked for them
};

// Is told before something happens that a duplicate of ours would change.
class FileObserver {
 public:
  // The process is about to take a lock on an open file.
  virtual void before_lock(int32_t number) = 0;
  // The process, or one that it started, is about to become another program.
  virtual void before_exec() = 0;

 protected:
  virtual ~FileObserver() = default;
};

// Knows which files the process maps so that it may not see a change of theirs undone (private_files.h).
class MappedFiles {
 public:
  // At `link` it can be found. May say yes of others, too.
  virtual bool may_have(const WhichFile& file, std::string_view path, const char* link) = 0;

 protected:
  virtual ~MappedFiles() = default;
};

class FileChanges {
 public:
  // Outlives the threads' runs. None: null.
  void set_observer(FileObserver* observer) { observer_ = observer; }
  FileObserver* observer() const { return observer_; }
  void set_mapped_files(MappedFiles* mapped) { mapped_ = mapped; }
  MappedFiles* mapped_files() const { return mapped_; }

  bool has_changed_descriptors() const { return has_changed_descriptors_; }
  void mark_descriptors_changed() { has_changed_descriptors_ = true; }
  void mark_known() { has_changed_descriptors_ = false; }

  OwnDescriptors own_descriptors() const { return own_; }
  void set_own_descriptors(OwnDescriptors own) { own_ = own; }

  // In rising order of numbers. From then on a number says enough of a call.
  void set_known(GrowingArray<KnownDescriptor> known);
  std::span<const KnownDescriptor> known() const { return {known_.data(), known_.size()}; }
  // Null for a number that is not among them.
  const KnownDescriptor* find(int32_t number) const;
  bool has_monitored() const;
  Monitoring monitoring_of(int32_t number) const;
  // Descriptors from `first` to `last` are closed, or given to other files.
  void mark_closed(int32_t first, int32_t last);
  // One more number of an open file of the list. False when there is no memory.
  [[nodiscard]] bool add_known(const KnownDescriptor& descriptor);

  // Which uses of a number (monitored_calls.h) a filter stops the process at: one bit each. Filters stay.
  uint32_t filtered_uses(int32_t number) const;
  [[nodiscard]] bool add_filtered_uses(int32_t number, uint32_t uses);

  // An offset was set to somewhere inside: until the next capture or restore every call is seen, and a write counts by
  // its offset.
  void on_seek();
  // A monitored file got a number that no filter knows, or may have: until then a call counts for the file that its
  // number means by then.
  void on_duplicate() { needs_all_calls_ = has_new_numbers_ = true; }
  // A regular file was opened, by a number that no filter knows, so that it can be changed anywhere.
  void track(const FileId& file);
  bool is_tracked(const FileId& file) const;
  bool needs_all_calls() const { return needs_all_calls_; }
  bool has_new_numbers() const { return has_new_numbers_; }

  // What the process does to its files is seen no more: each run counts as if it had done everything.
  void mark_blind() { is_blind_ = true; }
  bool is_blind() const { return is_blind_; }
  void assume_all();

  // The number of the last event.
  uint64_t last_event() const { return last_event_; }
  // The number of the last one that was about this file; 0 if there was none.
  uint64_t last_event_on(const FileId& file) const;
  // Bytes from `low` to just before `end` may change by it.
  void add_event(const FileId& file, uint64_t low, uint64_t end = UINT64_MAX) { add({file, low, end, 0, false}); }
  // It was opened so that this may happen. If it is tracked, nothing has changed unless another event says so.
  void add_opening(const FileId& file, uint64_t low) { add({file, low, UINT64_MAX, 0, true}); }
  // The lowest byte that changed after that event; UINT64_MAX if none did.
  uint64_t lowest_since(uint64_t event, const FileId& file) const;

  struct Event {
    FileId file;
    uint64_t low, end, number;
    bool is_opening;  // and nothing more
  };
  // Calls `visit(event)` for each event on a file after that one, which is none before the last capture or restore.
  // False if one may be missing.
  template <typename Visit>
  bool for_each_since(uint64_t event, Visit visit) const {
    for (const Event& each : events_) {
      if (each.number > event) visit(each);
    }
    return lost_ <= event;
  }

  // What was opened so that it can change, whatever descriptors there are now.
  OpenedFiles& opened() { return opened_; }

  // Something was done that stays, whatever is restored: an event without an inode, and a path. Only the last is kept.
  void add_left(std::string_view path);
  uint64_t last_left() const { return left_; }
  std::string_view left_path() const { return left_path_; }

  // A process was started, which is an event without a file.
  void add_start() { started_ = ++last_event_; }
  uint64_t last_start() const { return started_; }

 private:
  struct Filtered {
    int32_t number;
    uint32_t uses;
  };
  static bool is_before_number(const Filtered& each, int32_t number) { return each.number < number; }
  KnownDescriptor* find_known(int32_t number);

  void add(Event event);
  void renew_event(const FileId& file);
  void thin_out(const FileId& file);

  FileObserver* observer_ = nullptr;
  MappedFiles* mapped_ = nullptr;
  OwnDescriptors own_ = OwnDescriptors::nobody;
  bool has_changed_descriptors_ = true, needs_all_calls_ = false, has_new_numbers_ = false, is_blind_ = false;
  uint64_t last_event_ = 0, lost_ = 0;  // no memory was left to note that event
  uint64_t settled_ = 0;                // the last event before the last capture or restore
  uint64_t left_ = 0, started_ = 0;
  char left_path_[200] = "";
  OpenedFiles opened_;
  GrowingArray<Event> events_;
  GrowingArray<KnownDescriptor> known_;
  GrowingArray<FileId> tracked_;
  GrowingArray<Filtered> filtered_;  // by their numbers, rising
};

}  // namespace pagestore
