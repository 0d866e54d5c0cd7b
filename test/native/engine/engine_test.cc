// Engines against a twin that knows the whole log and computes every emission from the definitions.
#include "native/engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "test/native/support/inputs.h"
#include "test/native/support/naive_series.h"

namespace tda {
namespace {

using test::NaiveSeriesPair;
using test::Random;

constexpr size_t kStride = change_stride(1, 1);

struct Log {
  size_t dimension;
  std::vector<double> values, timestamps, offsets;
  std::vector<uint32_t> indices;
  bool stamped, positioned;

  size_t points() const { return timestamps.size(); }
  PointBatch batch(size_t first, size_t end) const {
    const auto cut = [&](const auto& column, bool kept) {
      return kept ? std::span(column).subspan(first, end - first) : std::span(column).first(0);
    };
    return {std::span(values).subspan(first * dimension, (end - first) * dimension), cut(timestamps, stamped),
            cut(offsets, positioned), cut(indices, positioned)};
  }
};

Log make_log(const test::NamedSeries& input, size_t points, size_t dimension, bool stamped, bool positioned,
             uint64_t seed) {
  Random random(seed);
  const auto series = test::make_series(input, points * dimension, seed);
  Log log{dimension, series, {}, {}, {}, stamped, positioned};
  for (double& value : log.values) value += 0.0;
  for (size_t at = 0; at < points; ++at) {
    const double step = double(random.below(4)) * (random.below(10) == 0 ? 20 : 1);
    log.timestamps.push_back(at == 0 ? -50 : log.timestamps.back() + step);
    log.offsets.push_back(1000 + double(at / 3));
    log.indices.push_back(uint32_t(at % 3));
  }
  return log;
}

struct Emission {
  double boundary;
  size_t first, next;
  bool operator==(const Emission& other) const {
    return (boundary == other.boundary || (std::isnan(boundary) && std::isnan(other.boundary))) &&
           first == other.first && next == other.next;
  }
};

// When emissions fall due and of which window, straight from the definitions.
std::vector<Emission> expected_emissions(const Log& log, const EngineConfig& config) {
  const auto window_of = [&](size_t next) {
    size_t first = 0;
    if (!config.window.by_time()) return next > config.window.count ? next - config.window.count : size_t{0};
    while (log.timestamps[first] <= log.timestamps[next - 1] - config.window.span_ms) ++first;
    return first;
  };
  std::vector<Emission> emissions;
  for (size_t at = 0; at < log.points(); ++at) {
    if (config.slide.count > 0) {
      if ((at + 1) % config.slide.count == 0) emissions.push_back({std::nan(""), window_of(at + 1), at + 1});
    } else if (at > 0) {
      const double every = config.slide.every_ms;
      const double boundary = std::ceil(log.timestamps[at - 1] / every) * every;
      if (log.timestamps[at] > boundary) emissions.push_back({boundary, window_of(at), at});
    }
  }
  return emissions;
}

struct Output {
  std::vector<double> emissions, changes, snapshots;

  void add(const EngineResults& results) {
    const size_t change_rows = changes.size() / kStride, snapshot_rows = snapshots.size() / kStride;
    const auto rows = results.emissions.numbers();
    for (size_t at = 0; at < rows.size(); at += kEmissionStride) {
      emissions.insert(emissions.end(), rows.begin() + long(at), rows.begin() + long(at + kEmissionStride));
      emissions[emissions.size() - kEmissionStride + kEmissionChangesEnd] += double(change_rows);
      emissions[emissions.size() - kEmissionStride + kEmissionSnapshotEnd] += double(snapshot_rows);
    }
    const auto append = [](std::vector<double>& to, std::span<const double> from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(changes, results.changes.numbers());
    append(snapshots, results.snapshots.numbers());
  }
  bool same_bytes(const Output& other) const {
    const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
      return a.size() == b.size() &&
             (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
    };
    return same(emissions, other.emissions) && same(changes, other.changes) &&
           same(snapshots, other.snapshots);
  }
};

// Runs the log through an engine, cut at random: in batches of at most `batch_max`, advanced at most
// `advance_max`.
Output run(const Log& log, const EngineConfig& config, Random& random, size_t batch_max, bool verify) {
  std::shared_ptr<PointRing> ring;
  EXPECT_EQ(PointRing::create({.dimension = log.dimension,
                               .capacity = log.points() + 1,
                               .timestamps = log.stamped,
                               .log_positions = log.positioned},
                              ring),
            Status::kOk);
  std::shared_ptr<Engine> engine;
  EXPECT_EQ(Engine::create(ring, config, engine), Status::kOk);
  EngineLease lease(engine);
  EngineResults results;
  Output output;
  while (lease->state().next < log.points()) {
    const size_t arrived = size_t(ring->next());
    const size_t more = std::min(log.points() - arrived, random.below(batch_max + 1));
    EXPECT_EQ(ring->append(log.batch(arrived, arrived + more)), Status::kOk);
    const PointId at = lease->state().next;
    EXPECT_EQ(lease->advance(at + random.below(size_t(ring->next() - at) + 1), &results), Status::kOk);
    output.add(results);
    if (random.below(4) == 0) EXPECT_EQ(lease->diagram(results), Status::kOk);  // asking changes nothing
    if (verify) lease->verify();
    EXPECT_EQ(lease->advance(lease->state().next + log.points() + 2, &results), Status::kPointNotRetained);
    if (testing::Test::HasFailure()) break;
  }
  return output;
}

std::vector<double> expected_row(const Log& log, size_t channel, size_t first, const NaiveSeriesPair& pair) {
  const auto value = [&](size_t at) { return log.values[(first + at) * log.dimension + channel]; };
  const auto offset = [&](size_t at) {
    return log.positioned ? log.offsets[first + at] : double(first + at);
  };
  const auto index = [&](size_t at) { return log.positioned ? double(log.indices[first + at]) : 0.0; };
  return {1,
          0,
          value(pair.birth),
          pair.death ? value(*pair.death) : kInfinity,
          offset(pair.birth),
          index(pair.birth),
          pair.death ? offset(*pair.death) : -1,
          pair.death ? index(*pair.death) : 0};
}

// Checks the whole output: emission rows, changes that replay to the diagram of each emission, snapshots.
void check(const Log& log, const EngineConfig& config, const Output& output) {
  const auto expected = expected_emissions(log, config);
  ASSERT_EQ(output.emissions.size(), expected.size() * kEmissionStride);
  const size_t channel = config.filtration.channel;
  std::map<std::pair<double, double>, std::vector<double>> replica;  // birth position -> row
  size_t change = 0, snapshot = 0;
  for (size_t at = 0; at < expected.size(); ++at) {
    const auto [boundary, first, next] = expected[at];
    const double* row = output.emissions.data() + at * kEmissionStride;
    ASSERT_EQ((Emission{row[kEmissionBoundaryMs], next - size_t(row[kEmissionPoints]),
                        size_t(row[kEmissionLastArrival]) + 1}),
              expected[at])
        << "emission " << at;
    EXPECT_EQ(row[kEmissionSequence], double(at + 1));
    EXPECT_EQ(row[kEmissionFull], config.window.by_time() ? first > 0 : next - first == config.window.count);
    EXPECT_EQ(row[kEmissionFirstOffset], log.positioned ? log.offsets[first] : double(first));
    EXPECT_EQ(row[kEmissionFirstIndex], log.positioned ? log.indices[first] : 0);
    EXPECT_EQ(row[kEmissionLastOffset], log.positioned ? log.offsets[next - 1] : double(next - 1));
    EXPECT_EQ(row[kEmissionLastIndex], log.positioned ? log.indices[next - 1] : 0);
    if (log.stamped) {
      EXPECT_EQ(row[kEmissionFirstTimestamp], log.timestamps[first]);
      EXPECT_EQ(row[kEmissionLastTimestamp], log.timestamps[next - 1]);
    } else {
      EXPECT_TRUE(std::isnan(row[kEmissionFirstTimestamp]) && std::isnan(row[kEmissionLastTimestamp]));
    }

    std::pair<double, double> last{-1, 0};
    for (; change < size_t(row[kEmissionChangesEnd]); ++change) {
      std::vector<double> now(output.changes.begin() + long(change * kStride),
                              output.changes.begin() + long((change + 1) * kStride));
      const std::pair birth{now[4], now[5]};
      EXPECT_LT(last, birth) << "not in the order of births";
      last = birth;
      const auto known = replica.find(birth);
      const auto kind = ChangeKind(int(now[0]));
      now[0] = 1;
      if (kind == ChangeKind::kAdded) {
        ASSERT_EQ(known, replica.end());
        replica[birth] = now;
      } else {
        ASSERT_NE(known, replica.end());
        if (kind == ChangeKind::kRemoved) {
          EXPECT_EQ(known->second, now);  // a removal shows the pair as it was reported last
          replica.erase(known);
        } else {
          EXPECT_NE(known->second, now);
          known->second = now;
        }
      }
    }
    std::vector<double> window;
    for (size_t id = first; id < next; ++id) window.push_back(log.values[id * log.dimension + channel]);
    const auto pairs =
        test::naive_series_pairs(window, config.filtration.kind == FiltrationKind::kSuperlevel);
    ASSERT_EQ(replica.size(), pairs.size());
    EXPECT_EQ(row[kEmissionPairs], double(pairs.size()));
    auto entry = replica.begin();
    for (const NaiveSeriesPair& pair : pairs)
      ASSERT_EQ((entry++)->second, expected_row(log, channel, first, pair));

    const bool due =
        config.snapshot_every > 0 && (at + 1 + config.snapshot_phase) % config.snapshot_every == 0;
    ASSERT_EQ(row[kEmissionSnapshotEnd], double(snapshot + (due ? pairs.size() : 0)));
    for (const auto& [birth, now] : replica) {
      if (!due) break;
      ASSERT_TRUE(std::equal(now.begin(), now.end(), output.snapshots.begin() + long(snapshot * kStride)));
      ++snapshot;
    }
  }
}

TEST(Engine, oracle_every_emission_and_law_batching_is_invisible) {
  const auto inputs = test::named_series();
  for (uint64_t seed = 1; seed <= 170; ++seed) {
    const auto& input = inputs[seed % inputs.size()];
    SCOPED_TRACE(input.name + ", seed " + std::to_string(seed));
    Random random(seed);
    const size_t dimension = 1 + random.below(3);
    const bool window_by_time = random.below(2) == 0, slide_by_time = random.below(2) == 0;
    const bool stamped = window_by_time || slide_by_time || random.below(2) == 0;
    const Log log = make_log(input, 400, dimension, stamped, random.below(2) == 0, seed);
    const EngineConfig config{
        .filtration = {random.below(2) == 0 ? FiltrationKind::kSublevel : FiltrationKind::kSuperlevel,
                       random.below(dimension)},
        .window = window_by_time ? WindowSpec{.span_ms = 1 + double(random.below(150))}
                                 : WindowSpec{.count = 1 + random.below(150)},
        .slide = slide_by_time ? SlideSpec{.every_ms = 1 + double(random.below(30))}
                               : SlideSpec{.count = 1 + random.below(random.below(2) == 0 ? 5 : 200)},
        .snapshot_every = random.below(4),
        .snapshot_phase = random.below(4)};
    const Output whole = run(log, config, random, 400, true);
    check(log, config, whole);
    for (const size_t batch_max : {3u, 50u}) {
      EXPECT_TRUE(whole.same_bytes(run(log, config, random, batch_max, false)));
    }
    if (HasFailure()) return;
  }
}

struct Fixture {
  std::shared_ptr<PointRing> ring;
  std::shared_ptr<Engine> engine;
  EngineResults results;

  Fixture(const RingConfig& ring_config, const EngineConfig& config) {
    EXPECT_EQ(PointRing::create(ring_config, ring), Status::kOk);
    EXPECT_EQ(Engine::create(ring, config, engine), Status::kOk);
  }
  Status append(const std::vector<double>& values) { return ring->append({values, {}, {}, {}}); }
};

TEST(Engine, refuses_what_can_never_be_right) {
  std::shared_ptr<PointRing> plain, stamped;
  ASSERT_EQ(PointRing::create({.capacity = 10}, plain), Status::kOk);
  ASSERT_EQ(PointRing::create({.capacity = 10, .timestamps = true}, stamped), Status::kOk);
  std::shared_ptr<Engine> engine;
  const auto refused = [&](const auto& ring, const EngineConfig& config) {
    return Engine::create(ring, config, engine) == Status::kInvalidArgument;
  };
  EXPECT_TRUE(refused(plain, {.window = {}, .slide = {.count = 1}}));
  EXPECT_TRUE(refused(plain, {.filtration = {.channel = 1}, .window = {.count = 2}, .slide = {.count = 1}}));
  EXPECT_TRUE(refused(plain, {.window = {.count = 9}, .slide = {.count = 2}}));
  EXPECT_TRUE(refused(plain, {.window = {.count = 2}, .slide = {.every_ms = 5}}));
  EXPECT_TRUE(refused(stamped, {.window = {.count = 2}, .slide = {.count = 1, .every_ms = 5}}));
  EXPECT_TRUE(refused(stamped, {.window = {.count = 2}, .slide = {.every_ms = -5}}));
  EXPECT_TRUE(refused(stamped, {.window = {.span_ms = 2}, .slide = {.count = 11}}));
  EXPECT_FALSE(refused(stamped, {.window = {.count = 9}, .slide = {.count = 1}}));
}

TEST(Engine, by_hand_emits_only_when_asked_and_empties) {
  Fixture fixture({.capacity = 8}, {.window = {.count = 8}});
  EngineLease lease(fixture.engine);
  ASSERT_EQ(fixture.append({3, 1, 4, 2, 5}), Status::kOk);
  ASSERT_EQ(lease->advance(3, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.emissions.size(), 0u);
  ASSERT_EQ(lease->update(5, 0, fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.changes.size(), 2 * kStride);
  EXPECT_EQ(lease->update(5, 6, fixture.results), Status::kWindowEmpty);
  ASSERT_EQ(lease->update(5, 5, fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.changes.size(), 2 * kStride);
  EXPECT_EQ(fixture.results.changes.numbers()[0], 0);
  EXPECT_EQ(fixture.results.emissions.numbers()[kEmissionPoints], 0);
  EXPECT_EQ(fixture.results.emissions.numbers()[kEmissionFirstOffset], -1);
  EXPECT_EQ(lease->state().pairs, 0u);
  ASSERT_EQ(fixture.append({7}), Status::kOk);
  ASSERT_EQ(lease->update(6, 5, fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.changes.numbers()[2], 7);
  Fixture sliding({.capacity = 8}, {.window = {.count = 4}, .slide = {.count = 1}});
  EngineLease other(sliding.engine);
  EXPECT_EQ(other->update(0, 0, sliding.results), Status::kInvalidArgument);
}

TEST(Engine, discard_counts_and_later_updates_start_from_there) {
  Fixture fixture({.capacity = 8}, {.window = {.count = 4}, .slide = {.count = 1}, .snapshot_every = 1});
  EngineLease lease(fixture.engine);
  ASSERT_EQ(fixture.append({3, 1, 4, 2}), Status::kOk);
  ASSERT_EQ(lease->advance(3, nullptr), Status::kOk);
  EXPECT_EQ(lease->state().sequence, 3u);
  EXPECT_EQ(lease->state().pairs, 1u);
  ASSERT_EQ(lease->advance(4, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.emissions.numbers()[kEmissionSequence], 4);
  EXPECT_EQ(fixture.results.changes.size(), kStride);
  EXPECT_EQ(fixture.results.snapshots.size(), 2 * kStride);
}

TEST(Engine, a_snapshot_comes_with_the_next_update_when_asked_for) {
  Fixture fixture({.capacity = 8}, {.window = {.count = 4}, .slide = {.count = 2}});
  EngineLease lease(fixture.engine);
  fixture.engine->request_snapshot();
  ASSERT_EQ(fixture.append({3, 1, 4, 2}), Status::kOk);
  ASSERT_EQ(lease->advance(1, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.snapshots.size(), 0u);
  ASSERT_EQ(lease->advance(4, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.emissions.numbers()[kEmissionSnapshotEnd], 1);
  EXPECT_EQ(fixture.results.snapshots.size(), kStride);
}

TEST(Engine, the_ring_keeps_what_a_removal_may_name) {
  Fixture fixture({.capacity = 6}, {.window = {.count = 4}, .slide = {.count = 2}});
  EngineLease lease(fixture.engine);
  ASSERT_EQ(fixture.append({1, 2, 3, 4, 5, 6}), Status::kOk);
  ASSERT_EQ(fixture.append({7}), Status::kCapacityExceeded);
  ASSERT_EQ(lease->advance(6, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.ring->oldest_held(), 2u);
  ASSERT_EQ(fixture.append({7, 8}), Status::kOk);
  ASSERT_EQ(lease->advance(8, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.changes.numbers()[2],
            3);  // birth of the removed pair: point 2, outside the window now
}

TEST(Engine, a_later_engine_starts_at_the_oldest_point_of_the_ring) {
  Fixture fixture({.capacity = 6}, {.window = {.count = 2}, .slide = {.count = 2}});
  for (PointId next = 1; next <= 9; ++next) {
    ASSERT_EQ(fixture.append({double(next)}), Status::kOk);
    ASSERT_EQ(EngineLease(fixture.engine)->advance(next, nullptr), Status::kOk);
  }
  std::shared_ptr<Engine> later;
  ASSERT_EQ(Engine::create(fixture.ring, {.window = {.count = 4}, .slide = {.count = 2}}, later),
            Status::kOk);
  EXPECT_EQ(later->state().next, 3u);
  ASSERT_EQ(EngineLease(later)->advance(9, &fixture.results), Status::kOk);
  EXPECT_EQ(fixture.results.emissions.numbers()[kEmissionLastArrival], 3);  // point number 4
}

TEST(Engine, takes_the_largest_window_a_ring_can_hold) {
  const size_t most = kRingCapacityMax;
  Fixture fixture({.capacity = most}, {.window = {.count = most - 1}, .slide = {.count = 1}});
  EngineLease lease(fixture.engine);
  ASSERT_EQ(fixture.append({3, 1, 4}), Status::kOk);
  ASSERT_EQ(lease->advance(3, &fixture.results), Status::kOk);
  EXPECT_EQ(lease->state().pairs, 1u);
}

TEST(Engine, a_refused_call_leaves_nothing_in_the_results) {
  Fixture fixture({.capacity = 8}, {.window = {.count = 4}, .slide = {.count = 1}});
  EngineLease lease(fixture.engine);
  ASSERT_EQ(fixture.append({3, 1, 4}), Status::kOk);
  ASSERT_EQ(lease->advance(3, &fixture.results), Status::kOk);
  ASSERT_GT(fixture.results.emissions.size(), 0u);
  ASSERT_EQ(lease->advance(9, &fixture.results), Status::kPointNotRetained);
  EXPECT_EQ(fixture.results.emissions.size() + fixture.results.changes.size(), 0u);
}

TEST(Engine, a_second_lease_finds_it_busy) {
  Fixture fixture({.capacity = 6}, {.window = {.count = 2}, .slide = {.count = 2}});
  {
    const EngineLease lease(fixture.engine);
    EXPECT_TRUE(bool(lease));
    EXPECT_FALSE(bool(EngineLease(fixture.engine)));
  }
  EXPECT_TRUE(bool(EngineLease(fixture.engine)));
}

}  // namespace
}  // namespace tda
