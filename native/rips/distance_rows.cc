#include "native/rips/distance_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tda::rips {
namespace {

// Rows start on cache lines, and an odd number of lines apart, so that a column does not fall into one cache
// set.
constexpr size_t kLine = 16;
constexpr float kVacant = std::numeric_limits<float>::infinity();

size_t stride_for(size_t capacity) { return ((capacity + kLine - 1) / kLine | 1) * kLine; }

}  // namespace

DistanceRows::DistanceRows(size_t capacity, size_t dimension, MetricSpec spec, Sequence first, Rows rows)
    : capacity_(capacity),
      dimension_(dimension),
      stride_(stride_for(capacity)),
      spec_(std::move(spec)),
      rows_(rows),
      oldest_(first),
      next_(first),
      oldest_slot_(static_cast<size_t>(first % capacity)),
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
  const Slot slot = slot_of(next_);
  if (const Status status = measure(point, slot); status != Status::kOk) return status;
  sequences_[slot] = next_;
  ++next_;
  place(slot);
  return Status::kOk;
}

Status DistanceRows::measure(std::span<const double> point, Slot slot) {
  if (spec_.metric == Metric::kGiven) return Status::kInvalidArgument;
  if (point.size() != dimension_) return Status::kWrongDimension;
  if (const Status status = prepare_point(spec_, point, prepared_); status != Status::kOk) return status;
  // Whatever lay in a vacant slot, or lies in the point's own, must not count as too far away.
  const auto forget = [&](Slot at) {
    for (size_t axis = 0; axis < dimension_; ++axis) axes_[axis * stride_ + at] = prepared_[axis];
  };
  for (const Slot vacancy : vacancies_) forget(vacancy);
  for (const SlotRange& run : slots_of(oldest_, next_)) {
    for (const SlotRange& part :
         {SlotRange{run.begin, std::clamp<size_t>(slot, run.begin, run.end)},
          SlotRange{std::clamp<size_t>(size_t{slot} + 1, run.begin, run.end), run.end}}) {
      if (!distances_to(spec_.metric, axes_.data() + part.begin, stride_, dimension_, prepared_.data(),
                        part.end - part.begin, fresh_.data() + part.begin)) {
        return Status::kDistanceOverflow;
      }
    }
  }
  return Status::kOk;
}

Status DistanceRows::append_distances(std::span<const double> distances) {
  if (spec_.metric != Metric::kGiven) return Status::kInvalidArgument;
  if (size() == capacity_) return Status::kCapacityExceeded;
  if (distances.size() != points()) return Status::kWrongDimension;
  for (const double distance : distances) {
    if (std::isnan(distance)) return Status::kNonFinitePoint;
    if (distance < 0) return Status::kInvalidArgument;
    if (distance > static_cast<double>(std::numeric_limits<float>::max())) return Status::kDistanceOverflow;
  }
  size_t k = 0;
  for (Sequence s = oldest_; s < next_; ++s) {
    if (!vacant(slot_of(s))) fresh_[slot_of(s)] = static_cast<float>(distances[k++]);
  }
  const Slot slot = slot_of(next_);
  sequences_[slot] = next_;
  ++next_;
  place(slot);
  return Status::kOk;
}

void DistanceRows::evict() {
  TDA_ASSERT(size() > 0);
  std::erase(vacancies_, slot_of(oldest_));
  ++oldest_;
  oldest_slot_ = oldest_slot_ + 1 < capacity_ ? oldest_slot_ + 1 : 0;
}

bool DistanceRows::equal(Slot a, Slot b) const {
  if (spec_.metric == Metric::kGiven) return false;
  for (size_t axis = 0; axis < dimension_; ++axis) {
    if (axes_[axis * stride_ + a] != axes_[axis * stride_ + b]) return false;
  }
  return true;
}

void DistanceRows::vacate(Slot slot) {
  if (vacant(slot)) return;
  vacancies_.push_back(slot);
  for (const SlotRange& run : slots_of(oldest_, next_)) {
    for (size_t other = run.begin; other < run.end; ++other) {
      if (other == slot) continue;
      matrix_[slot * stride_ + other] = matrix_[other * stride_ + slot] = kVacant;
    }
  }
}

void DistanceRows::place(Slot slot) {
  std::erase(vacancies_, slot);
  fresh_[slot] = 0;
  for (const Slot vacancy : vacancies_) fresh_[vacancy] = kVacant;
  if (spec_.metric != Metric::kGiven) {
    for (size_t axis = 0; axis < dimension_; ++axis) axes_[axis * stride_ + slot] = prepared_[axis];
  }
  std::copy(fresh_.begin(), fresh_.end(), matrix_.begin() + static_cast<std::ptrdiff_t>(slot * stride_));
  for (const SlotRange& run : slots_of(rows_ == Rows::kAll ? oldest_ : sequences_[slot] + 1, next_)) {
    float* column = matrix_.data() + slot;
    for (size_t other = run.begin; other < run.end; ++other) column[other * stride_] = fresh_[other];
  }
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
    TDA_ASSERT(slot == a % capacity_);
    TDA_ASSERT(sequence_of(slot) == a);
    TDA_ASSERT(at(slot, slot) == 0);
    for (Sequence b = oldest_; b < a; ++b) {
      TDA_ASSERT(rows_ == Rows::kOlder || at(slot, slot_of(b)) == at(slot_of(b), slot));
      const bool vacancy = vacant(slot) || vacant(slot_of(b));
      TDA_ASSERT(std::isfinite(at(slot, slot_of(b))) != vacancy);
    }
  }
}

}  // namespace tda::rips
