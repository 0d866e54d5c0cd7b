// The sliding window against whole-matrix reduction of the same stored distances, after every step.
#include "native/rips/rips_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>

#include "native/rips/batch.h"
#include "test/native/support/bottleneck.h"
#include "test/native/support/clouds.h"
#include "test/native/support/naive_rips.h"

namespace tda::rips {
namespace {

using test::kNoVertex;
using test::naive_window_pairs;
using test::NaiveDistances;
using test::NaiveRipsPair;

// The points that are there, oldest first.
std::vector<PointId> points_of(const DistanceRows& rows) {
  std::vector<PointId> ids;
  for (PointId id = rows.oldest(); id < rows.next(); ++id) {
    if (!rows.vacant(rows.slot_of(id))) ids.push_back(id);
  }
  return ids;
}

NaiveDistances stored(const DistanceRows& rows) {
  const std::vector<PointId> ids = points_of(rows);
  NaiveDistances matrix(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t j = 0; j < i; ++j) matrix.set(i, j, rows.at(rows.slot_of(ids[i]), rows.slot_of(ids[j])));
  }
  return matrix;
}

std::vector<NaiveRipsPair> pairs_of(const RipsWindow& window) {
  const std::vector<PointId> ids = points_of(window.rows());
  const auto index = [&](PointId id) {
    if (id == kNoPoint) return kNoVertex;
    return static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
  };
  std::vector<NaiveRipsPair> pairs;
  for (const RipsPair& pair : window.diagram()) {
    if (pair.dimension == 2) continue;
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
      const auto key = std::make_tuple(change.pair.dimension, change.pair.birth_points[0],
                                       change.pair.birth_points[1], change.pair.birth_points[2]);
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
      const auto found =
          pairs_.find({pair.dimension, pair.birth_points[0], pair.birth_points[1], pair.birth_points[2]});
      ASSERT_TRUE(found != pairs_.end() && found->second == pair);
    }
  }

 private:
  std::map<std::tuple<int, PointId, PointId, PointId>, RipsPair> pairs_;
};

void expect_naive(const RipsWindow& window, double threshold, int max_dimension, const std::string& where) {
  const std::vector<NaiveRipsPair> expected =
      naive_window_pairs(stored(window.rows()), static_cast<float>(threshold), max_dimension);
  ASSERT_EQ(pairs_of(window), expected) << where;
}

std::vector<test::NaiveVoid> voids_of(const RipsWindow& window) {
  const std::vector<PointId> ids = points_of(window.rows());
  const auto vertices = [&](std::span<const PointId> points) {
    std::vector<size_t> found;
    for (const PointId id : points) {
      if (id == kNoPoint) continue;
      found.push_back(static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin()));
    }
    std::sort(found.rbegin(), found.rend());
    return found;
  };
  std::vector<test::NaiveVoid> voids;
  for (const RipsPair& pair : window.diagram()) {
    if (pair.dimension != 2) continue;
    // The longest edge comes first, the younger end before the older one.
    const auto& [a, b, apex] = pair.birth_points;
    EXPECT_EQ(window.rows().at(window.rows().slot_of(a), window.rows().slot_of(b)), pair.birth);
    EXPECT_GT(a, b);
    EXPECT_NE(apex, kNoPoint);
    voids.push_back({pair.birth, pair.death, vertices(pair.birth_points), vertices(pair.death_points)});
  }
  std::sort(voids.begin(), voids.end());
  return voids;
}

RipsConfig given(size_t window_max) {
  return {.window_max = window_max, .dimension = 0, .metric = {.metric = Metric::kGiven, .weights = {}}};
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
          std::vector<RipsPair> present;
          ASSERT_EQ(window.present(present), Status::kOk);
          ASSERT_EQ(window.emit(changes), Status::kOk);
          ASSERT_TRUE(present == window.diagram());
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

TEST(RipsWindow, oracle_components_alone_after_every_step) {
  std::mt19937_64 random(15);
  for (const std::string& cloud : test::cloud_names()) {
    for (const double threshold : {1e30, 0.3}) {
      for (const size_t size : {1U, 2U, 7U, 40U}) {
        test::Cloud points(cloud, 2, random());
        RipsWindow window(
            {.window_max = size, .dimension = 2, .metric = {}, .max_dimension = 0, .threshold = threshold});
        Replica replica;
        std::vector<RipsChange> changes;
        for (size_t step = 0; step < 3 * size + 5; ++step) {
          while (window.size() == size || (window.size() > 0 && random() % 16 == 0)) {
            ASSERT_EQ(window.evict(), Status::kOk);
            window.verify();
          }
          ASSERT_EQ(window.append(points.next()), Status::kOk);
          changes.clear();
          ASSERT_EQ(window.emit(changes), Status::kOk);
          window.verify();
          expect_naive(window, threshold, 0, cloud + ", step " + std::to_string(step));
          replica.apply(changes);
          replica.expect_equal(window.diagram());
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST(RipsWindow, oracle_voids_after_every_emission) {
  std::mt19937_64 random(18);
  size_t found = 0;
  for (const std::string& cloud : test::cloud_names()) {
    for (const double threshold : {1e30, 0.9}) {
      for (const size_t size : {3U, 6U, 14U}) {
        test::Cloud points(cloud, 3, random());
        RipsWindow window(
            {.window_max = size, .dimension = 3, .metric = {}, .max_dimension = 2, .threshold = threshold});
        Replica replica;
        std::vector<RipsChange> changes;
        for (size_t step = 0; step < 2 * size + 4; ++step) {
          if (window.places() == size) ASSERT_EQ(window.evict(), Status::kOk);
          ASSERT_EQ(window.append(points.next()), Status::kOk);
          if (size == 14 && step % 5 == 4) ASSERT_EQ(window.remove(window.next_point() - 3), Status::kOk);
          changes.clear();
          ASSERT_EQ(window.emit(changes), Status::kOk);
          const std::string where =
              cloud + ", window " + std::to_string(size) + ", step " + std::to_string(step);
          expect_naive(window, threshold, 1, where);
          const auto expected = test::naive_voids(stored(window.rows()), static_cast<float>(threshold));
          ASSERT_TRUE(voids_of(window) == expected) << where;
          found += expected.size();
          replica.apply(changes);
          replica.expect_equal(window.diagram());
          if (HasFailure()) return;
        }
      }
    }
  }
  // Distances that are no metric have far more voids than points in space, and with few lengths ties everywhere.
  for (int run = 0; run < 60; ++run) {
    const size_t size = 6 + random() % 6;
    const uint64_t lengths = 2 + random() % 12;
    RipsConfig config = given(size);
    config.max_dimension = 2;
    if (run % 3 == 0) config.threshold = static_cast<double>(lengths - 2);
    RipsWindow window(config);
    Replica replica;
    std::vector<RipsChange> changes;
    for (size_t step = 0; step < 2 * size; ++step) {
      if (window.size() == size) ASSERT_EQ(window.evict(), Status::kOk);
      std::vector<double> distances(window.size());
      for (double& distance : distances) distance = static_cast<double>(random() % lengths);
      ASSERT_EQ(window.append_distances(distances), Status::kOk);
      changes.clear();
      ASSERT_EQ(window.emit(changes), Status::kOk);
      const auto expected = test::naive_voids(stored(window.rows()), static_cast<float>(window.threshold()));
      ASSERT_TRUE(voids_of(window) == expected) << "run " << run << ", step " << step;
      found += expected.size();
      replica.apply(changes);
      replica.expect_equal(window.diagram());
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(found, 100U);
}

// An octahedron: one void, born with its last face and filled with the first diagonal.
TEST(RipsWindow, shape_octahedron_has_a_void) {
  RipsWindow window({.window_max = 6, .dimension = 3, .metric = {}, .max_dimension = 2});
  for (const std::vector<double>& point : std::vector<std::vector<double>>{
           {1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}}) {
    ASSERT_EQ(window.append(point), Status::kOk);
  }
  std::vector<RipsChange> changes;
  ASSERT_EQ(window.emit(changes), Status::kOk);
  const RipsPair last = window.diagram().back();
  EXPECT_EQ(last.dimension, 2);
  EXPECT_EQ(last.birth, static_cast<float>(std::sqrt(2.0)));
  EXPECT_EQ(last.death, 2.0F);
  EXPECT_EQ(last.birth_points[0], 5U);
  EXPECT_EQ(std::set<PointId>(std::begin(last.death_points), std::end(last.death_points)).size(), 4U);
  ASSERT_EQ(window.evict(), Status::kOk);
  ASSERT_EQ(window.emit(changes), Status::kOk);
  EXPECT_EQ(window.diagram().back().dimension, 0) << "a pyramid";
}

// Appends, evictions, removals and moves in random order; what is removed leaves a gap, what is moved keeps
// its age.
TEST(RipsWindow, fuzz_corrections_out_of_turn) {
  std::mt19937_64 random(16);
  for (const Metric metric : {Metric::kEuclidean, Metric::kManhattan, Metric::kCosine}) {
    for (const std::string& cloud : test::cloud_names()) {
      for (const int max_dimension : {0, 1}) {
        test::Cloud points(cloud, 3, random());
        RipsWindow window({.window_max = 24,
                           .dimension = 3,
                           .metric = {.metric = metric, .weights = {}},
                           .max_dimension = max_dimension,
                           .threshold = random() % 2 == 0 ? 1e30 : 0.7});
        Replica replica;
        std::vector<RipsChange> changes;
        for (int step = 0; step < 120; ++step) {
          const PointId some = window.oldest_point() + random() % (window.places() + 1);
          const uint64_t what = random() % 10;
          Status status = Status::kOk;
          if (what < 5) {
            if (window.places() == 24) ASSERT_EQ(window.evict(), Status::kOk);
            status = window.append(points.next());
          } else if (what < 6) {
            status = window.evict();
          } else if (what < 8) {
            status = window.remove(some);
          } else {
            status = window.move(some, points.next());
          }
          ASSERT_TRUE(status == Status::kOk || status == Status::kPointNotRetained ||
                      status == Status::kWindowEmpty || status == Status::kNonFinitePoint);
          if (random() % 3 == 0) continue;
          changes.clear();
          ASSERT_EQ(window.emit(changes), Status::kOk);
          window.verify();
          expect_naive(window, window.threshold(), max_dimension, cloud + ", step " + std::to_string(step));
          replica.apply(changes);
          replica.expect_equal(window.diagram());
          if (HasFatalFailure()) return;
        }
      }
    }
  }
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
        ASSERT_EQ(window.emit(changes), Status::kOk);
        if (emission % 5 == 0) window.verify();
        expect_naive(window, threshold, 1, cloud + ", emission " + std::to_string(emission));
        replica.apply(changes);
        replica.expect_equal(window.diagram());
        if (HasFatalFailure()) return;
      }
    }
  }
}

// All 59 049 ways to give the edges on five points the lengths 1, 2 and 3; whole, and as the two oldest
// leave.
TEST(RipsWindow, exhaustive_five_points_with_three_lengths) {
  std::vector<RipsChange> changes;
  for (int pattern = 0; pattern < 59'049; ++pattern) {
    RipsWindow window(given(5));
    int digits = pattern;
    for (size_t i = 0; i < 5; ++i) {
      std::vector<double> distances(i);
      for (double& distance : distances) distance = 1 + digits % 3, digits /= 3;
      ASSERT_EQ(window.append_distances(distances), Status::kOk);
    }
    for (int evicted = 0; evicted < 3; ++evicted) {
      if (evicted > 0) ASSERT_EQ(window.evict(), Status::kOk);
      ASSERT_EQ(window.emit(changes), Status::kOk);
      expect_naive(window, 1e30, 1,
                   "pattern " + std::to_string(pattern) + ", evicted " + std::to_string(evicted));
      if (HasFatalFailure()) return;
    }
  }
}

// Distances that are no metric at all, with few different lengths: every rule for ties, hubs and bridges is
// in use.
TEST(RipsWindow, oracle_arbitrary_tied_distances) {
  std::mt19937_64 random(13);
  for (int run = 0; run < 120; ++run) {
    const size_t size = 4 + random() % 24;
    const uint64_t lengths = 1 + random() % 6;
    RipsWindow window(given(size));
    std::vector<RipsChange> changes;
    for (size_t step = 0; step < 3 * size; ++step) {
      if (window.size() == size) ASSERT_EQ(window.evict(), Status::kOk);
      std::vector<double> distances(window.size());
      for (double& distance : distances) distance = static_cast<double>(random() % lengths);
      ASSERT_EQ(window.append_distances(distances), Status::kOk);
      if (step % 3 != 0) continue;
      ASSERT_EQ(window.emit(changes), Status::kOk);
      window.verify();
      expect_naive(window, 1e30, 1, "run " + std::to_string(run) + ", step " + std::to_string(step));
      if (HasFatalFailure()) return;
    }
  }
}

// The same for components alone, in a window that loses points out of turn too.
TEST(RipsWindow, oracle_components_alone_of_arbitrary_tied_distances) {
  std::mt19937_64 random(19);
  for (int run = 0; run < 200; ++run) {
    const size_t size = 3 + random() % 20;
    const uint64_t lengths = 1 + random() % 5;
    RipsConfig config = given(size);
    config.max_dimension = 0;
    RipsWindow window(config);
    std::vector<RipsChange> changes;
    for (size_t step = 0; step < 3 * size; ++step) {
      if (window.places() == size) ASSERT_EQ(window.evict(), Status::kOk);
      std::vector<double> distances(window.size());
      for (double& distance : distances) distance = static_cast<double>(random() % lengths);
      ASSERT_EQ(window.append_distances(distances), Status::kOk);
      if (random() % 8 == 0) {
        const Status status = window.remove(window.oldest_point() + window.places() / 2);
        ASSERT_TRUE(status == Status::kOk || status == Status::kPointNotRetained);
      }
      ASSERT_EQ(window.emit(changes), Status::kOk);
      window.verify();
      expect_naive(window, 1e30, 0, "run " + std::to_string(run) + ", step " + std::to_string(step));
      if (HasFatalFailure()) return;
    }
  }
}

// All lengths equal: no edge is witnessed. Refused, and whole again once enough points have gone.
TEST(RipsWindow, unwitnessed_edges_are_refused_without_harm) {
  RipsConfig config = given(60);
  config.max_dimension = 0;
  config.reduction_bytes_max = 8'000;
  RipsWindow window(config);
  std::vector<RipsChange> changes;
  Status status = Status::kOk;
  for (size_t i = 0; i < 60; ++i) {
    ASSERT_EQ(window.append_distances(std::vector<double>(i, 1.0)), Status::kOk);
    status = window.emit(changes);
  }
  EXPECT_EQ(status, Status::kMemoryLimit);
  while (window.size() > 8) ASSERT_EQ(window.evict(), Status::kOk);
  ASSERT_EQ(window.emit(changes), Status::kOk);
  window.verify();
  expect_naive(window, 1e30, 0, "the last eight");
}

using Bars = std::vector<std::tuple<int, float, float>>;

Bars bars_of(const std::vector<RipsPair>& diagram) {
  Bars bars;
  for (const RipsPair& pair : diagram) bars.emplace_back(pair.dimension, pair.birth, pair.death);
  std::sort(bars.begin(), bars.end());
  return bars;
}

// The window sees the last `size` of the points, whatever came before.
std::vector<RipsPair> diagram_of(const std::vector<std::vector<double>>& points, size_t size,
                                 RipsConfig config) {
  config.window_max = size;
  config.dimension = points.front().size();
  RipsWindow window(config);
  for (const std::vector<double>& point : points) {
    if (window.size() == size) EXPECT_EQ(window.evict(), Status::kOk);
    EXPECT_EQ(window.append(point), Status::kOk);
  }
  std::vector<RipsChange> changes;
  EXPECT_EQ(window.emit(changes), Status::kOk);
  return window.diagram();
}

std::vector<std::vector<double>> take(const std::string& cloud, size_t dimension, uint64_t seed,
                                      size_t count) {
  test::Cloud source(cloud, dimension, seed);
  std::vector<std::vector<double>> points(count);
  for (std::vector<double>& point : points) point = source.next();
  return points;
}

TEST(RipsWindow, oracle_equals_batch_cohomology_in_larger_windows) {
  for (const std::string& cloud : test::cloud_names()) {
    for (const Metric metric : kMetrics) {
      const size_t dimension = 2 + static_cast<size_t>(metric) % 4;
      if (cloud == "collinear" || cloud == "duplicates" || cloud == "lattice") {
        if (metric == Metric::kCosine || metric == Metric::kCorrelation)
          continue;  // points without a direction
      }
      if (metric == Metric::kCorrelation && dimension < 3) continue;
      constexpr size_t kWindow = 150;
      const auto points = take(cloud, dimension, 21, 2 * kWindow + 37);
      const MetricSpec spec{.metric = metric, .weights = {}};
      std::vector<double> flat;
      for (size_t i = points.size() - kWindow; i < points.size(); ++i) {
        flat.insert(flat.end(), points[i].begin(), points[i].end());
      }
      Distances distances;
      Distances::Place place;
      ASSERT_EQ(distances.from_points(flat, dimension, spec, place), Status::kOk);
      BatchResult batch;
      ASSERT_EQ(compute_batch(distances, {}, batch), Status::kOk);
      Bars expected;
      for (const BatchPair& pair : batch.pairs) {
        expected.emplace_back(pair.dimension, static_cast<float>(pair.birth), static_cast<float>(pair.death));
      }
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(bars_of(diagram_of(points, kWindow, {.metric = spec})), expected)
          << cloud << static_cast<int>(metric);
    }
  }
}

TEST(RipsWindow, law_instruction_sets_and_history_do_not_change_a_bit) {
  for (const std::string& cloud : test::cloud_names()) {
    const auto points = take(cloud, 3, 31, 400);
    const std::vector<std::vector<double>> last(points.end() - 130, points.end());
    for (const int max_dimension : {0, 1}) {
      const auto from = [&](PointId first) {
        return RipsConfig{.max_dimension = max_dimension, .first = first};
      };
      std::vector<std::vector<RipsPair>> diagrams;
      for (const char* target : {"baseline", "avx2", "avx512"}) {
        if (force_kernel_target(target)) diagrams.push_back(diagram_of(points, 130, from(5)));
      }
      diagrams.push_back(diagram_of(last, 130, from(5 + 270)));  // never saw the others
      for (const std::vector<RipsPair>& diagram : diagrams) ASSERT_TRUE(diagram == diagrams.front()) << cloud;
    }
  }
}

TEST(RipsWindow, law_order_motion_and_scale) {
  std::mt19937_64 random(14);
  for (const std::string& cloud : {"lattice", "uniform", "circle"}) {
    auto points = take(cloud, 3, 41, 90);
    for (auto& point : points) {
      for (double& x : point) x = std::round(x * 1024) / 1024;  // so that motions by whole numbers are exact
    }
    const Bars bars = bars_of(diagram_of(points, 90, {}));
    auto changed = points;
    std::shuffle(changed.begin(), changed.end(), random);
    EXPECT_EQ(bars_of(diagram_of(changed, 90, {})), bars) << "another order of arrival, " << cloud;
    changed = points;
    for (auto& point : changed) point = {-point[2] + 3, point[0] - 5, 7 - point[1]};
    EXPECT_EQ(bars_of(diagram_of(changed, 90, {})), bars) << "moved, " << cloud;
    for (const double scale : {0x1p-60, 0.5, 0x1p+70}) {
      changed = points;
      for (auto& point : changed) {
        for (double& x : point) x *= scale;
      }
      Bars scaled = bars;
      for (auto& [dimension, birth, death] : scaled) {
        birth *= static_cast<float>(scale);
        death *= static_cast<float>(scale);
      }
      EXPECT_EQ(bars_of(diagram_of(changed, 90, {})), scaled) << "scaled by " << scale << ", " << cloud;
    }
  }
}

test::NaiveDiagram diagram_in(const std::vector<RipsPair>& pairs, int dimension) {
  test::NaiveDiagram bars;
  for (const RipsPair& pair : pairs) {
    if (pair.dimension == dimension) bars.emplace_back(pair.birth, pair.death);
  }
  return bars;
}

// Moving every point by at most e moves each diagram by at most 2e in bottleneck distance, and a diagram that moved
// further is seen to have.
TEST(RipsWindow, law_stability_of_components_and_loops) {
  std::mt19937_64 random(17);
  for (const std::string& cloud : test::cloud_names()) {
    for (const double e : {0x1p-10, 0x1p-5, 0x1p-2}) {
      const auto points = take(cloud, 3, 42, 90);
      auto changed = points;
      for (auto& point : changed) point[random() % 3] += random() % 2 == 0 ? e : -e;
      const auto before = diagram_of(points, 90, {}), after = diagram_of(changed, 90, {});
      for (const int dimension : {0, 1}) {
        const auto a = diagram_in(before, dimension), b = diagram_in(after, dimension);
        EXPECT_TRUE(test::within_bottleneck(a, b, 2 * e + 1e-6))
            << cloud << ", H" << dimension << ", e " << e;
        auto longer = a;
        longer.emplace_back(1, 1 + 5 * e);
        EXPECT_FALSE(test::within_bottleneck(a, longer, 2 * e));
      }
    }
  }
}

// Thousands of slides with corrections, invariants and diagram checked every now and then. The long form is
// `tda_rips_bench --verify-every N`.
TEST(RipsWindow, soak_invariants_hold_over_thousands_of_slides) {
  constexpr size_t kWindow = 40;
  std::mt19937_64 random(20);
  for (const std::string& cloud : {"uniform", "embedding", "circle", "lattice"}) {
    for (const int max_dimension : {0, 1}) {
      test::Cloud points(cloud, 3, random());
      RipsWindow window(
          {.window_max = kWindow, .dimension = 3, .metric = {}, .max_dimension = max_dimension, .first = 7});
      Replica replica;
      std::vector<RipsChange> changes;
      for (int slide = 0; slide < 4000; ++slide) {
        if (window.places() == kWindow) ASSERT_EQ(window.evict(), Status::kOk);
        ASSERT_EQ(window.append(points.next()), Status::kOk);
        if (slide % 97 == 96) {
          const PointId some = window.oldest_point() + 1 + random() % (window.places() - 1);
          ASSERT_EQ(random() % 2 == 0 ? window.remove(some) : window.move(some, points.next()), Status::kOk);
        }
        changes.clear();
        ASSERT_EQ(window.emit(changes), Status::kOk);
        replica.apply(changes);
        if (slide % 100 != 99) continue;
        window.verify();
        replica.expect_equal(window.diagram());
        expect_naive(window, 1e30, max_dimension, cloud + ", slide " + std::to_string(slide));
        if (HasFatalFailure()) return;
      }
    }
  }
}

// A point between others: a window of the same points with it among them, which knows nothing of the first.
TEST(RipsWindow, oracle_insertion_in_the_middle_is_a_rebuild) {
  for (const std::string& cloud : test::cloud_names()) {
    auto points = take(cloud, 3, 43, 30);
    const RipsConfig config{.window_max = 31, .dimension = 3, .metric = {}, .first = 100};
    points.insert(points.begin() + 11, take(cloud, 3, 44, 5).back());
    RipsWindow window(config);
    for (const std::vector<double>& point : points) ASSERT_EQ(window.append(point), Status::kOk);
    std::vector<RipsChange> changes;
    ASSERT_EQ(window.emit(changes), Status::kOk);
    window.verify();
    expect_naive(window, 1e30, 1, cloud);
    // Moved into place, the point has the age of its place: the same diagram.
    auto moved = points;
    moved[11] = take(cloud, 3, 45, 1).front();
    RipsWindow corrected(config);
    for (const std::vector<double>& point : moved) ASSERT_EQ(corrected.append(point), Status::kOk);
    ASSERT_EQ(corrected.move(111, points[11]), Status::kOk);
    ASSERT_EQ(corrected.emit(changes), Status::kOk);
    EXPECT_TRUE(corrected.diagram() == window.diagram()) << cloud;
  }
}

TEST(RipsWindow, shape_known_answers) {
  const auto long_loops = [](const std::vector<RipsPair>& diagram, float least) {
    return std::count_if(diagram.begin(), diagram.end(), [&](const RipsPair& pair) {
      return pair.dimension == 1 && pair.death - pair.birth > least;
    });
  };
  EXPECT_EQ(long_loops(diagram_of(take("circle", 2, 1, 400), 200, {}), 0.5F), 1);
  EXPECT_EQ(long_loops(diagram_of(take("clusters", 2, 1, 400), 200, {}), 0.5F), 0);
  // A square: the loop is born with the last side and dies with the first diagonal and the youngest corner.
  const std::vector<std::vector<double>> square = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
  const auto diagram = diagram_of(square, 4, {.first = 10});
  ASSERT_EQ(diagram.size(), 5U);
  const RipsPair loop{.dimension = 1,
                      .birth = 1.0F,
                      .death = static_cast<float>(std::sqrt(2.0)),
                      .birth_points = {13, 12, kNoPoint},
                      .death_points = {12, 10, 11, kNoPoint}};
  EXPECT_EQ(diagram.back().birth, loop.birth);
  EXPECT_EQ(diagram.back().death, loop.death);
  EXPECT_EQ(diagram.back().birth_points[0], loop.birth_points[0]);
  EXPECT_EQ(diagram.back().birth_points[1], loop.birth_points[1]);
  // Below the diagonal the loop never dies.
  EXPECT_EQ(diagram_of(square, 4, {.threshold = 1.2}).back().death, std::numeric_limits<float>::infinity());
  // The last step of a walk round a circle opens no loop that a threshold below the step could show.
  EXPECT_EQ(diagram_of(square, 4, {.threshold = 0.9}).size(), 4U);
}

TEST(RipsWindow, refusals_leave_no_trace) {
  EXPECT_EQ(RipsWindow::check_config({.window_max = 0, .dimension = 1}), Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = kRipsWindowMax + 1, .dimension = 1}),
            Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = 5, .dimension = 0}), Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = 5, .dimension = 1, .max_dimension = 3}),
            Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = kVoidsWindowMax + 1, .dimension = 1, .max_dimension = 2}),
            Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = 5, .dimension = 1, .threshold = -1}),
            Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = 5, .dimension = 2, .metric = {.weights = {1}}}),
            Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::check_config({.window_max = 5, .dimension = 2}), Status::kOk);

  RipsWindow window({.window_max = 3, .dimension = 1});
  EXPECT_EQ(window.evict(), Status::kWindowEmpty);
  std::vector<RipsChange> changes;
  ASSERT_EQ(window.emit(changes), Status::kOk);
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(window.append(std::vector<double>{1.0, 2.0}), Status::kWrongDimension);
  EXPECT_EQ(window.append(std::vector<double>{std::nan("")}), Status::kNonFinitePoint);
  EXPECT_EQ(window.append(std::vector<double>{kInfinity}), Status::kNonFinitePoint);
  EXPECT_EQ(window.append(std::vector<double>{-3e38}), Status::kOk);
  EXPECT_EQ(window.append(std::vector<double>{3e38}), Status::kDistanceOverflow);
  EXPECT_EQ(window.append(std::vector<double>{-0.0}), Status::kOk);
  EXPECT_EQ(window.append(std::vector<double>{0.0}), Status::kOk);
  EXPECT_EQ(window.append(std::vector<double>{1.0}), Status::kCapacityExceeded);
  EXPECT_EQ(window.next_point(), 3U);
  ASSERT_EQ(window.emit(changes), Status::kOk);
  EXPECT_EQ(window.diagram().size(), 2U) << "the two zeros are one point";
  EXPECT_EQ(window.append_distances(std::vector<double>{1, 1, 1}), Status::kInvalidArgument);
  EXPECT_EQ(window.remove(3), Status::kPointNotRetained);
  EXPECT_EQ(window.move(3, std::vector<double>{1.0}), Status::kPointNotRetained);
  EXPECT_EQ(window.move(1, std::vector<double>{3e38}), Status::kDistanceOverflow);
  EXPECT_EQ(window.remove(1), Status::kOk);
  EXPECT_EQ(window.remove(1), Status::kPointNotRetained);
  EXPECT_EQ(window.size(), 2U);
  EXPECT_EQ(window.places(), 3U);
  EXPECT_EQ(window.evict(), Status::kOk);
  EXPECT_EQ(window.places(), 1U) << "the gap went with the oldest point";
  std::unique_ptr<RipsWindow> made;
  EXPECT_EQ(RipsWindow::create({.window_max = 0, .dimension = 1}, made), Status::kInvalidArgument);
  EXPECT_EQ(RipsWindow::create({.window_max = 4, .dimension = 1}, made), Status::kOk);
  ASSERT_NE(made, nullptr);

  RipsWindow distances(given(4));
  EXPECT_EQ(distances.append(std::vector<double>{}), Status::kInvalidArgument);
  EXPECT_EQ(distances.append_distances(std::vector<double>{1}), Status::kWrongDimension);
  EXPECT_EQ(distances.append_distances(std::vector<double>{}), Status::kOk);
  EXPECT_EQ(distances.append_distances(std::vector<double>{-1}), Status::kInvalidArgument);
  EXPECT_EQ(distances.append_distances(std::vector<double>{std::nan("")}), Status::kNonFinitePoint);
  EXPECT_EQ(distances.append_distances(std::vector<double>{1e39}), Status::kDistanceOverflow);

  RipsWindow angles({.window_max = 3, .dimension = 2, .metric = {.metric = Metric::kCosine, .weights = {}}});
  EXPECT_EQ(angles.append(std::vector<double>{0, 0}), Status::kNonFinitePoint) << "no direction";
  EXPECT_EQ(angles.append(std::vector<double>{1e-300, 1e300}), Status::kOk);
}

TEST(RipsWindow, memory_is_bounded_without_emissions) {
  RipsWindow window({.window_max = 40, .dimension = 3});
  std::vector<uint64_t> bytes;
  test::Cloud points("circle", 3, 61);
  for (int step = 0; step < 20'000; ++step) {
    if (window.size() == 40) ASSERT_EQ(window.evict(), Status::kOk);
    ASSERT_EQ(window.append(points.next()), Status::kOk);
    if (step % 5000 == 4999) bytes.push_back(window.statistics().bytes);
  }
  EXPECT_LE(bytes.back(), 2 * bytes.front());
  std::vector<RipsChange> changes;
  ASSERT_EQ(window.emit(changes), Status::kOk);
  expect_naive(window, 1e30, 1, "after 20 000 steps");
}

// Two kinds of points, near to the other kind and far from their own: every near edge has an empty lune, and
// every far one a shattered lune. Refused, and whole again once they have gone.
TEST(RipsWindow, shattered_lunes_are_refused_without_harm) {
  RipsConfig config = given(60);
  config.reduction_bytes_max = 20'000;
  RipsWindow window(config);
  std::vector<RipsChange> changes;
  Status status = Status::kOk;
  for (size_t i = 0; i < 60; ++i) {
    std::vector<double> distances(i);
    for (size_t j = 0; j < i; ++j) distances[j] = (i + j) % 2 == 1 ? 1 : 2;
    ASSERT_EQ(window.append_distances(distances), Status::kOk);
    status = window.emit(changes);
  }
  EXPECT_EQ(status, Status::kMemoryLimit);
  while (window.size() > 8) ASSERT_EQ(window.evict(), Status::kOk);
  ASSERT_EQ(window.emit(changes), Status::kOk);
  window.verify();
  expect_naive(window, 1e30, 1, "the last eight");
  Replica replica;
  replica.apply(changes);
  replica.expect_equal(window.diagram());
}

TEST(RipsWindow, memory_stays_within_the_prediction) {
  for (const std::string& cloud : test::cloud_names()) {
    RipsConfig config{.window_max = 300, .dimension = 3};
    RipsWindow window(config);
    std::vector<RipsChange> changes;
    for (const std::vector<double>& point : take(cloud, 3, 51, 700)) {
      if (window.size() == 300) ASSERT_EQ(window.evict(), Status::kOk);
      ASSERT_EQ(window.append(point), Status::kOk);
      ASSERT_EQ(window.emit(changes), Status::kOk);
      changes.clear();
    }
    EXPECT_LE(window.statistics().bytes, RipsWindow::predict_bytes(config)) << cloud;
  }
}

}  // namespace
}  // namespace tda::rips
