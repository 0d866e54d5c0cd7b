#include "native/window/point_ring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "test/native/support/inputs.h"

namespace tda {
namespace {

std::shared_ptr<PointRing> make_ring(const RingConfig& config) {
  std::shared_ptr<PointRing> ring;
  EXPECT_EQ(PointRing::create(config, ring), Status::kOk);
  return ring;
}

Status append(PointRing& ring, std::vector<double> values, std::vector<double> timestamps = {},
              std::vector<double> offsets = {}, std::vector<uint32_t> indices = {}) {
  return ring.append({values, timestamps, offsets, indices});
}

TEST(PointRing, refuses_what_can_never_be_right) {
  std::shared_ptr<PointRing> ring;
  EXPECT_EQ(PointRing::create({.dimension = 0, .capacity = 1}, ring), Status::kInvalidArgument);
  EXPECT_EQ(PointRing::create({.dimension = kDimensionMax + 1, .capacity = 1}, ring),
            Status::kInvalidArgument);
  EXPECT_EQ(PointRing::create({.dimension = 1, .capacity = 0}, ring), Status::kInvalidArgument);
  EXPECT_EQ(PointRing::create({.dimension = 1, .capacity = kRingCapacityMax + 1}, ring),
            Status::kInvalidArgument);
}

TEST(PointRing, a_batch_refused_at_the_gate_leaves_no_trace) {
  const double nan = std::nan("");
  const auto plain = make_ring({.dimension = 2, .capacity = 8});
  EXPECT_EQ(append(*plain, {1, 2, 3}), Status::kWrongDimension);
  EXPECT_EQ(append(*plain, {1, 2, 3, nan}), Status::kNonFinitePoint);
  EXPECT_EQ(append(*plain, {1, 2, kInfinity, 4}), Status::kNonFinitePoint);
  EXPECT_EQ(append(*plain, {1, 2}, {5}), Status::kInvalidArgument);
  EXPECT_EQ(append(*plain, {1, 2}, {}, {5}, {0}), Status::kInvalidArgument);
  EXPECT_EQ(append(*plain, std::vector<double>(18)), Status::kCapacityExceeded);
  EXPECT_EQ(plain->next(), 0u);

  const auto stamped = make_ring({.dimension = 1, .capacity = 8, .timestamps = true, .log_positions = true});
  EXPECT_EQ(append(*stamped, {1, 2}, {10, 9}, {0, 1}, {0, 0}), Status::kTimestampBackwards);
  EXPECT_EQ(append(*stamped, {1}, {nan}, {0}, {0}), Status::kNonFinitePoint);
  EXPECT_EQ(append(*stamped, {1}, {}, {0}, {0}), Status::kInvalidArgument);
  EXPECT_EQ(append(*stamped, {1}, {1}, {0.5}, {0}), Status::kInvalidArgument);
  EXPECT_EQ(append(*stamped, {1}, {1}, {0x1p60}, {0}), Status::kInvalidArgument);
  EXPECT_EQ(stamped->next(), 0u);
  EXPECT_EQ(append(*stamped, {1}, {10}, {0}, {0}), Status::kOk);
  EXPECT_EQ(append(*stamped, {1}, {9}, {1}, {0}), Status::kTimestampBackwards);
  EXPECT_EQ(append(*stamped, {1}, {10}, {1}, {0}), Status::kOk);
  EXPECT_EQ(stamped->next(), 2u);

  const auto unordered = make_ring({.capacity = 8, .timestamps = true, .timestamps_ordered = false});
  EXPECT_EQ(append(*unordered, {1, 2}, {10, 9}), Status::kOk);
}

TEST(PointRing, negative_zero_is_zero) {
  const auto ring = make_ring({.capacity = 2});
  ASSERT_EQ(append(*ring, {-0.0}), Status::kOk);
  const PointHold hold(ring, 0);
  EXPECT_FALSE(std::signbit(ring->value(0, 0)));
}

// Random batches and a hold that follows; every held point is read back after every step, in blocks and in
// one copy.
TEST(PointRing, oracle_every_column_at_every_step) {
  for (const size_t capacity : {1u, 2u, 63u, 64u, 65u, 700u, 5000u}) {
    for (const size_t dimension : {1u, 3u}) {
      test::Random random(capacity);
      const auto ring = make_ring({.dimension = dimension,
                                   .capacity = capacity,
                                   .timestamps = true,
                                   .timestamps_ordered = true,
                                   .log_positions = true});
      PointHold hold(ring, 0);
      std::vector<double> values, timestamps, offsets;
      std::vector<uint32_t> indices;
      for (size_t step = 0; step < 200; ++step) {
        const size_t before = timestamps.size();
        const size_t count = random.below(capacity + 2);
        for (size_t i = 0; i < count * dimension; ++i) values.push_back(random.unit());
        for (size_t i = 0; i < count; ++i) {
          timestamps.push_back(timestamps.empty() ? -5 : timestamps.back() + double(random.below(3)));
          offsets.push_back(double(random.next() >> 11));
          indices.push_back(uint32_t(random.next()));
        }
        const Status status = ring->append(
            {std::span(values).subspan(before * dimension), std::span(timestamps).subspan(before),
             std::span(offsets).subspan(before), std::span(indices).subspan(before)});
        if (before + count - hold.position() > capacity) {
          ASSERT_EQ(status, Status::kCapacityExceeded);
          values.resize(before * dimension), timestamps.resize(before), offsets.resize(before),
              indices.resize(before);
        } else {
          ASSERT_EQ(status, Status::kOk);
        }
        ring->verify();
        const PointId first = hold.position(), next = ring->next();
        ASSERT_EQ(next, timestamps.size());
        const size_t live = size_t(next - first);
        std::vector<double> v(live * dimension), t(live), o(live);
        std::vector<uint32_t> n(live);
        ASSERT_EQ(ring->read(first, next, {v.data(), t.data(), o.data(), n.data()}), Status::kOk);
        EXPECT_TRUE(std::equal(v.begin(), v.end(), values.begin() + long(first * dimension)));
        EXPECT_TRUE(std::equal(t.begin(), t.end(), timestamps.begin() + long(first)));
        EXPECT_TRUE(std::equal(o.begin(), o.end(), offsets.begin() + long(first)));
        EXPECT_TRUE(std::equal(n.begin(), n.end(), indices.begin() + long(first)));
        for (PointId id = first; id < next;) {
          for (const double value : ring->run(dimension - 1, id, next)) {
            ASSERT_EQ(value, values[id * dimension + dimension - 1]);
            ASSERT_EQ(ring->value(0, id), values[id * dimension]);
            ASSERT_EQ(ring->log_position(id).offset, offsets[id]);
            ASSERT_EQ(ring->log_position(id).index, indices[id]);
            ++id;
          }
        }
        if (live > 0) {
          const double bound = timestamps[first + random.below(live)];
          PointId expected = first;
          while (expected < next && timestamps[expected] <= bound) ++expected;
          EXPECT_EQ(ring->first_after(bound, first, next), expected);
        }
        hold.advance(first + random.below(live + 1));
      }
    }
  }
}

TEST(PointRing, points_stay_readable_until_the_ring_needs_their_room) {
  const auto ring = make_ring({.capacity = 100});
  ASSERT_EQ(append(*ring, std::vector<double>(100, 1.0)), Status::kOk);
  double one = 0;
  EXPECT_EQ(ring->read(0, 1, {&one, nullptr, nullptr, nullptr}), Status::kOk);
  ASSERT_EQ(append(*ring, {2}), Status::kOk);
  EXPECT_EQ(ring->oldest(), 1u);
  EXPECT_EQ(ring->read(0, 1, {&one, nullptr, nullptr, nullptr}), Status::kPointNotRetained);
  EXPECT_EQ(ring->read(101, 102, {&one, nullptr, nullptr, nullptr}), Status::kPointNotRetained);
  {
    const PointHold hold(ring, 0);  // starts at the oldest that is left
    EXPECT_EQ(hold.position(), 1u);
    EXPECT_EQ(append(*ring, {3}), Status::kCapacityExceeded);
  }
  EXPECT_EQ(append(*ring, {3}), Status::kOk);
}

TEST(PointRing, memory_follows_what_is_held_not_the_capacity) {
  const auto ring = make_ring({.dimension = 1, .capacity = 1'000'000});
  PointHold hold(ring, 0);
  const std::vector<double> batch(1000, 1.5);
  size_t bytes_after_first_window = 0;
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(append(*ring, batch), Status::kOk);
    if (ring->next() > 10'000) hold.advance(ring->next() - 10'000);
    if (i == 20) bytes_after_first_window = ring->bytes();
    ring->verify();
  }
  EXPECT_EQ(ring->bytes(), bytes_after_first_window);
  EXPECT_LT(ring->bytes(), 20'000 * sizeof(double) + 16'384);
  EXPECT_LE(ring->oldest(), hold.position());
}

TEST(PointRing, memory_stops_growing_at_the_capacity) {
  const auto ring = make_ring({.capacity = 100000});
  size_t most = 0;
  for (size_t step = 0; step < 500; ++step) {
    ASSERT_EQ(append(*ring, std::vector<double>(1000, 1.0)), Status::kOk);
    most = std::max(most, ring->bytes());
  }
  EXPECT_LE(most, size_t{8} * (100000 + 2 * 4096) + 4096);
}

}  // namespace
}  // namespace tda
