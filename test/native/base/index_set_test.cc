#include "native/base/index_set.h"

#include <gtest/gtest.h>

#include <set>

#include "test/native/support/inputs.h"

namespace tda {
namespace {

TEST(IndexSet, fuzz_against_a_sorted_set) {
  for (const size_t bound : {1u, 63u, 64u, 65u, 4096u, 4097u, 300000u}) {
    test::Random random(bound);
    IndexSet set(bound);
    std::set<size_t> twin;
    for (size_t step = 0; step < 3000; ++step) {
      const size_t index = random.below(2) ? random.below(bound) : random.below(std::min<size_t>(bound, 100));
      if (random.below(5) < 3) {
        set.insert(index), twin.insert(index);
      } else {
        set.erase(index), twin.erase(index);
      }
      ASSERT_EQ(set.contains(index), twin.contains(index));
      const size_t from = random.below(bound + 1);
      const auto next = twin.lower_bound(from);
      ASSERT_EQ(set.next(from), next == twin.end() ? IndexSet::kNone : *next);
    }
    size_t seen = 0;
    for (size_t at = set.next(0); at != IndexSet::kNone; at = set.next(at + 1)) ++seen;
    EXPECT_EQ(seen, twin.size());
  }
}

TEST(IndexSet, an_empty_universe_has_no_members) { EXPECT_EQ(IndexSet(0).next(0), IndexSet::kNone); }

}  // namespace
}  // namespace tda
