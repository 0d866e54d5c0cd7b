// MonotoneSeries against its dull twin and against the batch union-find, after every step.
#include "native/series/monotone_series.h"

#include <gtest/gtest.h>

#include <map>

#include "native/series/batch.h"
#include "test/native/support/inputs.h"
#include "test/native/support/naive_series.h"

namespace tda {
namespace {

using test::NaiveSeriesPair;
using test::Random;

// A series next to all its values and a replica that only ever sees the reported changes.
class Checked {
 public:
  Checked(std::vector<double> values, bool superlevel, size_t samples_max, PointId start = 0)
      : values_(std::move(values)),
        superlevel_(superlevel),
        start_(start),
        series_(superlevel ? Direction::kSuperlevel : Direction::kSublevel, samples_max) {
    series_.start_at(start);
  }

  size_t appended() const { return static_cast<size_t>(series_.next() - start_); }
  size_t evicted() const { return static_cast<size_t>(series_.first() - start_); }
  size_t live() const { return appended() - evicted(); }
  size_t total() const { return values_.size(); }

  void append(size_t count) { series_.append(std::span(values_).subspan(appended(), count)); }
  void evict(size_t count) {
    const size_t first = evicted() + count;
    series_.evict_to(start_ + first, first < appended() ? values_[first] : 0);
  }

  void expect_diagram() {
    series_.verify();
    std::vector<NaiveSeriesPair> now;
    series_.diagram([&](const SeriesChange& change) {
      EXPECT_EQ(change.kind, ChangeKind::kAdded);
      now.push_back(to_window(change));
      expect_values(change);
    });
    const auto window = std::span(values_).subspan(evicted(), live());
    ASSERT_EQ(now, test::naive_series_pairs(window, superlevel_))
        << "window of " << live() << " from " << evicted();
  }

  void report() {
    std::optional<PointId> last;
    series_.report([&](const SeriesChange& change) {
      EXPECT_TRUE(!last || *last < change.birth) << "not in the order of births";
      last = change.birth;
      const auto known = replica_.find(change.birth);
      switch (change.kind) {
        case ChangeKind::kRemoved:
          ASSERT_NE(known, replica_.end());
          EXPECT_EQ(known->second, change.death);
          replica_.erase(known);
          break;
        case ChangeKind::kAdded:
          EXPECT_EQ(known, replica_.end());
          replica_[change.birth] = change.death;
          expect_values(change);
          break;
        case ChangeKind::kMoved:
          ASSERT_NE(known, replica_.end());
          EXPECT_NE(known->second, change.death);
          known->second = change.death;
          expect_values(change);
          break;
      }
    });
    std::map<PointId, std::optional<PointId>> present;
    series_.diagram([&](const SeriesChange& change) { present[change.birth] = change.death; });
    EXPECT_EQ(replica_, present);
    EXPECT_EQ(series_.pairs_reported(), present.size());
    series_.report([](const SeriesChange&) { ADD_FAILURE() << "a second report has nothing to say"; });
  }

 private:
  NaiveSeriesPair to_window(const SeriesChange& change) const {
    const PointId first = series_.first();
    return {static_cast<size_t>(change.birth - first),
            change.death ? std::optional(static_cast<size_t>(*change.death - first)) : std::nullopt};
  }
  void expect_values(const SeriesChange& change) const {
    EXPECT_EQ(change.birth_value, values_[change.birth - start_]);
    EXPECT_EQ(change.death_value, change.death ? values_[*change.death - start_] : kInfinity);
  }

  const std::vector<double> values_;
  const bool superlevel_;
  const PointId start_;
  MonotoneSeries series_;
  std::map<PointId, std::optional<PointId>> replica_;
};

// Every window size, one point at a time, checked and reported at every step.
TEST(MonotoneSeries, oracle_every_step_of_small_windows) {
  for (const auto& input : test::named_series()) {
    for (size_t window = 1; window <= 64; window += window < 16 ? 1 : 7) {
      SCOPED_TRACE(input.name + ", window " + std::to_string(window));
      const bool superlevel = window % 2 == 0;
      Checked series(test::make_series(input, 3 * window + 20, window), superlevel, window + 1);
      while (series.appended() < series.total()) {
        series.append(1);
        if (series.live() > window) series.evict(1);
        series.expect_diagram();
        series.report();
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

// Spans of any length in, any number out, reports now and then: nothing may depend on the cut.
TEST(MonotoneSeries, fuzz_spans_evictions_and_reports) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    for (const auto& input : test::named_series()) {
      SCOPED_TRACE(input.name + ", seed " + std::to_string(seed));
      Random random(seed);
      const PointId start = seed % 3 == 0 ? (PointId{1} << 32) - 40 : 0;  // across the wrap of the low half
      Checked series(test::make_series(input, 160, seed), seed % 2 == 0, 80, start);
      while (series.appended() < series.total()) {
        const size_t most = std::min(size_t{80} - series.live(), series.total() - series.appended());
        if (most > 0) series.append(random.below(std::min<size_t>(most, 1 + random.below(20)) + 1));
        if (series.live() > 0 && random.below(3) != 0)
          series.evict(random.below(std::min<size_t>(series.live(), 24) + 1));
        if (series.live() >= 80) series.evict(1 + random.below(80));
        if (random.below(2) == 0) series.expect_diagram();
        if (random.below(3) == 0) series.report();
        if (testing::Test::HasFailure()) return;
      }
      series.evict(series.live());
      series.expect_diagram();
      series.report();
    }
  }
}

// All sequences over three values up to length 9, every window, checked at every step: ties everywhere.
TEST(MonotoneSeries, exhaustive_three_values) {
  for (size_t length = 1; length <= 9; ++length) {
    size_t sequences = 1;
    for (size_t at = 0; at < length; ++at) sequences *= 3;
    for (size_t code = 0; code < sequences; ++code) {
      std::vector<double> values(length);
      for (size_t at = 0, rest = code; at < length; ++at, rest /= 3) values[at] = double(rest % 3);
      for (size_t window = 1; window <= length; ++window) {
        Checked series(values, code % 2 == 0, length + 1);
        while (series.appended() < length) {
          series.append(1);
          if (series.live() > window) series.evict(1);
          // Windows that slide show each window content once; growing ones are covered by the larger windows.
          if (series.live() == window) series.expect_diagram();
          if ((code + series.appended()) % 3 == 0) series.report();
        }
        if (testing::Test::HasFailure())
          FAIL() << "length " << length << " code " << code << " window " << window;
      }
    }
  }
}

TEST(MonotoneSeries, oracle_long_runs_against_batch) {
  for (const auto& input : test::named_series()) {
    for (const size_t window : {257u, 4096u}) {
      SCOPED_TRACE(input.name);
      const size_t total = 3 * window;
      const std::vector<double> values = test::make_series(input, total, 5);
      MonotoneSeries series(Direction::kSublevel, window + 100);
      for (size_t at = 0; at < total;) {
        const size_t count = std::min<size_t>(total - at, 100);
        series.append(std::span(values).subspan(at, count));
        at += count;
        const size_t first = at > window ? at - window : 0;
        series.evict_to(first, values[first]);
        series.report([](const SeriesChange&) {});
        if (at % 500 != 0) continue;
        series.verify();
        std::vector<NaiveSeriesPair> now;
        series.diagram([&](const SeriesChange& change) {
          now.push_back(
              {size_t(change.birth), change.death ? std::optional(size_t(*change.death)) : std::nullopt});
        });
        std::vector<NaiveSeriesPair> expected;
        for (const SeriesPair& pair :
             batch_series_pairs(std::span(values).subspan(first, at - first), false)) {
          expected.push_back(
              {first + pair.birth, pair.death ? std::optional(first + *pair.death) : std::nullopt});
        }
        ASSERT_EQ(now, expected) << "at " << at;
      }
    }
  }
}

TEST(MonotoneSeries, memory_is_bounded_by_the_window) {
  const auto noise =
      test::make_series(test::named_series()[9], 1 << 16, 1);  // alternating: most minima there can be
  MonotoneSeries series(Direction::kSublevel, 5000);
  for (size_t at = 0; at < noise.size(); at += 64) {
    series.append(std::span(noise).subspan(at, 64));
    const size_t first = at + 64 > 4096 ? at + 64 - 4096 : 0;
    series.evict_to(first, noise[first]);
    series.report([](const SeriesChange&) {});
  }
  EXPECT_LE(series.bytes(), 56 * 2502 + 4096);
}

}  // namespace
}  // namespace tda
