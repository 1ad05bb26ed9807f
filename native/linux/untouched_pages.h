// Where the pages of another process are, so that they can be read and nothing of the process changes, nor does anybody
// wait for it.
//
// A page that exists for the process is read through it. To read another one through it would make it exist: it would
// fill the holes of a file of memory, and if the process serves the page itself (userfaultfd), it would be asked for it
// and does not answer while it is stopped. So a page that does not exist is zero in memory without a file. In a mapping
// of a file it is zero in a hole, and otherwise what the file has: of a file of memory it is read from the file itself.
// Behind the end of a file there is nothing. Where the file of a mapping cannot be had, its pages are read through the
// process, unless somebody may serve them.
#pragma once

#include <span>

#include "linux/mapping_file.h"
#include "linux/pagemap.h"
#include "system/region.h"

namespace pagestore {

// Pages that are to be read, in one of two ways; all others read as zero, or are nothing.
struct PageRun {
  AddressRange range;
  bool is_in_file;  // it is read by `read_from_file`, else through the process
};

// Whether a page is in one of the runs, which are in rising order.
bool contains(std::span<const PageRun> runs, uint64_t address);

class UntouchedPages {
 public:
  // `pagemap` is the process's. It and `identities` live as long as this.
  UntouchedPages(pid_t pid, const Pagemap& pagemap, MappedIdentities& identities)
      : pid_(pid), pagemap_(pagemap), file_(pid, identities) {}

  // Adds the runs of `range`, in rising order. It lies in `mapping` as the kernel lists it, or in several in `listed`,
  // which stays the same list for as long as it is asked about; there, ranges in rising order take the least time.
  Status find(const Region& mapping, const AddressRange& range, GrowingArray<PageRun>* runs);
  Status find(const RegionList& listed, const AddressRange& range, GrowingArray<PageRun>* runs);
  // Makes `bytes`, which are at `address`, what they are where no page exists, and adds the runs that the caller is to
  // read through the process: those that exist, or that nobody may read but by a debugger's right. Refused with the
  // first address at which there is nothing.
  Status fill(uint64_t address, std::span<std::byte> bytes, GrowingArray<AddressRange>* existing);
  // A page of a run that the last `find` added, of one file. False where there is none: the file has become shorter.
  bool read_from_file(uint64_t address, std::byte* page) const;

 private:
  Status add_missing(const Region& mapping, const AddressRange& range, GrowingArray<PageRun>* runs);
  Status add_data(const Region& mapping, const AddressRange& range, GrowingArray<PageRun>* runs);
  // What `fill` is asked for.
  struct Wanted {
    AddressRange range;
    std::span<std::byte> bytes;

    std::byte* at(uint64_t address) const { return bytes.data() + (address - range.start); }
  };
  Status fill_missing(const Region& mapping, const AddressRange& gap, const Wanted& wanted,
                      GrowingArray<AddressRange>* existing);
  bool is_lent(const Region& mapping);
  uint64_t end_of_file(uint64_t most) const;
  Status is_served(const Region& mapping, bool* is_served);

  pid_t pid_;
  const Pagemap& pagemap_;
  MappingFile file_;
  int descriptor_ = -1;              // of the file behind the mapping at hand
  uint64_t start_ = 0, offset_ = 0;  // of that mapping
  RangeSet served_;
  bool knows_served_ = false;
  // The list that was asked about last, its mapping at hand, and where the one before that ends.
  std::span<const std::byte> list_;
  RegionReader rest_{{}};
  Region listed_{};
  bool has_listed_ = false;
  uint64_t passed_ = 0;
};

}  // namespace pagestore
