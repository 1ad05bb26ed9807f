// Whether trees are what page_table.h promises, for tests that change trees at random.
//
// Each is as low as its highest page allows; no table is without children; each child is of the kind that its level
// asks for, and in use; and each table and page has at least as many references as these trees need. It leaves to its
// caller: to have the stores' lock (LockedStores).
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "snapshot/page_table.h"

namespace pagestore::test {

testing::AssertionResult are_valid(PageStores& stores, std::span<const PageTree> trees);

}  // namespace pagestore::test
