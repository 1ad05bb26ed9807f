// The stores that a snapshot lives in: its pages, the page tables that hold them, and keys.
//
// Three, because equal bytes mean different things in each. Only the first is open from the start.
#pragma once

#include "store/page_store.h"

namespace pagestore {

// Bytes of what a snapshot's key stands for.
inline constexpr size_t kKeyBytes = 64;

// One bit of a number is taken to tell pages from tables.
inline constexpr size_t kMostSnapshotPages = kMostPages / 2;

struct PageStores {
  PageStore pages;
  PageStore tables;
  PageStore keys;
};

}  // namespace pagestore
