// The points of one stream, newest at the end, shared by all windows and engines over it.
//
//   block number     3        4        5        6          block size 4, capacity 12
//                [. . p14 p15][p16 ..][p20 ..][p24 p25 . .]
//                     ^ oldest()                   ^ next() = 26
//
// Points are stored by column in blocks of a fixed size. A directory of fixed length maps a block number to
// its block (block number modulo the length), so the ring grows to its capacity without ever moving a point,
// and a block that falls behind is used again for the newest points.
//
//   (R1) next() - oldest() <= capacity(), and capacity() never changes.
//   (R2) A held point is never overwritten: oldest() <= the position of every PointHold.
//   (R3) A point is written once, before next() is published past it, and read only after that.
//   (R4) Values are finite and never -0.0; with ordered timestamps, timestamps never decrease.
//   (R5) At most ceil(capacity / block size) + 1 blocks are in use; a block behind every PointHold is used
//        again before a new one is made.
//
// Threads: one writer at a time (a second one is answered kEngineBusy). Readers need no lock for held points:
// the writer publishes with release what they acquire through next(), and they publish with release
// (PointHold::advance) what the writer acquires before it uses a block again.
// Cost: O(dimension) per point appended, O(holds) per batch. 8 bytes per channel and point, 8 for a
// timestamp, 12 for a log position.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "native/base/assert.h"
#include "native/base/status.h"
#include "native/base/types.h"
#include "native/window/point_gate.h"

namespace tda {

inline constexpr size_t kDimensionMax = 4096;
inline constexpr size_t kRingCapacityMax = size_t{1} << 30;

struct RingConfig {
  size_t dimension = 1;
  size_t capacity = 0;
  bool timestamps = false;
  bool timestamps_ordered = true;  // refuse a timestamp before the newest one
  bool log_positions = false;
  PointId first = 0;  // arrival number of the first point to come; those before it were elsewhere
};

// One batch of points; the optional columns are given exactly when the ring keeps them.
struct PointBatch {
  std::span<const double> values;  // row-major, points x dimension
  std::span<const TimestampMs> timestamps;
  std::span<const double> offsets;  // integers of magnitude <= 2^53
  std::span<const uint32_t> indices;
};

// Where a point lies in the record log, or (arrival number, 0) in a stream without log positions.
struct LogPosition {
  double offset;
  uint32_t index;
};

class PointRing {
 public:
  // kInvalidArgument for a dimension, capacity or combination that can never be right, kMemoryLimit without
  // memory.
  static Status create(const RingConfig& config, std::shared_ptr<PointRing>& ring);
  ~PointRing();
  PointRing(const PointRing&) = delete;
  PointRing& operator=(const PointRing&) = delete;

  // Appends all points or none. kWrongDimension, kInvalidArgument (columns of other lengths, offsets that are
  // no integers), kNonFinitePoint, kTimestampBackwards, kCapacityExceeded, kEngineBusy, kMemoryLimit,
  // kInternal, and what a gate refuses.
  Status append(const PointBatch& batch);
  // From now on every batch has to pass the gate, and so must the points from `first` on that are here. What
  // the gate refuses; kPointNotRetained, kEngineBusy, kMemoryLimit: it does not stand then.
  Status add_gate(std::shared_ptr<const PointGate> gate, PointId first);
  void remove_gate(const PointGate* gate);
  // What the gates say of each point by itself; the others stay as they are. REQUIRES: values.size() ==
  // refusals.size() * dimension. O(values x gates).
  void mark_refusals(std::span<const double> values, std::span<Status> refusals) const;

  const RingConfig& config() const { return config_; }
  size_t capacity() const { return config_.capacity; }
  PointId oldest() const { return oldest_.load(std::memory_order_acquire); }
  PointId next() const { return next_.load(std::memory_order_acquire); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // The oldest point that is held, or next() without holds. O(holds).
  PointId oldest_held() const;

  // All below REQUIRE: the caller holds the points (PointHold) and they lie before next(). O(1).
  double value(size_t channel, PointId id) const { return block_of(id)[channel << shift_ | (id & mask_)]; }
  // The values of one channel from `id` on, as far as they lie in one block and before `until`.
  std::span<const double> run(size_t channel, PointId id, PointId until) const;
  // REQUIRES: config().timestamps.
  TimestampMs timestamp(PointId id) const { return block_of(id)[timestamp_column_ << shift_ | (id & mask_)]; }
  LogPosition log_position(PointId id) const;
  // The first id in [first, end) with a timestamp > `bound`, or `end`. REQUIRES: ordered timestamps. O(log).
  PointId first_after(TimestampMs bound, PointId first, PointId end) const;

  // Copies points [first, end) out: row-major values and whichever columns the ring keeps and `out` names.
  // kPointNotRetained when some have left or not arrived. Any thread.
  struct Columns {
    double* values;
    TimestampMs* timestamps;
    double* offsets;
    uint32_t* indices;
  };
  Status read(PointId first, PointId end, const Columns& out);

  // Checks R1, R2 and R5. O(blocks). Only while nobody appends.
  void verify() const;

 private:
  friend class PointHold;
  friend struct PointRingTestAccess;
  using Block = std::unique_ptr<double[]>;

  explicit PointRing(const RingConfig& config);
  Status append_alone(const PointBatch& batch, size_t points);
  Status check(const PointBatch& batch, size_t points) const;
  Status pass_gates(PointId next, const PointBatch& batch) const;
  Status check_present(const PointGate& gate, PointId first);
  Status make_room(PointId next, size_t points);
  void copy_in(const PointBatch& batch, PointId next, size_t points);
  void copy_out(PointId first, PointId end, const Columns& out) const;
  PointId oldest_held_locked() const;
  size_t slot_of_block(uint64_t number) const { return number & (directory_.size() - 1); }
  const double* block_of(PointId id) const { return directory_[slot_of_block(id >> shift_)].get(); }
  double* block_of(PointId id) { return directory_[slot_of_block(id >> shift_)].get(); }
  // The 32-bit indices lie behind the columns of doubles; they are only ever copied as bytes.
  std::byte* index_bytes(double* block) const {
    return reinterpret_cast<std::byte*>(block + (index_column_ << shift_));
  }

  const RingConfig config_;
  size_t shift_ = 0;  // log2 of the block size
  size_t mask_ = 0;
  size_t timestamp_column_ = 0;
  size_t offset_column_ = 0;
  size_t index_column_ = 0;
  size_t block_doubles_ = 0;

  std::vector<Block> directory_;  // length a power of two
  std::vector<Block> free_;
  uint64_t first_block_ = 0;  // blocks [first_block_, end_block_) are in the directory
  uint64_t end_block_ = 0;
  TimestampMs newest_timestamp_;
  bool broken_ = false;  // an assertion failed; nothing is appended any more

  std::atomic<PointId> oldest_{0};
  std::atomic<PointId> next_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic_flag writing_ = ATOMIC_FLAG_INIT;
  // Guards holds_, gates_ and the decision what may be overwritten.
  mutable std::mutex mutex_;
  std::vector<const std::atomic<PointId>*> holds_;  // of the live PointHolds
  std::vector<std::shared_ptr<const PointGate>> gates_;
  std::atomic<size_t> gate_count_{0};  // so that a ring without gates takes no lock for them
};

// Keeps every point from position() on readable. Only moves forward. One thread at a time.
class PointHold {
 public:
  // Holds from `from` on. REQUIRES for success: oldest <= from; otherwise the hold starts at the oldest
  // point.
  PointHold(std::shared_ptr<PointRing> ring, PointId from);
  ~PointHold();
  PointHold(const PointHold&) = delete;
  PointHold& operator=(const PointHold&) = delete;

  PointId position() const { return position_.load(std::memory_order_relaxed); }
  // REQUIRES: to >= position().
  void advance(PointId to) {
    TDA_ASSERT(to >= position());
    position_.store(to, std::memory_order_release);
  }

 private:
  std::shared_ptr<PointRing> ring_;
  std::atomic<PointId> position_;
};

}  // namespace tda
