// Google Benchmark's own options, and one more: --pages=N, how much data is cold.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "data.h"
#include "large_process.h"
#include "store/page_hash.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    constexpr std::string_view option = "--pages=";
    const std::string_view argument = argv[i];
    constexpr std::string_view large_process = pagestore::bench::kLargeProcess;
    if (argument.starts_with(large_process)) {
      return pagestore::bench::be_large_process(strtoull(argv[i] + large_process.size(), nullptr, 10));
    }
    const size_t pages = argument.starts_with(option) ? strtoull(argv[i] + option.size(), nullptr, 10) : 0;
    if (pages < pagestore::bench::kHotPages) {
      fprintf(stderr, "%s: not understood: it takes --pages=N, at least %zu, and what --help shows\n", argv[i],
              pagestore::bench::kHotPages);
      return 1;
    }
    pagestore::bench::set_pages(pages);
  }
  benchmark::AddCustomContext("hash", pagestore::hash_instructions());
  benchmark::RunSpecifiedBenchmarks();
}
