#include "native/window/sliding_window.h"

#include <gtest/gtest.h>

#include <cmath>

#include "test/native/support/inputs.h"

namespace tda {
namespace {

TEST(SlidingWindow, refuses_what_can_never_be_right) {
  const RingConfig plain{.capacity = 10};
  const RingConfig stamped{.capacity = 10, .timestamps = true};
  const RingConfig unordered{.capacity = 10, .timestamps = true, .timestamps_ordered = false};
  EXPECT_EQ(check_window({}, plain), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.count = 1, .span_ms = 1}, stamped), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.count = 11}, plain), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.span_ms = 5}, plain), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.span_ms = 5}, unordered), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.span_ms = -5}, stamped), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.span_ms = kInfinity}, stamped), Status::kInvalidArgument);
  EXPECT_EQ(check_window({.span_ms = 5}, stamped), Status::kOk);
  EXPECT_EQ(check_window({.count = 10}, plain), Status::kOk);
}

// Against the definition: the newest `count`, or those with a timestamp in (newest - span, newest].
TEST(SlidingWindow, oracle_every_step) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    test::Random random(seed);
    const bool by_time = seed % 2 == 0;
    const WindowSpec spec = by_time ? WindowSpec{.span_ms = 1 + double(random.below(40))}
                                    : WindowSpec{.count = 1 + random.below(40)};
    std::shared_ptr<PointRing> ring;
    ASSERT_EQ(PointRing::create({.capacity = 4000, .timestamps = true}, ring), Status::kOk);
    SlidingWindow window(ring, spec);
    std::vector<double> timestamps;
    PointId dropped = 0;
    for (size_t step = 0; step < 200; ++step) {
      const size_t count = random.below(12);
      const size_t before = timestamps.size();
      for (size_t i = 0; i < count; ++i) {
        timestamps.push_back((timestamps.empty() ? 0 : timestamps.back()) + double(random.below(4)));
      }
      const std::vector<double> values(count);
      ASSERT_EQ(ring->append({values, std::span(timestamps).subspan(before), {}, {}}), Status::kOk);
      const PointId until = window.next() + random.below(timestamps.size() - window.next() + 1);
      const PointId old_first = window.first();
      if (random.below(8) == 0) dropped = std::min<PointId>(until, window.first() + random.below(3));
      ASSERT_EQ(window.advance(until, dropped), Status::kOk);
      PointId expected = 0;
      if (by_time) {
        while (expected < until && timestamps[expected] <= timestamps[until - 1] - spec.span_ms) ++expected;
      } else {
        expected = until > spec.count ? until - spec.count : 0;
      }
      ASSERT_EQ(window.first(), std::max(expected, dropped));
      ASSERT_EQ(window.next(), until);
      EXPECT_LE(ring->oldest_held(), old_first);  // W3: what just left is readable
      EXPECT_EQ(window.advance(until + 10000), Status::kPointNotRetained);
      EXPECT_EQ(window.advance(until, until + 1), Status::kWindowEmpty);
      EXPECT_EQ(window.next(), until);
    }
    ASSERT_GT(window.first(), 0u);
  }
}

TEST(SlidingWindow, the_next_advance_gives_up_what_the_last_one_evicted) {
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(PointRing::create({.capacity = 4}, ring), Status::kOk);
  SlidingWindow window(ring, {.count = 2});
  const double two[] = {1, 2};
  for (PointId next = 2; next <= 20; next += 2) {
    ASSERT_EQ(ring->append({two, {}, {}, {}}), Status::kOk);
    ASSERT_EQ(window.advance(next), Status::kOk);
    ASSERT_EQ(ring->oldest_held(), next < 4 ? 0 : next - 4);
    ASSERT_EQ(window.advance(next), Status::kOk);
    ASSERT_EQ(ring->oldest_held(), next - 2);
  }
}

TEST(SlidingWindow, gives_room_back_when_told_to_forget) {
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(PointRing::create({.capacity = 4}, ring), Status::kOk);
  SlidingWindow window(ring, {.count = 2});
  const double four[] = {1, 2, 3, 4}, two[] = {5, 6};
  ASSERT_EQ(ring->append({four, {}, {}, {}}), Status::kOk);
  ASSERT_EQ(window.advance(4), Status::kOk);
  EXPECT_EQ(ring->append({two, {}, {}, {}}), Status::kCapacityExceeded);
  window.forget_evicted();
  EXPECT_EQ(ring->append({two, {}, {}, {}}), Status::kOk);
}

}  // namespace
}  // namespace tda
