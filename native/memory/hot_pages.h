// The hot pages of a memory: those that stay unprotected because they are written all the time, and are compared
// at each capture instead. A fault at each write costs more than a comparison.
//
// A page becomes hot by being written: the kernel lifts its write-protection, every scan then finds it dirty, and
// each round (a capture, or a restore that compares) counts it here. Once it was equal in three rounds in a row, it
// has cooled, and is to be write-protected again, so that the next scans do not find it. To protect a few pages one by
// one is cheaper than a scan that protects all dirty ones: those of them that are written again would fault.
//
// A round lists its pages in rising order and takes effect when it ends: one that failed is never ended, and the
// next begins from the same counts. The lists are only a matter of speed: where there is no memory for them, pages
// are counted from zero. It leaves to its caller: to count dirty pages only, and to write-protect cooled pages when
// that loses no write.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "system/assert.h"
#include "system/growing_array.h"
#include "system/status.h"
#include "system/virtual_page.h"

namespace pagestore {

class HotPages {
 public:
  void begin_round() {
    counted_.clear();
    next_ = 0;
  }

  // `is_equal`: the page was dirty, and is as it was at the end of the last round.
  void count(VirtualPage page, bool is_equal) {
    PS_ASSERT(counted_.empty() || counted_[counted_.size() - 1].page < page);
    while (next_ < pages_.size() && pages_[next_].page < page) ++next_;
    const bool is_listed = next_ < pages_.size() && pages_[next_].page == page;
    const uint32_t rounds = is_equal ? 1 + (is_listed ? pages_[next_].equal_rounds : 0) : 0;
    static_cast<void>(counted_.append({page, rounds}));
  }

  // Pages that were not counted in this round are not hot.
  void end_round() {
    std::swap(pages_, counted_);
    cooled_ = static_cast<size_t>(std::count_if(pages_.begin(), pages_.end(), has_cooled));
  }

  void clear() {
    pages_.clear();
    cooled_ = 0;
  }

  // Whether so many have cooled that a scan which protects all dirty pages is cheaper. `clear` is called then.
  bool have_many_cooled() const { return cooled_ > kFew; }

  // Calls `protect(first, end)` for each run of cooled pages, in rising order, until one fails, and counts them
  // from zero again.
  template <typename Protect>
  Status protect_cooled(Protect protect) {
    for (size_t i = 0; i < pages_.size() && cooled_ > 0;) {
      const VirtualPage first = pages_[i].page;
      VirtualPage end = first;
      for (; i < pages_.size() && pages_[i].page == end && has_cooled(pages_[i]); ++i, ++end) {
        pages_[i].equal_rounds = 0;
        --cooled_;
      }
      if (end == first) {
        ++i;
      } else if (Status status = protect(first, end); !status.is_ok()) {
        return status;
      }
    }
    return Status::ok();
  }

 private:
  struct Page {
    VirtualPage page;
    uint32_t equal_rounds;
  };
  static constexpr uint32_t kCoolRounds = 3;
  static constexpr size_t kFew = 64;

  static bool has_cooled(const Page& page) { return page.equal_rounds >= kCoolRounds; }

  GrowingArray<Page> pages_;    // of the last round
  GrowingArray<Page> counted_;  // in this one
  size_t next_ = 0;             // in `pages_`, behind the pages that were counted
  size_t cooled_ = 0;
};

}  // namespace pagestore
