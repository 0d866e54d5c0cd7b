// The sliding window against whole-matrix reduction of the same stored distances, after every step.
#include "native/rips/rips_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>

#include "test/native/support/clouds.h"
#include "test/native/support/naive_rips.h"

namespace tda::rips {
namespace {

using test::kNoVertex;
using test::naive_window_pairs;
using test::NaiveDistances;
using test::NaivePair;

NaiveDistances stored(const DistanceRows& rows) {
  NaiveDistances matrix(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      matrix.set(i, j, rows.at(rows.slot_of(rows.oldest() + i), rows.slot_of(rows.oldest() + j)));
    }
  }
  return matrix;
}

std::vector<NaivePair> pairs_of(const RipsWindow& window) {
  std::vector<NaivePair> pairs;
  const auto index = [&](PointId id) {
    return id == kNoPoint ? kNoVertex : size_t{id - window.oldest_point()};
  };
  for (const RipsPair& pair : window.diagram()) {
    pairs.push_back({pair.dimension, pair.birth, pair.death, index(pair.birth_points[0]),
                     index(pair.birth_points[1]), index(pair.death_points[0]), index(pair.death_points[1]),
                     index(pair.death_points[2])});
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

// A consumer that knows nothing but the changes.
class Replica {
 public:
  void apply(const std::vector<RipsChange>& changes) {
    for (const RipsChange& change : changes) {
      const auto key =
          std::make_tuple(change.pair.dimension, change.pair.birth_points[0], change.pair.birth_points[1]);
      const auto found = pairs_.find(key);
      ASSERT_EQ(found == pairs_.end(), change.kind == ChangeKind::kAdded);
      if (change.kind == ChangeKind::kRemoved) {
        ASSERT_TRUE(found->second == change.pair);
        pairs_.erase(found);
      } else {
        pairs_.insert_or_assign(key, change.pair);
      }
    }
  }
  void expect_equal(const std::vector<RipsPair>& diagram) const {
    ASSERT_EQ(pairs_.size(), diagram.size());
    for (const RipsPair& pair : diagram) {
      const auto found = pairs_.find({pair.dimension, pair.birth_points[0], pair.birth_points[1]});
      ASSERT_TRUE(found != pairs_.end() && found->second == pair);
    }
  }

 private:
  std::map<std::tuple<int, PointId, PointId>, RipsPair> pairs_;
};

void expect_naive(const RipsWindow& window, double threshold, int max_dimension, const std::string& where) {
  const std::vector<NaivePair> expected =
      naive_window_pairs(stored(window.rows()), static_cast<float>(threshold), max_dimension);
  ASSERT_EQ(pairs_of(window), expected) << where;
}

constexpr Metric kMetrics[] = {Metric::kEuclidean, Metric::kManhattan, Metric::kChebyshev, Metric::kCosine,
                               Metric::kCorrelation};

TEST(RipsWindow, oracle_after_every_step_all_metrics_and_clouds) {
  std::mt19937_64 random(11);
  int windows = 0;
  for (const Metric metric : kMetrics) {
    for (const std::string& cloud : test::cloud_names()) {
      for (const size_t size : {1U, 2U, 3U, 5U, 9U, 17U, 30U}) {
        RipsConfig config{.window_max = size, .dimension = 3, .metric = {.metric = metric, .weights = {}}};
        if (size == 17) config.metric.weights = {1, 0.5, 2};
        config.first = random() % 1000;
        test::Cloud points(cloud, 3, random());
        RipsWindow window(config);
        Replica replica;
        std::vector<RipsChange> changes;
        const size_t steps = 2 * size + 6;
        for (size_t step = 0; step < steps; ++step) {
          if (window.size() == size) ASSERT_EQ(window.evict(), Status::kOk);
          std::vector<double> point = points.next();
          while (window.append(point) == Status::kNonFinitePoint) point = points.next();
          changes.clear();
          window.emit(changes);
          const std::string where = cloud + ", metric " + std::to_string(static_cast<int>(metric)) +
                                    ", window " + std::to_string(size) + ", step " + std::to_string(step);
          window.verify();
          expect_naive(window, 1e30, 1, where);
          replica.apply(changes);
          replica.expect_equal(window.diagram());
          if (HasFatalFailure()) return;
          ++windows;
        }
      }
    }
  }
  EXPECT_GT(windows, 2000);
}

TEST(RipsWindow, oracle_larger_windows_with_irregular_slides_and_thresholds) {
  std::mt19937_64 random(12);
  for (const std::string& cloud : test::cloud_names()) {
    for (const double threshold : {1e30, 0.4}) {
      test::Cloud points(cloud, 3, random());
      RipsConfig config{.window_max = 64, .dimension = 3, .metric = {}, .threshold = threshold};
      RipsWindow window(config);
      Replica replica;
      std::vector<RipsChange> changes;
      for (int emission = 0; emission < 25; ++emission) {
        const size_t evictions = std::min<size_t>(window.size(), random() % (emission == 12 ? 80 : 12));
        for (size_t k = 0; k < evictions; ++k) ASSERT_EQ(window.evict(), Status::kOk);
        for (size_t k = random() % 14; k > 0 && window.size() < 64; --k) {
          ASSERT_EQ(window.append(points.next()), Status::kOk);
        }
        changes.clear();
        window.emit(changes);
        if (emission % 5 == 0) window.verify();
        expect_naive(window, threshold, 1, cloud + ", emission " + std::to_string(emission));
        replica.apply(changes);
        replica.expect_equal(window.diagram());
        if (HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace tda::rips
