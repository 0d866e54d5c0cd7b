// The points of a sliding window and all distances between them.
//
//   slot      0    1    2    3         capacity 4, size 3: points 6, 7, 8
//           [p8] [ - ] [p6] [p7]       row(2) = distances from p6, by slot
//
// (D1) Live numbers are consecutive: oldest() ... next() - 1; point s lives in slot s % capacity. A point
//      removed out of turn leaves its slot *vacant* until its number has grown old.
// (D2) row(a)[b] is the distance of live a and b, row(a)[a] == 0. With Rows::kOlder only where b is older than a: all
//      that H0 asks for, and no column is written, whose numbers lie on as many cache lines. Entries of other slots mean
//      nothing.
// (D3) Distances are finite, for what exceeds float was refused; to a vacant slot they are infinite, so that
//      it is in no lune and on no edge.
//
// Cost: append O(capacity * dimension), 4 capacity^2 bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "native/base/assert.h"
#include "native/base/status.h"
#include "native/rips/metric.h"
#include "native/rips/row_kernels.h"

namespace tda::rips {

// Number of a point in its window's history. Order of numbers = order of age.
using Sequence = uint64_t;

struct SlotRange {
  size_t begin;
  size_t end;
};

enum class Rows : uint8_t { kAll, kOlder };

// How many live points are older than that of a slot, from the slot alone; size() or more where none lives. Without a
// branch, which would be taken half of the time.
class Ages {
 public:
  Ages(size_t capacity, size_t oldest_slot) : capacity_(capacity), oldest_slot_(oldest_slot) {}
  size_t operator()(Slot slot) const { return slot - oldest_slot_ + (slot < oldest_slot_ ? capacity_ : 0); }

 private:
  size_t capacity_;
  size_t oldest_slot_;
};

class DistanceRows {
 public:
  // REQUIRES: check(spec, dimension) passed, 0 < capacity < kNoSlot.
  DistanceRows(size_t capacity, size_t dimension, MetricSpec spec, Sequence first, Rows rows);

  // kWrongDimension, kNonFinitePoint, kDistanceOverflow, kCapacityExceeded; nothing changes then.
  Status append(std::span<const double> point);
  // With Metric::kGiven: the distances from the new point to the live ones, oldest first. kWrongDimension for
  // another number of them, kNonFinitePoint for NaN, kInvalidArgument for a negative one, kDistanceOverflow
  // beyond float.
  Status append_distances(std::span<const double> distances);
  // REQUIRES: size() > 0. O(1).
  void evict();
  // Empties the slot of a live point. O(capacity).
  void vacate(Slot slot);
  // Stores the distances of `point` to the others for a place() to come. The codes of append(), and nothing
  // changes. kInvalidArgument with Metric::kGiven.
  Status measure(std::span<const double> point, Slot slot);
  // Gives a live slot, vacant or not, the point that was measured last for it. O(capacity).
  void place(Slot slot);

  size_t capacity() const { return capacity_; }
  size_t dimension() const { return dimension_; }
  size_t size() const { return static_cast<size_t>(next_ - oldest_); }
  size_t points() const { return size() - vacancies_.size(); }
  bool vacant(Slot slot) const {
    return !vacancies_.empty() && std::find(vacancies_.begin(), vacancies_.end(), slot) != vacancies_.end();
  }
  Sequence oldest() const { return oldest_; }
  Sequence next() const { return next_; }
  Metric metric() const { return spec_.metric; }
  // Where a point lives, and which point lives there. REQUIRES: it is live, or the next one.
  Slot slot_of(Sequence sequence) const {
    const size_t slot = oldest_slot_ + static_cast<size_t>(sequence - oldest_);
    return static_cast<Slot>(slot < capacity_ ? slot : slot - capacity_);
  }
  Sequence sequence_of(Slot slot) const { return sequences_[slot]; }
  Ages ages() const { return {capacity_, oldest_slot_}; }
  bool younger(Slot a, Slot b) const { return sequences_[a] > sequences_[b]; }

  // Whether two live points are copies of each other, so that their rows are equal. Never with Metric::kGiven.
  bool equal(Slot a, Slot b) const;

  // `stride` numbers, by slot.
  const float* row(Slot slot) const { return matrix_.data() + size_t{slot} * stride_; }
  float at(Slot a, Slot b) const { return row(a)[b]; }

  // The slots of points begin ... end - 1, which are at most two runs, the older run first. REQUIRES: all
  // live.
  std::array<SlotRange, 2> slots_of(Sequence begin, Sequence end) const {
    if (begin >= end) return {{{0, 0}, {0, 0}}};
    const size_t first = slot_of(begin);
    const size_t count = static_cast<size_t>(end - begin);
    if (first + count <= capacity_) return {{{first, first + count}, {0, 0}}};
    return {{{first, capacity_}, {0, first + count - capacity_}}};
  }

  static uint64_t predict_bytes(size_t capacity, size_t dimension);
  void verify() const;

 private:
  size_t capacity_;
  size_t dimension_;
  size_t stride_;
  MetricSpec spec_;
  Rows rows_;
  Sequence oldest_;
  Sequence next_;
  size_t oldest_slot_;               // of oldest_: no division where a slot is wanted
  std::vector<double> axes_;         // axis after axis, stride_ numbers each
  std::vector<float> matrix_;        // capacity_ rows of stride_
  std::vector<Sequence> sequences_;  // by slot
  std::vector<Slot> vacancies_;      // live slots without a point; few
  std::vector<double> prepared_;     // the point at the gate
  std::vector<float> fresh_;         // its row
};

}  // namespace tda::rips
