// A call that fails leaves the store exactly as it was.
#include <algorithm>
#include <random>

#include "twins.h"

namespace pagestore::test {
namespace {

class AllOrNothing : public Twins {};
ON_EACH_MEMORY(AllOrNothing);

TEST_P(AllOrNothing, StoringBeyondTheBudgetInTheMiddleOfABatch) {
  for (size_t past = 0; past < 60; past += 7) {
    SCOPED_TRACE(past);
    begin({.max_pages = past + 10});
    if (past > 0) give_both_a_past(past, past);
    // Known pages, new ones, the same new ones again; into recycled slots and beyond the top.
    std::vector<uint64_t> contents;
    for (uint64_t i = 0; i < 100; ++i) contents.insert(contents.end(), {i, 1000 + i, 1000 + i / 2});
    for (int attempt = 0; attempt < 3; ++attempt) {
      ASSERT_TRUE(refused(store().offer(contents), Error::out_of_memory));
      EXPECT_TRUE(same_room(store().stats(), twin().stats()));
      expect_same();
    }
    if (past > 0) expect_same_future(past);
  }
}

TEST_P(AllOrNothing, StoringBeyondTheBudgetAfterTheStoreGrewInTheSameBatch) {
  begin({.max_pages = pages_in(2) + 100});
  give_both_a_past(1, 100);
  ASSERT_TRUE(refused(store().offer(contents_from(1000, pages_in(2) + 50)), Error::out_of_memory));
  // The room that was made stays; nothing else does.
  EXPECT_EQ(store().capacity(), pages_in(4));
  EXPECT_EQ(twin().capacity(), pages_in(2));
  expect_same();
  expect_same_future(1);
  EXPECT_EQ(store().keep(contents_from(5000, 500)), twin().keep(contents_from(5000, 500)));
  EXPECT_TRUE(store().stats().capacity == twin().stats().capacity);
}

TEST_P(AllOrNothing, WithOneHashForAll) {
  begin({.max_pages = 60, .hash = constant_hash});
  give_both_a_past(1, 50);
  ASSERT_TRUE(refused(store().offer(contents_from(30, 60)), Error::out_of_memory));
  EXPECT_TRUE(same_room(store().stats(), twin().stats()));
  expect_same();
  std::vector<PageNumber> numbers;
  for (size_t i = 0; i < 50; ++i) {
    if (store().count(page_number(i)) > 0) numbers.push_back(page_number(i));
  }
  numbers.insert(numbers.end(), 4, numbers[0]);  // more than it can have
  ASSERT_TRUE(refused(store().unref(numbers.data(), numbers.size()), Error::not_owned));
  EXPECT_TRUE(same_room(store().stats(), twin().stats()));
  expect_same();
}

TEST_P(AllOrNothing, OneReferenceTooManyReleasedInTheMiddleOfABatch) {
  for (uint64_t seed = 1; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    begin({});
    give_both_a_past(seed, 80);
    // Releases many to the end, in a mixed order, then one of them once more, then goes on.
    std::mt19937_64 random(seed);
    std::vector<PageNumber> numbers;
    for (size_t i = 0; i < 80; ++i) {
      numbers.insert(numbers.end(), store().count(page_number(i)), page_number(i));
    }
    std::shuffle(numbers.begin(), numbers.end(), random);
    const auto middle = numbers.begin() + static_cast<ptrdiff_t>(numbers.size() * seed / 12);
    const PageNumber wrong = find_with_count(1);
    std::iter_swap(std::find(numbers.begin(), numbers.end(), wrong), numbers.begin());
    numbers.insert(middle + 1, wrong);
    const Status status = store().unref(numbers.data(), numbers.size());
    ASSERT_TRUE(refused(status, Error::not_owned));
    EXPECT_EQ(status.value(), index_of(wrong));
    EXPECT_EQ(status.users(), 1u);
    EXPECT_EQ(status.snapshots(), 0u);
    EXPECT_TRUE(same_room(store().stats(), twin().stats()));
    expect_same();
    expect_same_future(seed);
  }
}

TEST_P(AllOrNothing, ARecycledNumberInTheMiddleOfABatch) {
  begin({});
  give_both_a_past(1, 80);
  const PageNumber numbers[] = {find_with_count(1), find_with_count(2), find_with_count(3), find_with_count(0),
                                find_with_count(1, 40)};
  EXPECT_TRUE(refused(store().ref(numbers, 5), Error::page_number));
  expect_same();
  EXPECT_TRUE(refused(store().unref(numbers, 5), Error::page_number));
  EXPECT_TRUE(same_room(store().stats(), twin().stats()));
  expect_same();
  expect_same_future(1);
}

TEST_P(AllOrNothing, ANumberThatNeverWasInTheMiddleOfABatch) {
  begin({});
  give_both_a_past(1, 80);
  for (const PageNumber wrong : {page_number(80), page_number(511), page_number(1 << 20), kNoPage}) {
    const PageNumber numbers[] = {find_with_count(1), find_with_count(2), wrong};
    EXPECT_TRUE(refused(store().ref(numbers, 3), Error::page_number));
    EXPECT_TRUE(refused(store().unref(numbers, 3), Error::page_number));
    expect_same();
  }
  expect_same_future(1);
}

TEST_P(AllOrNothing, AFailingCallAfterTheOther) {
  begin({.max_pages = 100});
  give_both_a_past(1, 90);
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    const PageNumber wrong[] = {page_number(random() % 90), page_number(random() % 90), find_with_count(0)};
    switch (random() % 3) {
      case 0:
        ASSERT_TRUE(refused(store().unref(wrong, 3), Error::page_number));
        break;
      case 1:
        ASSERT_TRUE(refused(store().ref(wrong, 3), Error::page_number));
        break;
      default:
        ASSERT_TRUE(refused(store().offer(contents_from(random() % 90, 150)), Error::out_of_memory));
    }
  }
  EXPECT_TRUE(same_room(store().stats(), twin().stats()));
  expect_same();
  expect_same_future(1);
}

}  // namespace
}  // namespace pagestore::test
