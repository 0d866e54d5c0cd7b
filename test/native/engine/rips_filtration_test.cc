// Engines with a Rips filtration against a twin that knows the whole log: after every emission the replayed
// changes equal a whole-matrix reduction of the embedded cloud of that window.
#include "native/engine/rips_filtration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "native/engine/engine.h"
#include "native/rips/distances.h"
#include "test/native/support/inputs.h"
#include "test/native/support/naive_rips.h"

namespace tda {
namespace {

using test::kNoVertex;
using test::NaiveDistances;
using test::Random;

constexpr size_t kStride = RipsFiltration::kStride;

struct Log {
  size_t dimension;
  std::vector<double> values, timestamps, offsets;
  std::vector<uint32_t> indices;

  size_t points() const { return timestamps.size(); }
  PointBatch batch(size_t first, size_t end) const {
    return {std::span(values).subspan(first * dimension, (end - first) * dimension),
            std::span(timestamps).subspan(first, end - first), std::span(offsets).subspan(first, end - first),
            std::span(indices).subspan(first, end - first)};
  }
};

// `levels` > 0: integers, so that nearly all lengths are tied and many points are equal.
Log make_log(size_t points, size_t dimension, size_t levels, uint64_t seed) {
  Random random(seed);
  Log log{dimension, {}, {}, {}, {}};
  for (size_t at = 0; at < points; ++at) {
    for (size_t channel = 0; channel < dimension; ++channel) {
      const double wave = std::sin(double(at) / (3.0 + double(channel))) + 0.2 * random.unit();
      log.values.push_back(levels > 0 ? double(random.below(levels)) + 1 : wave);
    }
    const double step = double(random.below(4)) * (random.below(12) == 0 ? 20 : 1);
    log.timestamps.push_back(at == 0 ? -50 : log.timestamps.back() + step);
    log.offsets.push_back(1000 + double(at / 3));
    log.indices.push_back(uint32_t(at % 3));
  }
  return log;
}

using Row = std::vector<double>;

Row birth_of(const Row& row) {
  Row birth{row[1]};
  birth.insert(birth.end(), row.begin() + 4, row.begin() + 4 + 2 * RipsFiltration::kBirthPoints);
  return birth;
}

// The rows of the diagram of samples [first, next), straight from the definition of the cloud.
std::vector<Row> naive_rows(const Log& log, const RipsSpec& spec, size_t first, size_t next) {
  std::vector<size_t> names;
  std::vector<double> coordinates;
  for (size_t newest = first; newest < next; ++newest) {
    if (newest % spec.stride != 0 || newest < first + spec.reach()) continue;
    std::vector<double> point;
    for (size_t lag = 0; lag < spec.dimension; ++lag) {
      for (const size_t channel : spec.channels) {
        point.push_back(log.values[(newest - lag * spec.delay) * log.dimension + channel]);
      }
    }
    std::vector<double> prepared(point.size());
    if (rips::prepare_point(spec.metric, point, prepared) != Status::kOk) continue;
    names.push_back(newest);
    coordinates.insert(coordinates.end(), point.begin(), point.end());
  }
  rips::Distances distances;
  rips::Distances::Place place;
  EXPECT_EQ(distances.from_points(coordinates, spec.coordinates(), spec.metric, place), Status::kOk);
  NaiveDistances matrix(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    for (size_t j = 0; j < i; ++j) matrix.set(i, j, distances.at(i, j));
  }
  const float threshold = static_cast<float>(std::min(spec.threshold, 1e30));
  std::vector<Row> rows;
  Row row;
  const auto write = [&](std::vector<size_t> vertices, size_t points) {
    vertices.resize(points, kNoVertex);
    std::sort(vertices.begin(), vertices.end());  // oldest first; kNoVertex is the largest number
    for (const size_t vertex : vertices) {
      row.push_back(vertex == kNoVertex ? -1 : log.offsets[names[vertex]]);
      row.push_back(vertex == kNoVertex ? 0 : log.indices[names[vertex]]);
    }
  };
  const auto add = [&](int dimension, float birth, float death, const std::vector<size_t>& born,
                       const std::vector<size_t>& died) {
    row = {1, double(dimension), birth, death};
    write(born, RipsFiltration::kBirthPoints);
    write(died, RipsFiltration::kDeathPoints);
    rows.push_back(row);
  };
  for (const test::NaiveRipsPair& pair : test::naive_window_pairs(matrix, threshold, spec.max_dimension)) {
    add(pair.dimension, pair.birth, pair.death, {pair.birth_younger, pair.birth_older},
        {pair.death_younger, pair.death_older, pair.apex});
  }
  if (spec.max_dimension == 2) {
    for (const test::NaiveVoid& pair : test::naive_voids(matrix, threshold)) {
      add(2, pair.birth, pair.death, pair.triangle, pair.tetrahedron);
    }
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return birth_of(a) < birth_of(b); });
  return rows;
}

std::vector<Row> rows_of(std::span<const double> numbers) {
  std::vector<Row> rows;
  for (size_t at = 0; at < numbers.size(); at += kStride) {
    rows.emplace_back(numbers.begin() + long(at), numbers.begin() + long(at + kStride));
  }
  return rows;
}

struct Setup {
  std::shared_ptr<PointRing> ring;
  std::shared_ptr<Engine> engine;
  Status status;
};

Setup make_engine(const Log& log, const EngineConfig& config) {
  Setup setup;
  EXPECT_EQ(PointRing::create({.dimension = log.dimension,
                               .capacity = log.points() + 100,
                               .timestamps = true,
                               .log_positions = true},
                              setup.ring),
            Status::kOk);
  setup.status = Engine::create(setup.ring, config, setup.engine);
  return setup;
}

// All rows of all emissions, one list after the other, with the log cut into random pieces.
struct Output {
  std::vector<Row> emissions, changes, snapshots;
};

Output run(const Log& log, const EngineConfig& config, uint64_t seed, bool verify) {
  Random random(seed);
  auto [ring, engine, status] = make_engine(log, config);
  EXPECT_EQ(status, Status::kOk);
  if (status != Status::kOk) return {};
  EngineLease lease(engine);
  EngineResults results;
  Output output;
  while (lease->state().next < log.points()) {
    const size_t arrived = size_t(ring->next());
    const size_t more = std::min(log.points() - arrived, random.below(20));
    EXPECT_EQ(ring->append(log.batch(arrived, arrived + more)), Status::kOk);
    const PointId at = lease->state().next;
    EXPECT_EQ(lease->advance(at + random.below(size_t(ring->next() - at) + 1), &results), Status::kOk);
    const auto emissions = results.emissions.numbers();
    for (size_t row = 0; row < emissions.size(); row += kEmissionStride) {
      output.emissions.emplace_back(emissions.begin() + long(row),
                                    emissions.begin() + long(row + kEmissionStride));
      output.emissions.back()[kEmissionChangesEnd] += double(output.changes.size());
      output.emissions.back()[kEmissionSnapshotEnd] += double(output.snapshots.size());
    }
    for (const Row& row : rows_of(results.changes.numbers())) output.changes.push_back(row);
    for (const Row& row : rows_of(results.snapshots.numbers())) output.snapshots.push_back(row);
    if (random.below(3) == 0) {  // asking changes nothing, and is right between emissions too
      EXPECT_EQ(lease->diagram(results), Status::kOk);
      const EngineState now = lease->state();
      EXPECT_EQ(rows_of(results.snapshots.numbers()),
                naive_rows(log, config.filtration.rips, size_t(now.first), size_t(now.next)));
    }
    if (verify) lease->verify();
    if (testing::Test::HasFailure()) break;
  }
  return output;
}

void check(const Log& log, const EngineConfig& config, const Output& output) {
  ASSERT_FALSE(output.emissions.empty());
  std::map<Row, Row> replica;
  size_t change = 0, snapshot = 0;
  for (const Row& emission : output.emissions) {
    const size_t next = size_t(emission[kEmissionLastArrival]) + 1;
    const size_t first = next - size_t(emission[kEmissionPoints]);
    Row last;
    for (; change < size_t(emission[kEmissionChangesEnd]); ++change) {
      Row row = output.changes[change];
      const Row birth = birth_of(row);
      EXPECT_LT(last, birth) << "not in the order of births";
      last = birth;
      const auto kind = ChangeKind(int(row[0]));
      row[0] = 1;
      const auto known = replica.find(birth);
      ASSERT_EQ(known == replica.end(), kind == ChangeKind::kAdded);
      if (kind == ChangeKind::kRemoved) {
        EXPECT_EQ(known->second, row);  // as it was reported last
        replica.erase(known);
      } else {
        if (kind == ChangeKind::kMoved) EXPECT_NE(known->second, row);
        replica[birth] = row;
      }
    }
    std::vector<Row> diagram;
    for (const auto& [birth, row] : replica) diagram.push_back(row);
    ASSERT_EQ(diagram, naive_rows(log, config.filtration.rips, first, next))
        << "window " << first << ".." << next;
    EXPECT_EQ(emission[kEmissionPairs], double(diagram.size()));
    const size_t rows = size_t(emission[kEmissionSnapshotEnd]) - snapshot;
    const bool due = size_t(emission[kEmissionSequence]) % config.snapshot_every == 0;
    ASSERT_EQ(rows, due ? diagram.size() : 0);
    for (const Row& row : diagram) {
      if (due) ASSERT_EQ(output.snapshots[snapshot++], row);
    }
  }
}

struct Case {
  const char* name;
  size_t dimension;
  RipsSpec spec;
  WindowSpec window;
  SlideSpec slide;
};

std::vector<Case> cases() {
  using rips::Metric;
  const double inf = kInfinity;
  return {
      {"cloud of two channels",
       2,
       {{0, 1}, 1, 1, 1, {Metric::kEuclidean, {}}, 1, inf, 0},
       {.count = 24},
       {.count = 1}},
      {"some channels, weights",
       3,
       {{2, 0}, 1, 1, 1, {Metric::kManhattan, {2, 0.5}}, 1, inf, 0},
       {.count = 20},
       {.count = 3}},
      {"embedding", 1, {{0}, 3, 2, 1, {Metric::kEuclidean, {}}, 1, inf, 0}, {.count = 26}, {.count = 1}},
      {"voids", 3, {{0, 1, 2}, 1, 1, 1, {Metric::kEuclidean, {}}, 2, 1.5, 0}, {.count = 11}, {.count = 3}},
      {"embedding with a stride",
       2,
       {{1}, 2, 3, 2, {Metric::kChebyshev, {}}, 1, inf, 0},
       {.count = 40},
       {.count = 5}},
      {"stride longer than the slide",
       1,
       {{0}, 2, 1, 7, {Metric::kEuclidean, {}}, 1, inf, 0},
       {.count = 80},
       {.count = 2}},
      {"embedding, cosine", 1, {{0}, 2, 4, 1, {Metric::kCosine, {}}, 1, inf, 0}, {.count = 20}, {.count = 1}},
      {"embedding, correlation: constant vectors are left out",
       1,
       {{0}, 3, 1, 1, {Metric::kCorrelation, {}}, 1, inf, 0},
       {.count = 22},
       {.count = 1}},
      {"threshold", 2, {{0, 1}, 1, 1, 1, {Metric::kEuclidean, {}}, 1, 1.0, 0}, {.count = 24}, {.count = 1}},
      {"components only",
       2,
       {{0, 1}, 1, 1, 1, {Metric::kEuclidean, {}}, 0, inf, 0},
       {.count = 30},
       {.count = 2}},
      {"window by time",
       2,
       {{0, 1}, 1, 1, 1, {Metric::kEuclidean, {}}, 1, inf, 60},
       {.span_ms = 30},
       {.count = 1}},
      {"embedding in a window by time that may be too short for a point",
       1,
       {{0}, 3, 3, 2, {Metric::kEuclidean, {}}, 1, inf, 60},
       {.span_ms = 16},
       {.count = 2}},
      {"slide by time",
       1,
       {{0}, 2, 2, 1, {Metric::kEuclidean, {}}, 1, inf, 60},
       {.span_ms = 30},
       {.every_ms = 10}},
      {"one point", 2, {{0, 1}, 1, 1, 1, {Metric::kEuclidean, {}}, 1, inf, 0}, {.count = 1}, {.count = 1}},
  };
}

TEST(RipsFiltration, oracle_every_emission_equals_the_reduction_of_its_cloud) {
  for (const Case& one : cases()) {
    for (const size_t levels : {size_t{0}, size_t{2}, size_t{4}}) {
      SCOPED_TRACE(std::string(one.name) + ", levels " + std::to_string(levels));
      const Log log = make_log(160, one.dimension, levels, 7 + levels);
      const EngineConfig config{.filtration = {.kind = FiltrationKind::kRips, .channel = 0, .rips = one.spec},
                                .window = one.window,
                                .slide = one.slide,
                                .snapshot_every = 4};
      const Output output = run(log, config, 1, levels == 2 && one.window.count < 30);
      check(log, config, output);
      const Output again = run(log, config, 2, false);  // determinism: other cuts, the same rows
      const auto bytes = [](const std::vector<Row>& rows) {
        std::vector<uint64_t> words;
        for (const Row& row : rows) {
          for (const double number : row) {
            uint64_t word = 0;
            std::memcpy(&word, &number, sizeof(word));
            words.push_back(word);
          }
        }
        return words;
      };
      EXPECT_EQ(bytes(output.emissions), bytes(again.emissions));
      EXPECT_EQ(bytes(output.changes), bytes(again.changes));
      EXPECT_EQ(bytes(output.snapshots), bytes(again.snapshots));
      if (HasFatalFailure() || HasFailure()) return;
    }
  }
}

TEST(RipsFiltration, oracle_points_come_and_go_by_hand) {
  const Log log = make_log(60, 2, 3, 5);
  const EngineConfig config{.filtration = {.kind = FiltrationKind::kRips,
                                           .channel = 0,
                                           .rips = {{0, 1}, 1, 1, 1, {}, 1, kInfinity, 0}},
                            .window = {.count = 30},
                            .slide = {},
                            .snapshot_every = 0};
  auto [ring, engine, status] = make_engine(log, config);
  ASSERT_EQ(status, Status::kOk);
  EngineLease lease(engine);
  EngineResults results;
  Random random(3);
  size_t first = 0, next = 0;
  while (next < log.points()) {
    const size_t more = std::min({log.points() - next, 30 - (next - first), random.below(6)});
    ASSERT_EQ(ring->append(log.batch(next, next + more)), Status::kOk);
    next += more;
    first += random.below(next - first + 1) / (random.below(4) + 1);  // often all of them
    ASSERT_EQ(lease->update(next, first, results), Status::kOk);
    ASSERT_EQ(lease->diagram(results), Status::kOk);
    ASSERT_EQ(rows_of(results.snapshots.numbers()), naive_rows(log, config.filtration.rips, first, next));
  }
}

// That the diagram is the right one is shown against batch persistence in test/property/rips_corrections.test.ts.
TEST(RipsFiltration, law_corrections_replay_to_the_diagram) {
  const Log log = make_log(300, 2, 3, 5);
  const EngineConfig config{.filtration = {.kind = FiltrationKind::kRips,
                                           .channel = 0,
                                           .rips = {{0, 1}, 1, 1, 1, {}, 1, kInfinity, 0}},
                            .window = {.count = 12},
                            .slide = {},
                            .snapshot_every = 0};
  auto [ring, engine, status] = make_engine(log, config);
  ASSERT_EQ(status, Status::kOk);
  EngineLease lease(engine);
  ASSERT_TRUE(lease->can_correct());
  EngineResults results;
  Random random(3);
  std::set<size_t> present;
  std::map<Row, Row> replica;
  for (size_t next = 0, step = 0; next < 60; ++step) {
    const size_t kind = random.below(4);
    const size_t first = present.empty() ? next : *present.begin();
    const size_t some = first + random.below(std::max<size_t>(next - first, 1));
    const auto point = std::span(log.values).subspan(2 * (step % log.points()), 2);
    if (kind == 0 || present.empty()) {
      ASSERT_EQ(ring->append(log.batch(next, next + 1)), Status::kOk);
      present.insert(next++);
      while (next - *present.begin() > config.window.count) present.erase(present.begin());
      ASSERT_EQ(lease->update(next, *present.begin(), results), Status::kOk);
    } else if (kind == 1 && present.erase(some) > 0) {
      ASSERT_EQ(lease->remove(some, results), Status::kOk);
    } else if (kind == 1) {
      ASSERT_EQ(lease->remove(some, results), Status::kPointNotRetained);
      ASSERT_TRUE(results.changes.numbers().empty());
    } else {
      ASSERT_EQ(lease->move(some, point, results), Status::kOk);
      present.insert(some);
    }
    for (Row row : rows_of(results.changes.numbers())) {
      const auto kind = ChangeKind(int(std::exchange(row[0], 1)));
      const auto known = replica.find(birth_of(row));
      ASSERT_EQ(known == replica.end(), kind == ChangeKind::kAdded);
      if (kind == ChangeKind::kRemoved) ASSERT_EQ(known->second, row);  // as it was reported last
      if (kind == ChangeKind::kMoved) ASSERT_EQ(known->second[2], row[2]) << "a birth that moves is another";
      if (kind == ChangeKind::kRemoved) replica.erase(known);
      if (kind != ChangeKind::kRemoved) replica[birth_of(row)] = row;
    }
    ASSERT_EQ(lease->diagram(results), Status::kOk);
    std::vector<Row> diagram;
    for (const auto& [birth, row] : replica) diagram.push_back(row);
    ASSERT_EQ(rows_of(results.snapshots.numbers()), diagram);
    EXPECT_EQ(lease->state().first, present.empty() ? next : *present.begin());
    lease->verify();
  }
}

TEST(RipsFiltration, what_cannot_be_corrected_is_refused) {
  const Log log = make_log(9, 2, 3, 5);
  const RipsSpec cloud{{0, 1}, 1, 1, 1, {}, 1, kInfinity, 0};
  const auto made = [&](const RipsSpec& spec, FiltrationKind kind, const SlideSpec& slide) {
    const FiltrationConfig filtration{.kind = kind, .channel = 0, .rips = spec};
    auto setup = make_engine(
        log, {.filtration = filtration, .window = {.count = 8}, .slide = slide, .snapshot_every = 0});
    EXPECT_EQ(setup.ring->append(log.batch(0, 5)), Status::kOk);
    return setup;
  };
  EngineResults results;
  const std::vector<double> point{1, 2};
  for (const auto& setup :
       {made(cloud, FiltrationKind::kSublevel, {}), made(cloud, FiltrationKind::kRips, {.count = 1}),
        made({{0}, 2, 1, 1, {}, 1, kInfinity, 0}, FiltrationKind::kRips, {}),
        made({{0, 1}, 1, 1, 2, {}, 1, kInfinity, 0}, FiltrationKind::kRips, {})}) {
    EngineLease lease(setup.engine);
    EXPECT_FALSE(lease->can_correct());
    EXPECT_EQ(lease->remove(0, results), Status::kInvalidArgument);
    EXPECT_EQ(lease->move(0, point, results), Status::kInvalidArgument);
  }
  const auto setup = made(cloud, FiltrationKind::kRips, {});
  EngineLease lease(setup.engine);
  ASSERT_EQ(lease->update(5, 1, results), Status::kOk);
  for (const PointId absent : {0, 5, 6}) {
    EXPECT_EQ(lease->remove(absent, results), Status::kPointNotRetained);
    EXPECT_EQ(lease->move(absent, point, results), Status::kPointNotRetained);
  }
  EXPECT_EQ(lease->move(2, std::vector<double>{1}, results), Status::kWrongDimension);
  EXPECT_EQ(lease->move(2, std::vector<double>{1, NAN}, results), Status::kNonFinitePoint);
  EXPECT_EQ(lease->move(2, std::vector<double>{1, 1e38}, results), Status::kDistanceOverflow);
  EXPECT_EQ(lease->state().sequence, 1u);
}

PointBatch one_point(const std::vector<double>& values, const double& timestamp) {
  static const double offset = 0;
  static const uint32_t index = 0;
  return {values, {&timestamp, 1}, {&offset, 1}, {&index, 1}};
}

Setup gated(const RipsSpec& spec, const WindowSpec& window, size_t dimension) {
  Log log{dimension, {}, {}, {}, {}};
  return make_engine(log, {.filtration = {.kind = FiltrationKind::kRips, .channel = 0, .rips = spec},
                           .window = window,
                           .slide = {.count = 1},
                           .snapshot_every = 0});
}

TEST(RipsGate, refuses_what_the_metric_cannot_take_and_leaves_no_trace) {
  const double timestamp = 0;
  {
    auto [ring, engine, status] = gated({{0, 1}, 1, 1, 1, {}, 1, kInfinity, 0}, {.count = 4}, 2);
    ASSERT_EQ(status, Status::kOk);
    for (const double huge : {1e38, -1e38, 1e300}) {
      EXPECT_EQ(ring->append(one_point({huge, 0}, timestamp)), Status::kDistanceOverflow);
    }
    EXPECT_EQ(ring->next(), 0u);
    // The largest that may enter, at opposite ends: their distance is stored.
    EXPECT_EQ(ring->append(one_point({8e37, 0}, timestamp)), Status::kOk);
    EXPECT_EQ(ring->append(one_point({-8e37, 0}, timestamp)), Status::kOk);
    EngineLease lease(engine);
    EXPECT_EQ(lease->advance(2, nullptr), Status::kOk);
    std::vector<Status> refusals(3, Status::kOk);
    ring->mark_refusals(std::vector<double>{1, 1, 1e39, 0, 0, 0}, refusals);
    EXPECT_EQ(refusals, (std::vector<Status>{Status::kOk, Status::kDistanceOverflow, Status::kOk}));
  }
  {
    auto [ring, engine, status] =
        gated({{0, 1}, 1, 1, 1, {rips::Metric::kCosine, {}}, 1, kInfinity, 0}, {.count = 4}, 2);
    ASSERT_EQ(status, Status::kOk);
    EXPECT_EQ(ring->append(one_point({0, 0}, timestamp)), Status::kNonFinitePoint);
    EXPECT_EQ(ring->append(one_point({1e300, 0}, timestamp)), Status::kOk);  // angles do not overflow
  }
  {
    auto [ring, engine, status] = gated(
        {{0}, 3, 2, 1, {rips::Metric::kEuclidean, {1e-20, 1e-20, 0}}, 1, kInfinity, 0}, {.count = 9}, 1);
    ASSERT_EQ(status, Status::kOk);
    EXPECT_EQ(ring->append(one_point({1e50}, timestamp)), Status::kOk);  // small enough once it is weighted
    EXPECT_EQ(ring->append(one_point({1e58}, timestamp)), Status::kDistanceOverflow);
  }
}

TEST(RipsGate, a_window_by_time_never_holds_more_than_its_maximum) {
  auto [ring, engine, status] = gated({{0}, 1, 1, 1, {}, 1, kInfinity, 3}, {.span_ms = 10}, 1);
  ASSERT_EQ(status, Status::kOk);
  EngineLease lease(engine);
  for (const double timestamp : {0.0, 1.0, 2.0}) {
    ASSERT_EQ(ring->append(one_point({timestamp}, timestamp)), Status::kOk);
  }
  EXPECT_EQ(ring->append(one_point({3}, 9.0)), Status::kCapacityExceeded);
  EXPECT_EQ(ring->append(one_point({3}, 10.0)), Status::kOk);  // the point at 0 has left
  EXPECT_EQ(lease->advance(4, nullptr), Status::kOk);
  EXPECT_EQ(lease->state().first, 1u);
}

TEST(RipsGate, looks_at_what_is_in_the_ring_already_and_goes_with_its_engine) {
  Log log{1, {}, {}, {}, {}};
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(
      PointRing::create({.dimension = 1, .capacity = 10, .timestamps = true, .log_positions = true}, ring),
      Status::kOk);
  const EngineConfig config{.filtration = {.kind = FiltrationKind::kRips,
                                           .channel = 0,
                                           .rips = {{0}, 1, 1, 1, {}, 1, kInfinity, 0}},
                            .window = {.count = 4},
                            .slide = {.count = 1},
                            .snapshot_every = 0};
  std::shared_ptr<Engine> engine;
  ASSERT_EQ(Engine::create(ring, config, engine), Status::kOk);
  EXPECT_EQ(ring->append(one_point({1e39}, 0)), Status::kDistanceOverflow);
  engine.reset();
  EXPECT_EQ(ring->append(one_point({1e39}, 0)), Status::kOk);
  EXPECT_EQ(Engine::create(ring, config, engine), Status::kDistanceOverflow);
  EXPECT_EQ(engine, nullptr);
}

TEST(RipsFiltration, refuses_what_can_never_be_right) {
  const auto status_of = [](const RipsSpec& spec, const WindowSpec& window) {
    return gated(spec, window, 2).status;
  };
  const RipsSpec good{{0, 1}, 1, 1, 1, {}, 1, kInfinity, 0};
  EXPECT_EQ(status_of(good, {.count = 4}), Status::kOk);
  const auto with = [&](auto change) {
    RipsSpec spec = good;
    change(spec);
    return status_of(spec, {.count = 4});
  };
  EXPECT_EQ(with([](RipsSpec& spec) { spec.channels = {}; }), Status::kInvalidArgument);
  EXPECT_EQ(with([](RipsSpec& spec) { spec.channels = {2}; }), Status::kInvalidArgument);
  EXPECT_EQ(with([](RipsSpec& spec) { spec.stride = 0; }), Status::kInvalidArgument);
  EXPECT_EQ(with([](RipsSpec& spec) { spec.max_dimension = 3; }), Status::kInvalidArgument);
  EXPECT_EQ(with([](RipsSpec& spec) { spec.threshold = -1; }), Status::kInvalidArgument);
  EXPECT_EQ(with([](RipsSpec& spec) { spec.metric.weights = {1}; }), Status::kInvalidArgument);
  EXPECT_EQ(with([](RipsSpec& spec) { spec.dimension = 3, spec.delay = 2; }), Status::kInvalidArgument);
  EXPECT_EQ(
      with([](RipsSpec& spec) { spec.channels = {0}, spec.metric.metric = rips::Metric::kCorrelation; }),
      Status::kInvalidArgument);
  EXPECT_EQ(status_of(good, {.span_ms = 5}), Status::kInvalidArgument);  // no points_max
}

}  // namespace
}  // namespace tda
