#include "native/window/sliding_window.h"

#include <algorithm>
#include <cmath>

namespace tda {

Status check_window(const WindowSpec& spec, const RingConfig& ring) {
  const bool by_count = spec.count > 0;
  const bool by_time = spec.span_ms != 0;
  if (by_count == by_time) return Status::kInvalidArgument;
  if (by_count) return spec.count <= ring.capacity ? Status::kOk : Status::kInvalidArgument;
  if (!std::isfinite(spec.span_ms) || spec.span_ms < 0) return Status::kInvalidArgument;
  return ring.timestamps && ring.timestamps_ordered ? Status::kOk : Status::kInvalidArgument;
}

PointId window_start(const PointRing& ring, const WindowSpec& spec, PointId first, PointId next) {
  if (!spec.by_time()) return std::max(first, next > spec.count ? next - spec.count : PointId{0});
  return ring.first_after(ring.timestamp(next - 1) - spec.span_ms, first, next);
}

SlidingWindow::SlidingWindow(std::shared_ptr<PointRing> ring, const WindowSpec& spec)
    : ring_(std::move(ring)), spec_(spec), hold_(ring_, 0), first_(hold_.position()), next_(first_) {}

Status SlidingWindow::advance(PointId until, PointId first) {
  if (until < next_ || until > ring_->next()) return Status::kPointNotRetained;
  if (first > until) return Status::kWindowEmpty;
  forget_evicted();
  if (until > next_) first_ = window_start(*ring_, spec_, first_, until);
  next_ = until;
  first_ = std::max(first_, first);
  return Status::kOk;
}

}  // namespace tda
