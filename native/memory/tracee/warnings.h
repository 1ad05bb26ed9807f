// What the user should know beside what a call says: a sentence of each kind, each kind once.
//
// It leaves to its caller: to take them, and what it takes to be passed on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pagestore {

enum class WarningKind : uint8_t {
  outside,        // what was written to a stream that the host passed on stays
  input,          // what was taken from one is not given back
  ignored,        // descriptors are not as they were: files are ignored
  names,          // what calls of the program did to names, mappings and files of the kernel stays
  private_files,  // a file that is mapped privately changes
  threads,        // a thread has descriptors of its own: files are ignored
  processes,      // what processes that the program has started did stays
};
constexpr size_t kWarningKinds = static_cast<size_t>(WarningKind::processes) + 1;

class Warnings {
 public:
  struct Warning {
    WarningKind kind;
    std::string_view text;
  };

  // Whether there ever was one of that kind.
  bool had(WarningKind kind) const { return (had_ & bit_of(kind)) != 0; }
  // The first of its kind; others are dropped.
  __attribute__((format(printf, 3, 4))) void add(WarningKind kind, const char* format, ...);
  // One that was not taken, if there is any.
  std::optional<Warning> take();

 private:
  static uint32_t bit_of(WarningKind kind) { return uint32_t{1} << static_cast<unsigned>(kind); }

  uint32_t had_ = 0, waiting_ = 0;
  char texts_[kWarningKinds][400];
};

}  // namespace pagestore
