// A window over a point ring: the most recent `count` points, or the points of (newest - span_ms, newest].
//
//   (W1) first() <= next(), and both only move forward.
//   (W2) first() == window_start(..., next()), or what advance() was asked to drop beyond that.
//   (W3) Every point from the window's start before the last advance on is held, so what was evicted by it is
//        readable.
// Cost: O(1) an advance by count, O(log points) by time.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "native/base/status.h"
#include "native/window/point_ring.h"

namespace tda {

// Exactly one of the two is positive.
struct WindowSpec {
  size_t count = 0;
  double span_ms = 0;

  bool by_time() const { return count == 0; }
};

// kInvalidArgument: none or both given, not finite, a count above the ring's capacity, a span without ordered
// timestamps.
Status check_window(const WindowSpec& spec, const RingConfig& ring);

// The oldest point of the window whose newest point is next - 1. REQUIRES: first <= the result's window so
// far, points from `first` on held, next > first.
PointId window_start(const PointRing& ring, const WindowSpec& spec, PointId first, PointId next);

class SlidingWindow {
 public:
  // Starts empty at the oldest point of the ring. REQUIRES: check_window(spec) is kOk.
  SlidingWindow(std::shared_ptr<PointRing> ring, const WindowSpec& spec);

  // Lets points before `until` enter, and those before `first` leave whatever the window's definition says.
  // kPointNotRetained when points have not arrived or `until` goes back, kWindowEmpty when `first` > `until`.
  Status advance(PointId until, PointId first = 0);
  // Gives up what the last advance evicted, so that the ring may use its room (ends W3 early).
  void forget_evicted() { hold_.advance(first_); }

  PointId first() const { return first_; }
  PointId next() const { return next_; }
  const std::shared_ptr<PointRing>& ring() const { return ring_; }
  std::atomic_flag& busy() { return busy_; }

 private:
  std::shared_ptr<PointRing> ring_;
  const WindowSpec spec_;
  PointHold hold_;
  PointId first_;
  PointId next_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace tda
