// Contexts that a program has saved: stack pointers in memory that is in use, with which it can go on in frames that
// lie below those of the running code.
//
// Coroutines can be made by calling deep into a stack and jumping back out (setjmp and longjmp), or with a piece of
// stack that nobody else reaches. Their frames lie below the stack pointer, and unwinding from there does not see them.
// What leads back to them does: a stack pointer beside the address of code (jmp_buf, where the C library encrypts both;
// ucontext_t; what __builtin_setjmp fills), or one by itself, in memory or in a register, with a return address among
// the first 24 words that it points to, as libraries leave them that switch stacks by themselves. A context may lie in
// such frames itself, and a pointer leads to it.
//
// What it takes for a context may be none: a pointer that was left behind looks the same. Then more counts than needs
// to. And it misses contexts, whose frames then do not count, so that states are taken for one that are not: a stack
// pointer that is encrypted otherwise, or lies at an odd address, or that only memory has which was not captured; one
// by itself whose return address lies further up, or that only a register of another thread has; on arm64 what glibc's
// setjmp leaves.
//
// It keeps which pages have words that point into which stacks, and looks again only at pages that changed; for a stack
// that was not known, at all pages once, for several together if they are added before. What is found is a function of
// memory, registers and code alone. It leaves to its caller: to have the stores' lock, to say when code was mapped, to
// set the guard, and to call `release` at the end.
#pragma once

#include "linux/memory_reader.h"
#include "memory/tracee/contexts/known_stacks.h"
#include "snapshot/page_tree.h"
#include "system/address_range.h"
#include "system/assert.h"
#include "system/growing_array.h"
#include "system/page_size.h"
#include "system/region.h"
#include "system/status.h"

namespace pagestore {

// A thread's stack, as far as contexts matter.
struct SearchedStack {
  AddressRange whole, dead;             // the latter is its lower part
  std::span<const uint64_t> registers;  // of the thread, that may have a stack pointer
};

class SavedContexts {
 public:
  ~SavedContexts() { PS_ASSERT(kept_ == PageTree{}); }

  // The regions of the program, as the bytes of a list.
  void set_code(std::span<const std::byte> regions);

  // What the C library encrypts with. It is the same in all threads; `thread_area` is that of the first one, as others
  // may have been made without the library. Where it is another number, all memory is looked through again.
  Status set_guard(PageStores& stores, const PageTree& memory, uint64_t thread_area);

  // A stack that is going to be searched.
  Status add_stack(const AddressRange& stack);
  // Of `stack.dead` only what lies below all contexts stays so. `code` reads the program.
  Status leave_in_use(PageStores& stores, const PageTree& memory, MemoryReader& code, SearchedStack* stack);

  void release(PageStores& stores);

  // How many pages were looked through so far: what all this costs.
  uint64_t searched_pages() const { return searched_pages_; }

 private:
  class Search;
  struct ChangedPage {
    VirtualPage virtual_page;
    std::span<const uint64_t> words;  // none of a page of zeroes

    uint64_t start() const { return virtual_page * page_size(); }
    uint64_t end() const { return start() + page_size(); }
  };
  bool is_code(uint64_t address) const;
  uint64_t decrypted(uint64_t word) const;
  bool has_pointer(const KnownStacks& stacks, std::span<const uint64_t> words) const;
  void find_pointers(const KnownStacks& stacks, std::span<const uint64_t> words);
  bool scan_page(const ChangedPage& page, const AddressRange& dead);
  Status find_new_stacks(PageStores& stores, const PageTree& memory);
  Status update(PageStores& stores, const PageTree& memory, const AddressRange& dead);

  bool knows_code_ = false;  // else all is taken for code
  GrowingArray<AddressRange> code_;
  bool encrypts_ = false;  // the C library does, with the guard
  uint64_t guard_ = 0;
  KnownStacks stacks_, new_;  // the latter were not looked for in the memory that is kept
  uint64_t searched_pages_ = 0;
  bool is_known_ = false;  // what the rest says
  PageTree kept_;          // the memory that was looked at
  PointersIntoStacks pointers_;
  GrowingArray<VirtualPage> unread_;  // pages that may have pointers into any stack, in rising order
  GrowingArray<StackPointer> found_;  // in the page at hand
  bool fits_ = true;                  // there was memory for all that was found
};

}  // namespace pagestore
