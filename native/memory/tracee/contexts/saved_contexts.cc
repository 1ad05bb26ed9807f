#include "memory/tracee/contexts/saved_contexts.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "linux/unwind/unwinder.h"
#include "ptrace/registers.h"
#include "snapshot/page_table.h"
#include "snapshot/stored_bytes.h"

namespace pagestore {

namespace {

// How glibc encrypts what jmp_buf has: xor with a number beside the thread's own data, then a rotation. musl does not.
#if defined(__x86_64__)
constexpr uint64_t kGuard = 0x30;
constexpr int kRotation = 17;
// From the stack pointer that the kernel notes of an interrupted thread to the start of its note, and to what the
// handler returns to.
constexpr uint64_t kNoteBefore = 160, kReturnBefore = kNoteBefore + sizeof(uint64_t);
#else
constexpr uint64_t kGuard = 0;  // elsewhere, and not known
constexpr int kRotation = 0;
constexpr uint64_t kReturnBefore = 0;
#endif

constexpr uint64_t kWord = sizeof(uint64_t);
// How far above a stack pointer the return address may lie that a switch of stacks leaves there: behind the registers
// that a call preserves and the modes of floating-point numbers, which on arm64 are 21 words.
constexpr uint64_t kMostSaved = 24;
// How far behind a pointer a context is looked for: what it points to begins with something else.
constexpr uint64_t kMostBehind = 512 / kWord;

bool contains(const AddressRange& range, uint64_t address) {
  return address - range.start < range.length();
}

// What is tested at once.
constexpr size_t kBlock = 64;
// An address of a program has zeroes there. How many of its bits a rotation takes to the other end:
constexpr int kAddressBits = 47, kZeroBits = 64 - kAddressBits;
static_assert(kRotation == 0 || kRotation == kZeroBits);
// Ends so: nothing.
constexpr uint32_t kNoEnd = UINT32_MAX;

// musl has the thread's number where glibc has the guard, and errno behind it. The kernel gives no higher numbers, and
// has no higher errors. Of the guards, which are random, one of a billion looks the same.
bool is_thread_and_error(uint64_t word) {
  constexpr uint32_t kMostThreads = 1 << 22, kMostErrors = 4096;
  const auto thread = static_cast<uint32_t>(word), error = static_cast<uint32_t>(word >> 32);
  return thread > 0 && thread <= kMostThreads && error < kMostErrors;
}

// Whether the block may have a word whose upper half is `upper`, or with which an encrypted address ends: a few of its
// bits, of several words in one instruction. It says yes too often, but seldom.
bool may_have(const uint64_t* block, uint32_t upper, uint32_t encrypted_end) {
  uint32_t halves[2 * kBlock];
  memcpy(halves, block, sizeof(halves));
  uint32_t found = 0;
  for (const uint32_t half : halves) {
    const uint32_t end = half & ((uint32_t{1} << kZeroBits) - 1);
    found |= static_cast<uint32_t>(half == upper) | static_cast<uint32_t>(end == encrypted_end);
  }
  return found != 0;
}

std::span<const uint64_t> words_of(PageStores& stores, Child page) {
  if (page == Child::absent) return {};
  return {reinterpret_cast<const uint64_t*>(stores.pages.bytes(number_of(page))), page_size() / kWord};
}

}  // namespace

void SavedContexts::set_code(std::span<const std::byte> regions) {
  code_.clear();
  knows_code_ = true;
  RegionReader reader(regions);
  for (Region region; reader.next(&region);) {
    const bool is_code = region.permissions[2] == 'x';
    if (is_code) knows_code_ = knows_code_ && code_.append({region.start, region.end});
  }
}

bool SavedContexts::is_code(uint64_t address) const {
  if (!knows_code_) return true;
  const auto* next = std::upper_bound(code_.begin(), code_.end(), address,
                                      [](uint64_t at, const AddressRange& range) { return at < range.start; });
  return next != code_.begin() && contains(*(next - 1), address);
}

uint64_t SavedContexts::decrypted(uint64_t word) const {
  return encrypts_ ? std::rotr(word, kRotation) ^ guard_ : 0;
}

Status SavedContexts::set_guard(PageStores& stores, const PageTree& memory, uint64_t thread_area) {
  uint64_t guard = 0;
  if (kGuard != 0) {
    const auto bytes = std::as_writable_bytes(std::span(&guard, 1));
    if (Status status = read_memory(stores, memory, thread_area + kGuard, bytes); !status.is_ok()) return status;
  }
  const bool encrypts = kGuard != 0 && !is_thread_and_error(guard);
  if (!encrypts) guard = 0;
  is_known_ = is_known_ && encrypts == encrypts_ && guard == guard_;
  encrypts_ = encrypts;
  guard_ = guard;
  return Status::ok();
}

Status SavedContexts::add_stack(const AddressRange& stack) {
  if (stack.length() == 0 || stacks_.find_around(stack) != nullptr) return Status::ok();
  AddressRange added;
  if (!stacks_.add(stack, &added) || !new_.add(added, &added)) return Status::no_memory(sizeof(AddressRange));
  return Status::ok();
}

// Whether a word points to where stacks lie, encrypted or not: of several words in one instruction.
bool SavedContexts::has_pointer(const KnownStacks& stacks, std::span<const uint64_t> words) const {
  const AddressRange around = stacks.whole();
  uint64_t lowest = UINT64_MAX;
  for (const uint64_t word : words) lowest = std::min({lowest, word - around.start, decrypted(word) - around.start});
  return lowest < around.length();
}

// The lowest of the words that point into each stack, encrypted or not.
void SavedContexts::find_pointers(const KnownStacks& stacks, std::span<const uint64_t> words) {
  const uint32_t encrypted_end = encrypts_ ? static_cast<uint32_t>(guard_ >> kAddressBits) : kNoEnd;
  const std::span<const uint32_t> uppers = stacks.upper_halves();
  found_.clear();
  const auto note = [&](uint64_t address) {
    const AddressRange* stack = stacks.find(address);
    if (stack == nullptr) return;
    StackPointer* const known = std::find_if(found_.begin(), found_.end(),
                                             [&](const StackPointer& each) { return each.stack == stack->start; });
    if (known != found_.end())
      known->lowest = std::min(known->lowest, address);
    else
      fits_ = found_.append({stack->start, address}) && fits_;
  };
  for (size_t i = 0; i < words.size(); i += kBlock) {
    const bool may_point = uppers.empty() || std::any_of(uppers.begin(), uppers.end(), [&](uint32_t upper) {
                             return may_have(&words[i], upper, encrypted_end);
                           });
    if (!may_point || !has_pointer(stacks, words.subspan(i, kBlock))) continue;
    for (const uint64_t word : words.subspan(i, kBlock)) {
      note(word);
      if (encrypts_) note(decrypted(word));
    }
  }
}

// False when there is no memory. What is dead most of the time is looked at only when it is not.
bool SavedContexts::scan_page(const ChangedPage& page, const AddressRange& dead) {
  ++searched_pages_;
  auto* const at = std::lower_bound(unread_.begin(), unread_.end(), page.virtual_page);
  const bool was_unread = at != unread_.end() && *at == page.virtual_page;
  const auto index = static_cast<size_t>(at - unread_.begin());
  if (page.start() < dead.end + Registers::kRedZone && page.end() > dead.start) {
    if (was_unread) return true;
    if (!unread_.append(page.virtual_page)) return false;
    std::rotate(unread_.begin() + index, unread_.end() - 1, unread_.end());
    return true;
  }
  if (was_unread) unread_.erase(index, 1);
  find_pointers(stacks_, page.words);
  return pointers_.set(page.virtual_page, {found_.data(), found_.size()});
}

// In the memory that was looked at before, too.
Status SavedContexts::find_new_stacks(PageStores& stores, const PageTree& memory) {
  if (new_.all().empty()) return Status::ok();
  for (const AddressRange& each : new_.all()) pointers_.remove_overlapping(each);
  const auto search = [&](VirtualPage virtual_page, Child, Child page) {
    ++searched_pages_;
    find_pointers(new_, words_of(stores, page));
    fits_ = pointers_.set(virtual_page, {found_.data(), found_.size()}) && fits_;
    return Status::ok();
  };
  Status status = PageTables(stores).differences({}, memory, 0, UINT64_MAX, search);
  fits_ = pointers_.settle() && fits_;
  return fits_ || !status.is_ok() ? status : Status::no_memory(sizeof(StackPointer));
}

Status SavedContexts::update(PageStores& stores, const PageTree& memory, const AddressRange& dead) {
  fits_ = true;
  Status status = is_known_ ? find_new_stacks(stores, memory) : Status::ok();
  new_.clear();
  if (status.is_ok()) {
    const auto search = [&](VirtualPage virtual_page, Child, Child page) {
      fits_ = fits_ && scan_page({virtual_page, words_of(stores, page)}, dead);
      return Status::ok();
    };
    status = PageTables(stores).differences(kept_, memory, 0, UINT64_MAX, search);
  }
  fits_ = pointers_.settle() && fits_;
  OwnedTree ours;
  if (status.is_ok()) {
    status = fits_ ? OwnedTree::ref(stores, memory, &ours) : Status::no_memory(sizeof(StackPointer));
  }
  if (!status.is_ok()) {
    release(stores);
    return status;
  }
  replace(stores, &kept_, std::move(ours));
  is_known_ = true;
  return status;
}

void SavedContexts::release(PageStores& stores) {
  give_back(stores, &kept_);
  pointers_.clear();
  unread_.clear();
  is_known_ = false;
}

// For what leads into the dead part of one stack.
class SavedContexts::Search {
 public:
  Search(const SavedContexts& all, PageStores& stores, const PageTree& memory, MemoryReader& code)
      : all_(all), stores_(stores), memory_(memory), code_(code) {}

  Status run(const AddressRange& known, SearchedStack* stack) {
    dead_ = stack->dead;
    lowest_ = dead_.end;
    // What lies right below the stack pointer is no place for a context.
    const AddressRange left_out{dead_.start, dead_.end + Registers::kRedZone};
    for (const uint64_t value : stack->registers) {
      if (contains(dead_, value)) find_behind(value);
      if (contains(dead_, value) && has_return_address(value)) note(value);
    }
    const auto scan_page = [&](VirtualPage page) {
      const uint64_t start = page * page_size(), end = start + page_size();
      scan_range({start, std::clamp(left_out.start, start, end)});
      scan_range({std::clamp(left_out.end, start, end), end});
    };
    for (const PagePointer& each : all_.pointers_.of(known.start)) {
      if (each.lowest < dead_.end) scan_page(each.virtual_page);
    }
    for (const VirtualPage page : all_.unread_) scan_page(page);
    // Frames that turned out to be in use may lead to others.
    while (lowest_ < dead_.end) {
      const AddressRange more{lowest_, dead_.end};
      dead_.end = lowest_;
      scan_range(more);
    }
    stack->dead.end = std::max(dead_.start, dead_.end);
    return status_;
  }

 private:
  // Zeroes where it fails.
  void read(uint64_t address, std::span<uint64_t> words) {
    if (status_.is_ok()) status_ = read_memory(stores_, memory_, address, std::as_writable_bytes(words));
    if (!status_.is_ok()) std::fill(words.begin(), words.end(), 0);
  }
  uint64_t word_at(uint64_t address) {
    uint64_t word;
    read(address, std::span(&word, 1));
    return word;
  }

  // The frames of that context begin there.
  void note(uint64_t stack_pointer) {
    const uint64_t start =
        stack_pointer < Registers::kRedZone ? 0 : (stack_pointer - Registers::kRedZone) & ~(kWord - 1);
    lowest_ = std::min(lowest_, std::max(start, dead_.start));
  }

  void scan_range(const AddressRange& range) {
    for (uint64_t start = range.start; start < range.end;) {
      const VirtualPage page = start / page_size();
      const uint64_t end = std::min(range.end, (page + 1) * page_size());
      Child child = Child::absent;
      if (status_.is_ok()) status_ = PageTables(stores_).page_at(memory_, page, &child);
      const auto words = status_.is_ok() ? words_of(stores_, child) : std::span<const uint64_t>();
      if (!words.empty()) scan_range(start, words.subspan(start % page_size() / kWord, (end - start) / kWord));
      start = end;
    }
  }

  void scan_range(uint64_t start, std::span<const uint64_t> words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const uint64_t word = words[i];
      if (contains(dead_, word) || contains(dead_, all_.decrypted(word))) scan_word(start + i * kWord, word);
    }
  }

  void scan_word(uint64_t address, uint64_t word) {
    if (is_encrypted_context(address, word)) note(all_.decrypted(word));
    if (!contains(dead_, word)) return;
    if (has_return_address(word) || is_plain_context(address)) note(word);
    find_behind(word);
  }

  // jmp_buf of glibc: the stack pointer, then where the code goes on.
  bool is_encrypted_context(uint64_t address, uint64_t word) {
    if (!contains(dead_, all_.decrypted(word))) return false;
    return all_.is_code(all_.decrypted(word_at(address + kWord)));
  }

  // ucontext_t, and musl's jmp_buf: the same in the clear. Others have where the code goes on first: what
  // __builtin_setjmp fills, and small libraries.
  bool is_plain_context(uint64_t address) {
    if (all_.is_code(word_at(address + kWord))) return !is_of_handler(address);
    return all_.is_code(word_at(address - kWord));
  }

  // The kernel notes on the stack of a signal's handler what the signal interrupted. Of a handler that runs, this was
  // unwound; one that has ended leaves it behind.
  bool is_of_handler(uint64_t address) {
    return kReturnBefore > 0 && is_signal_return(code_, word_at(address - kReturnBefore));
  }

  // What a library leaves that switches stacks by itself. A stack that nobody ran on yet has the address of a function
  // there.
  bool has_return_address(uint64_t pointer) {
    if (pointer % kWord != 0) return false;
    uint64_t words[kMostSaved];
    read(pointer, words);
    return std::any_of(std::begin(words), std::end(words), [this](uint64_t word) { return all_.is_code(word); });
  }

  // A context in the dead part that a pointer leads to. In frames, a register that points into the stack may lie beside
  // a return address, too, but never below where it points.
  void find_behind(uint64_t pointer) {
    const uint64_t start = (pointer + kWord - 1) & ~(kWord - 1);
    uint64_t words[kMostBehind + 1];
    read(start, words);
    for (size_t i = 0; i < kMostBehind && contains(dead_, start + i * kWord); ++i) {
      const uint64_t address = start + i * kWord, decrypted = all_.decrypted(words[i]);
      const bool is_plain = contains(dead_, words[i]) && words[i] <= address && all_.is_code(words[i + 1]);
      const bool is_encrypted = contains(dead_, decrypted) && all_.is_code(all_.decrypted(words[i + 1]));
      if (is_plain || is_encrypted) note(std::min(pointer, is_encrypted ? decrypted : words[i]));
    }
  }

  const SavedContexts& all_;
  PageStores& stores_;
  const PageTree& memory_;
  MemoryReader& code_;
  AddressRange dead_{};
  uint64_t lowest_ = 0;  // where what is in use begins
  Status status_ = Status::ok();
};

Status SavedContexts::leave_in_use(PageStores& stores, const PageTree& memory, MemoryReader& code,
                                   SearchedStack* stack) {
  if (Status status = add_stack(stack->whole); !status.is_ok()) return status;
  if (!is_known_) release(stores);
  if (Status status = update(stores, memory, stack->dead); !status.is_ok()) return status;
  const AddressRange known = *stacks_.find_around(stack->whole);
  return Search(*this, stores, memory, code).run(known, stack);
}

}  // namespace pagestore
