// Engines that go on for another one, against the other one left alone: the same bytes from there on.
#include <gtest/gtest.h>

#include <cstring>

#include "native/engine/engine.h"
#include "test/native/support/inputs.h"

namespace tda {
namespace {

using test::Random;

constexpr size_t kPoints = 700;
constexpr size_t kDimension = 2;

struct Log {
  std::vector<double> values, timestamps, offsets;
  std::vector<uint32_t> indices;

  explicit Log(uint64_t seed) {
    Random random(seed);
    double now = 0;
    for (size_t at = 0; at < kPoints; ++at) {
      for (size_t axis = 0; axis < kDimension; ++axis) values.push_back(double(random.below(12)));  // ties
      now += double(random.below(4)) * (random.below(12) == 0 ? 15 : 1);
      timestamps.push_back(now);
      offsets.push_back(double(1000 + at / 2));
      indices.push_back(uint32_t(at % 2));
    }
  }
  PointBatch batch(size_t first, size_t end) const {
    return {std::span(values).subspan(first * kDimension, (end - first) * kDimension),
            std::span(timestamps).subspan(first, end - first), std::span(offsets).subspan(first, end - first),
            std::span(indices).subspan(first, end - first)};
  }
};

struct Rows {
  std::vector<double> numbers;
  void add(const EngineResults& results) {
    for (const RowBuffer* rows : {&results.emissions, &results.changes, &results.snapshots}) {
      numbers.insert(numbers.end(), rows->numbers().begin(), rows->numbers().end());
    }
  }
};

std::shared_ptr<PointRing> ring_from(PointId first) {
  std::shared_ptr<PointRing> ring;
  EXPECT_EQ(PointRing::create({.dimension = kDimension,
                               .capacity = kPoints + 1,
                               .timestamps = true,
                               .log_positions = true,
                               .first = first},
                              ring),
            Status::kOk);
  EXPECT_EQ(ring->oldest(), first);
  EXPECT_EQ(ring->next(), first);
  return ring;
}

EngineConfig series(WindowSpec window, SlideSpec slide, FiltrationKind kind = FiltrationKind::kSublevel) {
  return {.filtration = {.kind = kind, .channel = 1, .rips = {}},
          .window = window,
          .slide = slide,
          .snapshot_every = 3};
}

EngineConfig rips(WindowSpec window, SlideSpec slide, size_t dimension, size_t stride) {
  RipsSpec spec;
  spec.channels = dimension > 1 ? std::vector<size_t>{1} : std::vector<size_t>{0, 1};
  spec.dimension = dimension;
  spec.delay = 2;
  spec.stride = stride;
  spec.points_max = 60;
  return {.filtration = {.kind = FiltrationKind::kRips, .channel = 0, .rips = spec},
          .window = window,
          .slide = slide,
          .snapshot_every = 4};
}

std::vector<EngineConfig> configs() {
  return {series({.count = 40}, {.count = 1}),
          series({.count = 7}, {.count = 25}, FiltrationKind::kSuperlevel),
          series({.count = 64}, {.every_ms = 30}),
          series({.span_ms = 80}, {.every_ms = 25}),
          series({.span_ms = 50}, {.count = 6}),
          rips({.count = 24}, {.count = 5}, 1, 1),
          rips({.count = 30}, {.count = 4}, 3, 3),
          rips({.span_ms = 45}, {.every_ms = 20}, 2, 2)};
}

EngineResume resume_of(const EngineState& state) {
  return {.first = state.held,
          .emitted = state.emitted,
          .sequence = state.sequence,
          .snapshot_due = state.snapshot_due};
}

class EngineResumes : public testing::TestWithParam<uint64_t> {};

// One engine is left alone. The other is replaced again and again: its state is all that the next one gets, and the
// points from the oldest it names on; some emissions of the replay are discarded, as in a restart.
TEST_P(EngineResumes, OracleTheSameBytesAsTheEngineLeftAlone) {
  const Log log(GetParam());
  size_t number = 0;
  for (const EngineConfig& config : configs()) {
    SCOPED_TRACE(number++);
    Random random(GetParam() * 31 + number);
    const auto whole_ring = ring_from(0);
    std::shared_ptr<Engine> whole;
    ASSERT_EQ(Engine::create(whole_ring, config, whole), Status::kOk);
    auto ring = ring_from(0);
    std::shared_ptr<Engine> engine;
    ASSERT_EQ(Engine::create(ring, config, engine), Status::kOk);
    EngineResults results;
    Rows expected, got;
    if (random.below(2) == 0) {
      whole->request_snapshot();
      engine->request_snapshot();
    }
    for (size_t at = 0; at < kPoints;) {
      const size_t until = std::min(kPoints, at + 1 + random.below(60));
      ASSERT_EQ(whole_ring->append(log.batch(at, until)), Status::kOk);
      ASSERT_EQ(EngineLease(whole)->advance(until, &results), Status::kOk);
      expected.add(results);
      if (random.below(2) == 0) {
        const EngineResume resume = resume_of(EngineLease(engine)->state());
        const PointId first =
            resume.first - std::min<PointId>(resume.first, random.below(20));  // another scale's
        ring = ring_from(first);
        ASSERT_EQ(Engine::resume(ring, config, resume, engine), Status::kOk);
        for (size_t replayed = size_t(first); replayed < at;) {
          const size_t end = std::min(at, replayed + 1 + random.below(50));
          ASSERT_EQ(ring->append(log.batch(replayed, end)), Status::kOk);
          replayed = end;
          if (replayed < resume.first || random.below(2) == 0) continue;
          ASSERT_EQ(EngineLease(engine)->advance(replayed, nullptr), Status::kOk);
          EngineLease(engine)->verify();
        }
      }
      ASSERT_EQ(ring->append(log.batch(at, until)), Status::kOk);
      ASSERT_EQ(EngineLease(engine)->advance(until, &results), Status::kOk);
      got.add(results);
      EngineLease(engine)->verify();
      ring->verify();
      const EngineState a = whole->state(), b = engine->state();
      ASSERT_EQ(std::tuple(a.first, a.next, a.held, a.emitted, a.sequence, a.pairs, a.snapshot_due),
                std::tuple(b.first, b.next, b.held, b.emitted, b.sequence, b.pairs, b.snapshot_due));
      at = until;
    }
    ASSERT_EQ(expected.numbers.size(), got.numbers.size());
    ASSERT_FALSE(expected.numbers.empty());
    EXPECT_EQ(std::memcmp(expected.numbers.data(), got.numbers.data(), got.numbers.size() * sizeof(double)),
              0);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineResumes, testing::Range<uint64_t>(1, 9));

TEST(EngineResume, LawArrivalNumbersFarBeyond32BitsChangeNothing) {
  const PointId far = (PointId{1} << 32) - 100;  // a multiple of nothing much; the low halves wrap
  const Log log(5);
  const EngineConfig config = series({.count = 40}, {.count = 4});
  const auto run = [&](PointId start) {
    const auto ring = ring_from(start);
    std::shared_ptr<Engine> engine;
    const EngineResume resume{.first = start, .emitted = start + 40, .sequence = start / 4 + 10};
    EXPECT_EQ(Engine::resume(ring, config, resume, engine), Status::kOk);
    EXPECT_EQ(ring->append(log.batch(0, kPoints)), Status::kOk);
    EngineResults results;
    EXPECT_EQ(EngineLease(engine)->advance(start + kPoints, &results), Status::kOk);
    EngineLease(engine)->verify();
    const auto changes = results.changes.numbers();
    EXPECT_GT(changes.size(), 0u);
    return std::vector<double>(changes.begin(), changes.end());
  };
  EXPECT_EQ(run(200), run(far));
}

TEST(EngineResume, ASnapshotThatIsDueGoesWithTheNextEmissionSeenOrNot) {
  const Log log(6);
  const EngineConfig config{
      .filtration = {}, .window = {.count = 4}, .slide = {.count = 2}, .snapshot_every = 0};
  for (const bool seen : {true, false}) {
    const auto ring = ring_from(4);
    std::shared_ptr<Engine> engine;
    const EngineResume resume{.first = 4, .emitted = 8, .sequence = 4, .snapshot_due = true};
    ASSERT_EQ(Engine::resume(ring, config, resume, engine), Status::kOk);
    ASSERT_EQ(ring->append(log.batch(4, 12)), Status::kOk);
    EngineResults results;
    EXPECT_TRUE(engine->state().snapshot_due);
    ASSERT_EQ(EngineLease(engine)->advance(10, seen ? &results : nullptr), Status::kOk);
    EXPECT_EQ(results.snapshots.size() > 0, seen);
    EXPECT_FALSE(engine->state().snapshot_due);
    ASSERT_EQ(EngineLease(engine)->advance(12, &results), Status::kOk);
    EXPECT_EQ(results.snapshots.size(), 0u);
    EXPECT_EQ(results.emissions.numbers()[kEmissionSequence], 6);
  }
}

TEST(EngineResume, WhatNoEmissionCanHaveLeftIsRefused) {
  const EngineConfig config = series({.count = 4}, {.count = 2});
  std::shared_ptr<Engine> engine;
  const auto answer = [&](EngineResume resume, PointId ring_first, const EngineConfig& with) {
    return Engine::resume(ring_from(ring_first), with, resume, engine);
  };
  EXPECT_EQ(answer({.first = 4, .emitted = 8, .sequence = 4}, 4, config), Status::kOk);
  EXPECT_EQ(answer({}, 0, config), Status::kOk);
  EXPECT_EQ(answer({.first = 4, .emitted = 8, .sequence = 4}, 5, config), Status::kInvalidArgument);
  EXPECT_EQ(answer({.first = 8, .emitted = 8, .sequence = 4}, 4, config), Status::kInvalidArgument);
  EXPECT_EQ(answer({.first = 0, .emitted = 8, .sequence = 0}, 0, config), Status::kInvalidArgument);
  EXPECT_EQ(answer({.first = 3, .emitted = 0, .sequence = 0}, 0, config), Status::kInvalidArgument);
  EXPECT_EQ(answer({}, 0, series({.count = 4}, {})), Status::kInvalidArgument);
  std::shared_ptr<PointRing> ring;
  EXPECT_EQ(PointRing::create({.dimension = 1, .capacity = 8, .first = PointId{1} << 60}, ring),
            Status::kInvalidArgument);
}

}  // namespace
}  // namespace tda
