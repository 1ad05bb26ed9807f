// What a system call that a thread has entered does to open files, if its result says that it did.
//
// Kept with the call until its exit is seen: by then its descriptors may mean other files, and registers other things.
#pragma once

#include <cstdint>
#include <optional>

#include "ptrace/file_changes.h"

namespace pagestore {

// Which results say that something happened.
enum class Evidence : uint8_t {
  bytes,         // more than none: what only waited, or found the end, has moved nothing
  messages,      // the same, but an empty message is one, too; what finds the end of a connection moves nothing
  no_refusal,    // whatever is not a refusal of the call as such: an error that a socket kept is gone once it was told
  connection,    // the same, but what is interrupted goes on by itself
  success,       // no error
  socket_error,  // the call has stored one that was there, where its argument points to
};

struct FileEffect {
  FileId file;
  uint64_t low;  // the first byte that may change
};

struct CallEffects {
  static constexpr uint8_t kMost = 2;

  FileEffect all[kMost] = {};
  uint8_t count = 0;
  Evidence evidence = Evidence::bytes;
  int32_t number = -1;   // the descriptor that `messages` came from
  uint64_t pointer = 0;  // for `socket_error`
  // A call that makes, renames or removes a file, whatever else it does; −1 if it does not. Its arguments, and when it
  // was entered (file_clock.h).
  int64_t names_call = -1;
  uint64_t names_began = 0;
  uint64_t names[4] = {};
  // A call that opens a file so that it can change.
  std::optional<Opening> opening;
  // Numbers that are closed, or given to other files; none if the first is behind the last.
  int32_t closed_first = 0, closed_last = -1;

  bool needs_exit() const { return count > 0 || names_call >= 0 || opening || closed_first <= closed_last; }

  void add(const FileId& file, uint64_t low) {
    if (count < kMost) all[count++] = {file, low};
  }
};

}  // namespace pagestore
