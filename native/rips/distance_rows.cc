#include "native/rips/distance_rows.h"

#include <algorithm>
#include <cmath>

namespace tda::rips {
namespace {

// Rows start on cache lines, and an odd number of lines apart, so that a column does not fall into one cache
// set.
constexpr size_t kLine = 16;
size_t stride_for(size_t capacity) { return ((capacity + kLine - 1) / kLine | 1) * kLine; }

}  // namespace

DistanceRows::DistanceRows(size_t capacity, size_t dimension, MetricSpec spec, Sequence first)
    : capacity_(capacity),
      dimension_(dimension),
      stride_(stride_for(capacity)),
      spec_(std::move(spec)),
      oldest_(first),
      next_(first),
      axes_(stride_ * dimension),
      matrix_(stride_ * capacity),
      sequences_(capacity),
      prepared_(dimension),
      fresh_(stride_) {
  TDA_ASSERT(capacity > 0 && capacity < kNoSlot);
}

Status DistanceRows::append(std::span<const double> point) {
  if (spec_.metric == Metric::kGiven) return Status::kInvalidArgument;
  if (point.size() != dimension_) return Status::kWrongDimension;
  if (size() == capacity_) return Status::kCapacityExceeded;
  if (const Status status = prepare_point(spec_, point, prepared_); status != Status::kOk) return status;
  for (const SlotRange& run : slots_of(oldest_, next_)) {
    if (!distances_to(spec_.metric, axes_.data() + run.begin, stride_, dimension_, prepared_.data(),
                      run.end - run.begin, fresh_.data() + run.begin)) {
      return Status::kDistanceOverflow;
    }
  }
  const Slot slot = slot_of(next_);
  for (size_t axis = 0; axis < dimension_; ++axis) axes_[axis * stride_ + slot] = prepared_[axis];
  store(slot);
  return Status::kOk;
}

Status DistanceRows::append_distances(std::span<const double> distances) {
  if (spec_.metric != Metric::kGiven) return Status::kInvalidArgument;
  if (size() == capacity_) return Status::kCapacityExceeded;
  if (distances.size() != size()) return Status::kWrongDimension;
  for (const double distance : distances) {
    if (std::isnan(distance)) return Status::kNonFinitePoint;
    if (distance < 0) return Status::kInvalidArgument;
    if (distance > static_cast<double>(std::numeric_limits<float>::max())) return Status::kDistanceOverflow;
  }
  for (size_t k = 0; k < distances.size(); ++k)
    fresh_[slot_of(oldest_ + k)] = static_cast<float>(distances[k]);
  store(slot_of(next_));
  return Status::kOk;
}

// Makes fresh_ the row and column of the next point.
void DistanceRows::store(Slot slot) {
  fresh_[slot] = 0;
  std::copy(fresh_.begin(), fresh_.end(), matrix_.begin() + static_cast<std::ptrdiff_t>(slot * stride_));
  for (const SlotRange& run : slots_of(oldest_, next_)) {
    float* column = matrix_.data() + slot;
    for (size_t other = run.begin; other < run.end; ++other) column[other * stride_] = fresh_[other];
  }
  sequences_[slot] = next_;
  ++next_;
}

uint64_t DistanceRows::predict_bytes(size_t capacity, size_t dimension) {
  const uint64_t stride = stride_for(capacity);
  return stride * capacity * sizeof(float) + stride * dimension * sizeof(double) + stride * sizeof(float) +
         capacity * sizeof(Sequence) + dimension * sizeof(double);
}

void DistanceRows::verify() const {
  TDA_ASSERT(size() <= capacity_);
  for (Sequence a = oldest_; a < next_; ++a) {
    const Slot slot = slot_of(a);
    TDA_ASSERT(sequence_of(slot) == a);
    TDA_ASSERT(at(slot, slot) == 0);
    for (Sequence b = oldest_; b < a; ++b) {
      TDA_ASSERT(at(slot, slot_of(b)) == at(slot_of(b), slot));
      TDA_ASSERT(std::isfinite(at(slot, slot_of(b))));
    }
  }
}

}  // namespace tda::rips
