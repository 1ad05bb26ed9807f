// Shared memory of a tracee that it may not write where it is mapped: made what a snapshot says nevertheless.
//
// What is private is written as a debugger does it, through any protection; the kernel refuses that of what is shared.
// Often the same memory is mapped a second time, or a file that rolls back, so that it has become what it was when all
// else has. Whatever still differs is written through one of these, the first that there is:
//
//  - the mapping itself, made writable for that moment by a call of the tracee's, and given its protection back;
//  - a descriptor on the same memory: one of the tracee's, a duplicate of ours, or the path;
//  - a second attachment, if it is memory of System V.
//
// It leaves to its caller: to `check` before anything is changed, to `write` when all other memory and the mappings are
// what they are to be, the stores' lock, and that the process is stopped.
#pragma once

#include "linux/mapped_identities.h"
#include "linux/untouched_pages.h"
#include "memory/tracee/current_mappings.h"
#include "memory/tracee/file_duplicates.h"
#include "memory/tracee/mapping_undo.h"

namespace pagestore {

class ClosedMemory {
 public:
  // `mappings` have been read before each call.
  ClosedMemory(TracedProcess& process, const CurrentMappings& mappings, const FileDuplicates& duplicates)
      : process_(process), mappings_(mappings), duplicates_(duplicates) {}

  // Refuses what differs from `target` and could not be written; protections are tried, and are what they were.
  // `*has_all`: all is there, and nothing that a restore does changes that: there is nothing to write.
  Status check(PageStores& stores, const PageTree& target, const Mappings& now, const Mappings& wanted,
               bool* has_all) const;
  Status write(PageStores& stores, const PageTree& target, const Mappings& now) const;

 private:
  template <typename Visit>
  Status find_different(PageStores& stores, const PageTree& target, const AddressRange& range, Visit visit) const;
  template <typename Visit>
  Status find_missing(PageStores& stores, const PageTree& target, const AddressRange& range,
                      std::span<const PageRun> existing, Visit visit) const;
  Status check_part(PageStores& stores, const PageTree& target, const Region& part, bool* is_different) const;
  Status write_region(PageStores& stores, const PageTree& target, const Region& region) const;

  TracedProcess& process_;
  const CurrentMappings& mappings_;
  const FileDuplicates& duplicates_;
  mutable MappedIdentities identities_;
};

}  // namespace pagestore
