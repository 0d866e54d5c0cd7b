// The batch union-find against the definition.
#include "native/series/batch.h"

#include <gtest/gtest.h>

#include "test/native/support/inputs.h"
#include "test/native/support/naive_series.h"

namespace tda {
namespace {

std::vector<test::NaiveSeriesPair> batch(std::span<const double> values, bool superlevel) {
  std::vector<test::NaiveSeriesPair> pairs;
  for (const SeriesPair& pair : batch_series_pairs(values, superlevel))
    pairs.push_back({pair.birth, pair.death});
  return pairs;
}

TEST(Batch, oracle_equals_the_definition) {
  for (const auto& input : test::named_series()) {
    for (size_t count = 0; count < 130; ++count) {
      const auto values = test::make_series(input, count, count);
      for (const bool superlevel : {false, true}) {
        ASSERT_EQ(batch(values, superlevel), test::naive_series_pairs(values, superlevel))
            << input.name << ' ' << count;
      }
    }
  }
}

TEST(Batch, shape_known_answers) {
  EXPECT_TRUE(batch({}, false).empty());
  const double valley[] = {3, 1, 4, 2, 5};
  EXPECT_EQ(batch(valley, false), (std::vector<test::NaiveSeriesPair>{{1, std::nullopt}, {3, 2}}));
  EXPECT_EQ(batch(valley, true), (std::vector<test::NaiveSeriesPair>{{0, 1}, {2, 3}, {4, std::nullopt}}));
}

}  // namespace
}  // namespace tda
