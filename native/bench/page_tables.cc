// What a snapshot costs in page tables, by fan-out: this file is built once for each.
//
// Some pages of a tree, chosen at random, are replaced. Measured are the tables that only the new tree has, and how
// long it takes to make it. "Skipping" is what a tree would cost that leaves out tables with one child, and has eight
// bytes more in each table instead; it is counted, not built.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "snapshot/tree_edit.h"
#include "store/backing_file.h"

namespace pagestore::bench {

namespace {

// Not whole pages: a tree has numbers in it, and no bytes.
constexpr size_t kPageBytes = 64;
// Count and tag, and its share of the hash index.
constexpr size_t kBookkeeping = 20;
constexpr size_t kSkipBytes = 8;

void must(const Status& status) {
  if (!status.is_ok()) exit(1);
}

void open(PageStore& store, size_t page_bytes) {
  BackingFile file = open_huge_file();
  if (!file.fd.is_open()) file = open_memfd();
  must(store.open(std::move(file), {.page_bytes = page_bytes}));
}

OwnedPage new_page(PageStores& stores) {
  static uint64_t content[kPageBytes / sizeof(uint64_t)] = {};
  ++content[0];
  PageNumber number;
  must(stores.pages.store(Holder::snapshot, reinterpret_cast<const std::byte*>(content), 1, &number));
  return {stores.pages, number};
}

// Tables with one child, from the root down: every tree of high addresses has them.
size_t chain(PageStores& stores, const PageTree& tree) {
  size_t length = 0;
  Child child = tree.root;
  for (unsigned level = tree.levels; level > 1; --level) {
    const auto* table = reinterpret_cast<const Child*>(stores.tables.bytes(number_of(child)));
    const auto* end = table + kFanOut;
    const auto* first = std::find_if(table, end, [](Child each) { return each != Child::absent; });
    if (std::any_of(first + 1, end, [](Child each) { return each != Child::absent; })) break;
    ++length;
    child = *first;
  }
  return length;
}

struct Cost {
  double bytes, skipping_bytes, microseconds;
};

Cost measure(VirtualPage base, size_t pages, size_t dirty) {
  PageStore page_store;
  PageStores stores(page_store);
  open(stores.pages, kPageBytes);
  open(stores.tables, kTableBytes);
  PageTables tables(stores);
  OwnedTree start;
  uint64_t count = 0;
  {
    TreeEdit edit(stores, {}, 0);
    for (size_t i = 0; i < pages; ++i) must(edit.set(base + i, new_page(stores)));
    must(edit.finish(&start, &count));
  }
  std::mt19937_64 random(7);
  constexpr int kRounds = 200;
  double made = 0, skipping = 0;
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<VirtualPage> virtual_pages;
    while (virtual_pages.size() < dirty) virtual_pages.push_back(base + random() % pages);
    std::sort(virtual_pages.begin(), virtual_pages.end());
    virtual_pages.erase(std::unique(virtual_pages.begin(), virtual_pages.end()), virtual_pages.end());
    std::vector<PageChange> changes;
    for (const VirtualPage page : virtual_pages) changes.push_back({page, new_page(stores).take()});
    const size_t before = stores.tables.size();
    OwnedTree next;
    const auto began = std::chrono::steady_clock::now();
    must(tables.edit(start.get(), changes, &next, &count));
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
    const double fresh = static_cast<double>(stores.tables.size() - before);
    made += fresh * (kTableBytes + kBookkeeping);
    skipping += (fresh - static_cast<double>(chain(stores, next.get()))) * (kTableBytes + kSkipBytes + kBookkeeping);
  }
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return {made / kRounds, skipping / kRounds, times[kRounds / 2]};
}

}  // namespace

}  // namespace pagestore::bench

int main() {
  using namespace pagestore;
  for (const auto& [name, base] :
       {std::pair{"from 0", VirtualPage{0}}, {"high up", VirtualPage{0x7f12'3456'7000 >> 12}}}) {
    for (const size_t mebibytes : {16, 256, 1024}) {
      for (const size_t dirty : {1, 10, 100}) {
        const auto cost = bench::measure(base, (mebibytes << 20) / 4096, dirty);
        printf("| %2zu | %s | %4zu MiB | %3zu | %.0f | %.0f | %.1f |\n", kFanOut, name, mebibytes, dirty, cost.bytes,
               cost.skipping_bytes, cost.microseconds);
      }
    }
  }
}
