#include "linux/unwind/saved_vectors.h"

#if defined(__x86_64__)

#include <cpuid.h>

#include <array>

namespace pagestore {

namespace {

// The registers that all processors have, of which the last bytes are reserved; then what the kernel says of the whole;
// then which components hold anything; then those components.
constexpr uint64_t kReserved = 416, kNote = 464, kHeader = 512, kExtended = 576;
constexpr size_t kComponents = 63;

constexpr uint32_t kMagic = 0x46505853, kLastMark = sizeof(uint32_t);

struct VectorNote {
  uint32_t magic, length_with_mark;
  uint64_t components;
  uint32_t length;
};

// From the start of all.
struct Component {
  uint32_t start = 0, length = 0;
};
using Components = std::array<Component, kComponents>;

// Where they are depends on the processor alone.
const Components& components() {
  static const Components found = [] {
    constexpr uint32_t kExtendedState = 0xd;
    Components all;
    for (uint32_t i = 2; i < kComponents; ++i) {
      uint32_t length = 0, start = 0, flags = 0, unused = 0;
      if (__get_cpuid_count(kExtendedState, i, &length, &start, &flags, &unused) != 0) all[i] = {start, length};
    }
    return all;
  }();
  return found;
}

// The first of those in `set` from an offset on, or nothing at `end`.
Component next_component(uint64_t set, uint64_t from, uint32_t end) {
  Component next{end, 0};
  for (size_t i = 2; i < kComponents; ++i) {
    const Component& each = components()[i];
    if ((set >> i & 1) != 0 && each.length > 0 && each.start >= from && each.start < next.start) next = each;
  }
  return next;
}

}  // namespace

void SavedVectors::add_unwritten(Leftovers* leftovers) const {
  const auto components_end = static_cast<uint32_t>(length - kLastMark);
  leftovers->add(start + kReserved, start + kNote);
  for (uint64_t from = kExtended;;) {
    const Component next = next_component(written, from, components_end);
    leftovers->add(start + from, start + next.start);
    if (next.length == 0) return;
    from = next.start + next.length;
  }
}

bool read_saved_vectors(uint64_t start, MemoryReader& stack, SavedVectors* vectors) {
  VectorNote note;
  uint64_t in_use;
  if (!stack.read_value(start + kNote, &note) || note.magic != kMagic || note.length < kExtended ||
      note.length > UINT32_MAX - kLastMark || note.length_with_mark != note.length + kLastMark ||
      !stack.read_value(start + kHeader, &in_use)) {
    return false;
  }
  *vectors = {start, note.length_with_mark, note.components & in_use};
  return true;
}

}  // namespace pagestore

#endif
