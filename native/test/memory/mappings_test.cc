// Mappings as values: merged, compared, and the plan that makes one list into another.
#include "memory/tracee/mappings.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <string>

#include "support.h"

namespace pagestore::test {
namespace {

Region region(uint64_t start, uint64_t end, const char* permissions, std::string_view path = "", uint64_t offset = 0) {
  Region made{start << 12, end << 12, offset << 12, {}, path};
  memcpy(made.permissions, permissions, sizeof(made.permissions));
  made.grows_down = path == "[stack]";
  return made;
}

RegionList list_of(const std::vector<Region>& regions) {
  RegionList list;
  for (const Region& each : regions) EXPECT_TRUE(ok(list.add(each)));
  return list;
}

bool equal(const RegionList& a, const RegionList& b) {
  return std::ranges::equal(a.bytes(), b.bytes());
}

std::optional<uint64_t> difference(const RegionList& a, const RegionList& b) {
  return first_difference(a.bytes(), b.bytes());
}

constexpr uint64_t kTmpfs = 40, kDisk = 8;

MemoryFiles memory_files() {
  MemoryFiles files;
  EXPECT_TRUE(ok(files.add(kTmpfs)));
  return files;
}

RegionList merged(const RegionList& list, const NamedMemory& named = {}) {
  RegionList result;
  EXPECT_TRUE(ok(merge_regions(list, named, memory_files(), &result)));
  return result;
}

std::vector<MappingChange> plan(const RegionList& now, const RegionList& wanted) {
  GrowingArray<MappingChange> changes;
  EXPECT_TRUE(ok(plan_changes(now.bytes(), wanted.bytes(), &changes)));
  return {changes.begin(), changes.end()};
}

size_t count(const RegionList& list) {
  RegionReader reader(list.bytes());
  Region region;
  size_t count = 0;
  while (reader.next(&region)) ++count;
  return count;
}

TEST(MergedRegions, AreOneWhereNeighboursAreOfAKind) {
  EXPECT_EQ(count(merged(list_of({region(1, 2, "rw-p"), region(2, 3, "rw-p"), region(3, 5, "rw-p")}))), 1u);
  EXPECT_EQ(count(merged(list_of({region(1, 2, "r--p", "/a", 0), region(2, 3, "r--p", "/a", 1)}))), 1u);
  EXPECT_TRUE(equal(merged(list_of({region(1, 2, "rw-p", "[anon:name]"), region(2, 3, "rw-p")})),
                    list_of({region(1, 3, "rw-p")})));
}

TEST(MergedRegions, StayApartWhereTheyDiffer) {
  EXPECT_EQ(count(merged(list_of({region(1, 2, "rw-p"), region(3, 4, "rw-p")}))), 2u);
  EXPECT_EQ(count(merged(list_of({region(1, 2, "rw-p"), region(2, 3, "r--p")}))), 2u);
  EXPECT_EQ(count(merged(list_of({region(1, 2, "rw-p"), region(2, 3, "rw-s", "/dev/zero (deleted)")}))), 2u);
  EXPECT_EQ(count(merged(list_of({region(1, 2, "r--p", "/a", 0), region(2, 3, "r--p", "/a", 7)}))), 2u);
}

NamedMemory heap_of(uint64_t start, uint64_t program_break) {
  return named_memory({start << 12, 0}, program_break);
}

TEST(MergedRegions, CallHeapWhatLiesBelowTheBreak) {
  const RegionList wanted = list_of({region(1, 3, "rw-p"), region(3, 6, "rw-p", "[heap]"), region(6, 8, "rw-p")});
  const NamedMemory named = heap_of(3, (5 << 12) + 16);
  for (const RegionList& list : {
           list_of({region(1, 8, "rw-p", "[heap]")}),
           list_of({region(1, 8, "rw-p")}),
           list_of({region(1, 2, "rw-p"), region(2, 5, "rw-p", "[heap]"), region(5, 8, "rw-p", "[anon:name]")}),
       }) {
    EXPECT_TRUE(equal(merged(list, named), wanted));
  }
  EXPECT_TRUE(
      equal(merged(list_of({region(1, 8, "rw-p", "[heap]")}), heap_of(3, 3 << 12)), list_of({region(1, 8, "rw-p")})));
}

Region growing(uint64_t start, uint64_t end) {
  Region made = region(start, end, "rw-p");
  made.grows_down = true;
  return made;
}

TEST(MergedRegions, CallTheFirstStackByWhereItBegan) {
  const NamedMemory named{{}, 7 << 12};
  EXPECT_TRUE(equal(merged(list_of({region(1, 3, "rw-p", "[stack]"), region(6, 8, "r--p")}), named),
                    list_of({growing(1, 3), region(6, 8, "r--p", "[stack]")})));
}

TEST(MergedRegions, AreNoPartOfTheStackUnlessTheyGrowDown) {
  const NamedMemory named{{}, 7 << 12};
  const RegionList beside = list_of({region(1, 3, "rw-p"), region(3, 8, "rw-p", "[stack]"), region(8, 9, "rw-p")});
  EXPECT_TRUE(equal(merged(beside, named), beside));
  EXPECT_TRUE(equal(merged(list_of({growing(1, 3), region(3, 8, "rw-p", "[stack]"), growing(8, 9)}), named),
                    list_of({region(1, 9, "rw-p", "[stack]")})));
  EXPECT_EQ(count(merged(list_of({growing(1, 3), region(3, 5, "rw-p")}))), 2u);
}

TEST(MappingPlan, TakesAwayWhatIsNoStackBeforeItGrows) {
  const RegionList wanted = list_of({region(5, 9, "rw-p", "[stack]")});
  const RegionList now = list_of({region(5, 6, "rw-p"), region(6, 9, "rw-p", "[stack]")});
  const auto changes = plan(now, wanted);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].kind, MappingChange::Kind::unmap);
  EXPECT_EQ(changes[1].kind, MappingChange::Kind::grow_stack);
  EXPECT_NE(difference(now, wanted), std::nullopt);
}

TEST(MergedRegions, KnowSharedMemoryThatIsMappedTwice) {
  const auto shared = [](uint64_t start, uint64_t end, uint64_t offset, uint64_t inode) {
    Region made = region(start, end, "rw-s", "/dev/zero (deleted)", offset);
    made.file = {kTmpfs, inode};
    return made;
  };
  const auto are_twice = [](const RegionList& list) {
    std::vector<bool> result;
    RegionReader reader(list.bytes());
    for (Region each; reader.next(&each);) result.push_back(is_mapped_twice(each));
    return result;
  };
  using Are = std::vector<bool>;
  EXPECT_EQ(are_twice(merged(list_of({shared(1, 3, 0, 5), shared(4, 6, 0, 6)}))), (Are{false, false}));
  EXPECT_EQ(are_twice(merged(list_of({shared(1, 3, 0, 5), shared(4, 6, 3, 5)}))), (Are{false, false}));  // a hole
  EXPECT_EQ(are_twice(merged(list_of({shared(1, 3, 0, 5), shared(4, 6, 0, 5)}))), (Are{false, true}));
  // In another run it has another number.
  EXPECT_TRUE(equal(merged(list_of({shared(1, 3, 0, 5), shared(4, 6, 0, 5)})),
                    merged(list_of({shared(1, 3, 0, 9), shared(4, 6, 0, 9)}))));
}

TEST(MappingPlan, OfEqualListsIsEmpty) {
  const RegionList list =
      list_of({region(1, 2, "rw-p"), region(2, 9, "r--p", "/a", 3), region(20, 30, "rw-p", "[heap]")});
  EXPECT_TRUE(plan(list, list).empty());
  EXPECT_EQ(difference(list, list), std::nullopt);
}

TEST(MappingPlan, TakesNoNameForADifference) {
  const RegionList one = list_of({region(1, 5, "rw-p"), region(5, 6, "rw-p", "[heap]")});
  const RegionList other = list_of({region(1, 3, "rw-p"), region(3, 6, "rw-p", "[heap]")});
  EXPECT_TRUE(plan(one, other).empty());
  EXPECT_EQ(difference(one, other), std::nullopt);
}

TEST(ReplacedMappings, AreUnmappedButForOne) {
  const auto replaced = [](const RegionList& list, const Region* with) {
    RegionList result;
    EXPECT_TRUE(ok(replace_mappings(list.bytes(), {3 << 12, 6 << 12}, with, &result)));
    return result;
  };
  const Region with = region(3, 5, "rw-p");
  const RegionList around = list_of({region(1, 8, "r--p", "/a", 4)});
  EXPECT_TRUE(
      equal(replaced(around, nullptr), list_of({region(1, 3, "r--p", "/a", 4), region(6, 8, "r--p", "/a", 9)})));
  EXPECT_TRUE(
      equal(replaced(around, &with), list_of({region(1, 3, "r--p", "/a", 4), with, region(6, 8, "r--p", "/a", 9)})));
  EXPECT_TRUE(equal(replaced(list_of({region(1, 2, "r--p")}), &with), list_of({region(1, 2, "r--p"), with})));
  EXPECT_TRUE(equal(replaced(list_of({region(7, 8, "r--p")}), &with), list_of({with, region(7, 8, "r--p")})));
  EXPECT_TRUE(equal(replaced({}, &with), list_of({with})));
}

TEST(MappingPlan, GrowsAStackThatWasLarger) {
  const auto changes = plan(list_of({region(8, 9, "rw-p", "[stack]")}), list_of({region(5, 9, "rw-p", "[stack]")}));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, MappingChange::Kind::grow_stack);
  EXPECT_EQ(changes[0].range, (AddressRange{5 << 12, 8 << 12}));
}

TEST(MappingPlan, MapsAPartFromWhereItLiesInItsFile) {
  const auto changes = plan(list_of({region(1, 3, "r--p", "/a", 4), region(5, 9, "r--p", "/a", 8)}),
                            list_of({region(1, 9, "r--p", "/a", 4)}));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].kind, MappingChange::Kind::map);
  EXPECT_EQ(changes[0].range, (AddressRange{3 << 12, 5 << 12}));
  EXPECT_EQ(changes[0].region.offset, 6u << 12);
}

// Guards that touch are one, as a scan finds them.
RegionList parted(const RegionList& list, const std::vector<AddressRange>& guards) {
  std::vector<AddressRange> runs;
  for (const AddressRange& each : guards) {
    if (!runs.empty() && runs.back().end == each.start) {
      runs.back().end = each.end;
    } else {
      runs.push_back(each);
    }
  }
  RegionList result;
  EXPECT_TRUE(ok(part_guards(list, runs, &result)));
  return result;
}

TEST(Guards, AreRegionsOfTheirOwn) {
  const RegionList list = list_of({region(1, 6, "rw-p"), region(6, 9, "r--p", "/a", 2)});
  const auto guard = [](uint64_t start, uint64_t end, const char* permissions, const char* path, uint64_t offset) {
    Region made = region(start, end, permissions, path, offset);
    made.is_guard = true;
    made.is_captured = false;
    return made;
  };
  EXPECT_TRUE(equal(parted(list, {}), list));
  EXPECT_TRUE(
      equal(parted(list, {{2 << 12, 3 << 12}, {5 << 12, 7 << 12}, {20 << 12, 21 << 12}}),
            list_of({region(1, 2, "rw-p"), guard(2, 3, "rw-p", "", 0), region(3, 5, "rw-p"), guard(5, 6, "rw-p", "", 0),
                     guard(6, 7, "r--p", "/a", 2), region(7, 9, "r--p", "/a", 3)})));
  EXPECT_EQ(classify(guard(1, 2, "rw-p", "", 0)), RegionClass::left_out);
}

// A process that has pages only: what each is.
class Model {
 public:
  explicit Model(const RegionList& list) {
    RegionReader reader(list.bytes());
    Region region;
    while (reader.next(&region)) {
      const AddressRange range{region.start, region.end};
      map(range, region);
      if (region.is_guard) apply({MappingChange::Kind::guard, range, region});
    }
  }

  void apply(const MappingChange& change) {
    if (change.kind == MappingChange::Kind::unmap) {
      for (uint64_t at = change.range.start; at < change.range.end; at += 4096) pages_.erase(at);
      return;
    }
    if (change.kind == MappingChange::Kind::protect) {
      for (uint64_t at = change.range.start; at < change.range.end; at += 4096) {
        Page& page = pages_.at(at);
        page.permissions.replace(0, 3, change.region.permissions, 3);
      }
      return;
    }
    if (change.kind == MappingChange::Kind::guard || change.kind == MappingChange::Kind::unguard) {
      for (uint64_t at = change.range.start; at < change.range.end; at += 4096) {
        pages_.at(at).is_guard = change.kind == MappingChange::Kind::guard;
      }
      return;
    }
    map(change.range, change.region);
  }

  RegionList list() const {
    RegionList pages;
    std::vector<AddressRange> guards;
    for (const auto& [at, page] : pages_) {
      Region region{at, at + 4096, page.offset, {}, page.path};
      memcpy(region.permissions, page.permissions.data(), 4);
      region.grows_down = page.grows_down;
      EXPECT_TRUE(ok(pages.add(region)));
      if (page.is_guard) guards.push_back({at, at + 4096});
    }
    return parted(merged(pages), guards);
  }

 private:
  struct Page {
    std::string permissions, path;
    uint64_t offset;
    bool grows_down, is_guard;
  };
  void map(const AddressRange& range, const Region& region) {
    for (uint64_t at = range.start; at < range.end; at += 4096) {
      const uint64_t offset = region.path.empty() ? 0 : region.offset + (at - range.start);
      pages_[at] = {std::string(region.permissions, 4), std::string(region.path), offset, region.grows_down, false};
    }
  }
  std::map<uint64_t, Page> pages_;
};

RegionList random_list(std::mt19937_64& random) {
  constexpr const char* kPermissions[] = {"rw-p", "r--p", "---p", "r-xp", "rw-s"};
  constexpr const char* kPaths[] = {"", "", "/a", "/b", "/dev/zero (deleted)"};
  RegionList list;
  for (uint64_t at = random() % 4; at < 60;) {
    const uint64_t end = at + 1 + random() % 8;
    const size_t kind = random() % 5;
    const bool is_shared = kPermissions[kind][3] == 's';
    const char* path = is_shared ? kPaths[4] : kPaths[random() % 4];
    Region made = region(at, end, kPermissions[kind], path, *path == '\0' ? 0 : random() % 2 * 8 + at);
    made.grows_down = *path == '\0' && random() % 4 == 0;
    EXPECT_TRUE(ok(list.add(made)));
    at = end + random() % 3 * (random() % 2);
  }
  std::vector<AddressRange> guards;
  for (uint64_t at = random() % 12; at < 60; at += 2 + random() % 12) guards.push_back({at << 12, (at + 1) << 12});
  return parted(merged(list), guards);
}

TEST(MappingPlan, MakesAnyListIntoAnyOther) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 3000; ++round) {
    const RegionList now = random_list(random), wanted = random_list(random);
    Model model(now);
    std::vector<MappingChange> changes = plan(now, wanted);
    EXPECT_TRUE(std::is_sorted(changes.begin(), changes.end(),
                               [](const auto& a, const auto& b) { return a.range.start < b.range.start; }));
    for (const MappingChange& change : changes) model.apply(change);
    // What was mapped anew gets its guards then.
    for (const MappingChange& change : plan(model.list(), wanted)) model.apply(change);
    ASSERT_TRUE(equal(model.list(), wanted)) << "round " << round;
    ASSERT_EQ(changes.empty(), equal(now, wanted));
  }
}

TEST(FirstDifference, IsTheFirstAddressThatIsMappedOtherwise) {
  const RegionList list = list_of({region(1, 5, "rw-p"), region(7, 9, "r--p", "/a", 1)});
  EXPECT_EQ(difference(list, list_of({region(1, 4, "rw-p"), region(7, 9, "r--p", "/a", 1)})), 4u << 12);
  EXPECT_EQ(difference(list, list_of({region(1, 5, "rw-p"), region(6, 9, "r--p", "/a", 0)})), 6u << 12);
  EXPECT_EQ(difference(list, list_of({region(1, 5, "rw-p"), region(7, 9, "r--p", "/a", 2)})), 7u << 12);
  EXPECT_EQ(difference(list, list_of({region(1, 5, "r--p"), region(7, 9, "r--p", "/a", 1)})), 1u << 12);
}

TEST(RegionClasses, TellWhatAProgramCanChange) {
  EXPECT_EQ(classify(region(1, 2, "rw-p")), RegionClass::tracked);
  EXPECT_EQ(classify(region(1, 2, "r-xp", "/lib/x.so")), RegionClass::sparse);
  EXPECT_EQ(classify(region(1, 2, "---p")), RegionClass::tracked);
  EXPECT_EQ(classify(region(1, 1 + (uint64_t{2} << 8), "---p")), RegionClass::sparse);
  EXPECT_EQ(classify(region(1, 1 + (uint64_t{16} << 18), "rw-p")), RegionClass::sparse);
  EXPECT_EQ(classify(region(1, 2, "rw-p", "/dev/dri")), RegionClass::left_out);
  for (const char* lent : {"[vvar]", "[vdso]", "[vsyscall]", "[vvar_vclock]", "[vectors]", "[sigpage]", "[uprobes]"}) {
    EXPECT_EQ(classify(region(1, 2, "r-xp", lent)), RegionClass::left_out);
  }
}

RegionClass class_of_shared(std::string_view path, uint64_t device) {
  Region shared = region(1, 2, "rw-s", path);
  shared.file = {device, 7};
  const RegionList list = merged(list_of({shared}));
  Region canonical;
  EXPECT_TRUE(RegionReader(list.bytes()).next(&canonical));
  return classify(canonical);
}

TEST(RegionClasses, TellFilesThatAreMemoryByTheirDeviceAndNotByTheirNames) {
  for (const char* path : {"/dev/zero (deleted)", "[anon_shmem:name]", "/anon_hugepage (deleted)", "/memfd:x (deleted)",
                           "/SYSV00000000 (deleted)", "/dev/shm/x", "/mnt/x", "/run/x (deleted)"}) {
    EXPECT_EQ(class_of_shared(path, kTmpfs), RegionClass::compared) << path;
    EXPECT_EQ(class_of_shared(path, kDisk), RegionClass::left_out) << path;
  }
  EXPECT_EQ(class_of_shared("/dev/mem", kTmpfs), RegionClass::left_out);
  EXPECT_EQ(class_of_shared("/secretmem (deleted)", kDisk), RegionClass::left_out);
}

}  // namespace
}  // namespace pagestore::test
