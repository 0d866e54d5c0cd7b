#include "native/window/point_ring.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

namespace tda {

namespace {

constexpr size_t kBlockPointsMin = 64;
constexpr size_t kBlockPointsMax = 4096;
constexpr size_t kBlockDoublesMax = 65536;
constexpr double kSafeInteger = 9007199254740992.0;  // 2^53
constexpr PointId kFirstMax = PointId{1} << 53;

bool all_finite(std::span<const double> numbers) {
  bool finite = true;
  for (double number : numbers) finite &= std::abs(number) <= std::numeric_limits<double>::max();
  return finite;
}

bool all_integers(std::span<const double> numbers) {
  bool integers = true;
  for (double number : numbers) integers &= std::abs(number) <= kSafeInteger && std::trunc(number) == number;
  return integers;
}

size_t blocks_max(size_t capacity, size_t block_points) {
  return (capacity + block_points - 1) / block_points + 1;
}

}  // namespace

Status PointRing::create(const RingConfig& config, std::shared_ptr<PointRing>& ring) {
  if (config.dimension == 0 || config.dimension > kDimensionMax) return Status::kInvalidArgument;
  if (config.capacity == 0 || config.capacity > kRingCapacityMax) return Status::kInvalidArgument;
  if (config.first > kFirstMax) return Status::kInvalidArgument;
  try {
    ring.reset(new PointRing(config));
  } catch (const std::bad_alloc&) {
    return Status::kMemoryLimit;
  }
  return Status::kOk;
}

PointRing::PointRing(const RingConfig& config)
    : config_(config), newest_timestamp_(-std::numeric_limits<double>::infinity()) {
  // An eighth of the capacity, so that the partly used blocks at both ends cost little.
  const size_t columns_max = config.dimension + 3;
  const size_t block_points_max =
      std::clamp(std::bit_floor(kBlockDoublesMax / columns_max), kBlockPointsMin, kBlockPointsMax);
  const size_t block_points =
      std::clamp(std::bit_floor(config.capacity / 8 + 1), kBlockPointsMin, block_points_max);
  shift_ = static_cast<size_t>(std::countr_zero(block_points));
  mask_ = block_points - 1;
  size_t columns = config.dimension;
  timestamp_column_ = config.timestamps ? columns++ : 0;
  offset_column_ = config.log_positions ? columns++ : 0;
  index_column_ = columns;
  block_doubles_ = columns * block_points + (config.log_positions ? block_points / 2 : 0);
  directory_.resize(std::bit_ceil(blocks_max(config.capacity, block_points)));
  bytes_ = sizeof(*this) + directory_.size() * sizeof(Block);
  first_block_ = end_block_ = config.first >> shift_;
  oldest_ = config.first;
  next_ = config.first;
}

PointRing::~PointRing() = default;

Status PointRing::append(const PointBatch& batch) {
  if (batch.values.size() % config_.dimension != 0) return Status::kWrongDimension;
  const size_t points = batch.values.size() / config_.dimension;
  if (points == 0 && batch.timestamps.empty() && batch.offsets.empty() && batch.indices.empty())
    return Status::kOk;
  if (writing_.test_and_set(std::memory_order_acquire)) return Status::kEngineBusy;
  const Status status = append_alone(batch, points);
  writing_.clear(std::memory_order_release);
  return status;
}

Status PointRing::append_alone(const PointBatch& batch, size_t points) {
  if (broken_) return Status::kInternal;
  if (Status status = check(batch, points); status != Status::kOk) return status;
  const PointId next = next_.load(std::memory_order_relaxed);
  try {
    if (Status status = pass_gates(next, batch); status != Status::kOk) return status;
    if (Status status = make_room(next, points); status != Status::kOk) return status;
  } catch (const std::bad_alloc&) {
    return Status::kMemoryLimit;
  } catch (const AssertionFailed&) {
    broken_ = true;  // what is held can still be read
    return Status::kInternal;
  }
  copy_in(batch, next, points);
  next_.store(next + points, std::memory_order_release);
  return Status::kOk;
}

Status PointRing::check(const PointBatch& batch, size_t points) const {
  if (batch.timestamps.size() != (config_.timestamps ? points : 0)) return Status::kInvalidArgument;
  if (batch.offsets.size() != (config_.log_positions ? points : 0)) return Status::kInvalidArgument;
  if (batch.indices.size() != (config_.log_positions ? points : 0)) return Status::kInvalidArgument;
  if (!all_finite(batch.values) || !all_finite(batch.timestamps)) return Status::kNonFinitePoint;
  if (!all_integers(batch.offsets)) return Status::kInvalidArgument;
  if (config_.timestamps && config_.timestamps_ordered) {
    TimestampMs newest = newest_timestamp_;
    for (TimestampMs timestamp : batch.timestamps) {
      if (timestamp < newest) return Status::kTimestampBackwards;
      newest = timestamp;
    }
  }
  return Status::kOk;
}

Status PointRing::pass_gates(PointId next, const PointBatch& batch) const {
  if (gate_count_.load(std::memory_order_relaxed) == 0) return Status::kOk;
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& gate : gates_) {
    if (Status status = gate->admit(*this, next, batch); status != Status::kOk) return status;
  }
  return Status::kOk;
}

// Shows the gate what is here already, a piece at a time, as if it came now.
Status PointRing::check_present(const PointGate& gate, PointId first) {
  constexpr size_t kPiece = 4096;
  std::vector<double> values;
  std::vector<TimestampMs> timestamps;
  for (PointId at = first; at < next();) {
    const PointId end = std::min<PointId>(next(), at + kPiece);
    const size_t points = static_cast<size_t>(end - at);
    values.resize(points * config_.dimension);
    timestamps.resize(config_.timestamps ? points : 0);
    if (Status status = read(at, end, {values.data(), timestamps.data(), nullptr, nullptr});
        status != Status::kOk) {
      return status;
    }
    const PointBatch batch{.values = values, .timestamps = timestamps, .offsets = {}, .indices = {}};
    if (Status status = gate.admit(*this, at, batch); status != Status::kOk) return status;
    at = end;
  }
  return Status::kOk;
}

Status PointRing::add_gate(std::shared_ptr<const PointGate> gate, PointId first) {
  if (writing_.test_and_set(std::memory_order_acquire)) return Status::kEngineBusy;
  Status status = Status::kOk;
  try {
    status = check_present(*gate, first);
    if (status == Status::kOk) {
      const std::lock_guard<std::mutex> lock(mutex_);
      gates_.push_back(std::move(gate));
      gate_count_.store(gates_.size(), std::memory_order_relaxed);
    }
  } catch (const std::bad_alloc&) {
    status = Status::kMemoryLimit;
  }
  writing_.clear(std::memory_order_release);
  return status;
}

void PointRing::remove_gate(const PointGate* gate) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(gates_, [gate](const auto& one) { return one.get() == gate; });
  gate_count_.store(gates_.size(), std::memory_order_relaxed);
}

void PointRing::mark_refusals(std::span<const double> values, std::span<Status> refusals) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& gate : gates_) gate->mark(values, refusals);
}

// Settles which points may be overwritten, then provides the blocks. Nothing has changed when it fails.
Status PointRing::make_room(PointId next, size_t points) {
  if (points > config_.capacity) return Status::kCapacityExceeded;
  const PointId end = next + points;
  const size_t block_points = mask_ + 1;
  const std::lock_guard<std::mutex> lock(mutex_);
  PointId oldest = std::max(oldest_.load(std::memory_order_relaxed),
                            end > config_.capacity ? end - config_.capacity : PointId{0});
  const PointId held =
      std::min(oldest_held_locked(), next);  // an engine that goes on may wait for its first point
  if (oldest > held) return Status::kCapacityExceeded;

  const uint64_t end_block = (end + mask_) >> shift_;
  uint64_t first_block = std::min<uint64_t>(oldest >> shift_, end_block_);
  const size_t wanted = end_block > end_block_ ? static_cast<size_t>(end_block - end_block_) : 0;
  // What nobody holds is used again before a block is made: memory follows the windows, not the capacity.
  if (!holds_.empty()) {
    const uint64_t first_held = std::min<uint64_t>(held >> shift_, end_block_);
    const uint64_t lacking = wanted - std::min<uint64_t>(wanted, free_.size());
    first_block = std::max(first_block, std::min(first_held, first_block_ + lacking));
    oldest = std::max(oldest, first_block << shift_);
  }
  const size_t recycled = free_.size() + static_cast<size_t>(first_block - first_block_);
  try {
    free_.reserve(std::max(wanted, recycled));
    for (size_t made = recycled; made < wanted; ++made) {
      free_.push_back(std::make_unique_for_overwrite<double[]>(block_doubles_));
      bytes_.fetch_add(block_doubles_ * sizeof(double), std::memory_order_relaxed);
    }
  } catch (const std::bad_alloc&) {
    return Status::kMemoryLimit;  // what was made stays for the next attempt
  }
  oldest_.store(oldest, std::memory_order_release);
  for (; first_block_ < first_block; ++first_block_)
    free_.push_back(std::move(directory_[slot_of_block(first_block_)]));
  for (; end_block_ < end_block; ++end_block_) {
    directory_[slot_of_block(end_block_)] = std::move(free_.back());
    free_.pop_back();
  }
  TDA_ASSERT(end_block_ - first_block_ <= blocks_max(config_.capacity, block_points));
  return Status::kOk;
}

void PointRing::copy_in(const PointBatch& batch, PointId next, size_t points) {
  const size_t dimension = config_.dimension;
  for (size_t done = 0; done < points;) {
    const PointId id = next + done;
    const size_t at = id & mask_;
    const size_t count = std::min(points - done, mask_ + 1 - at);
    double* block = block_of(id);
    for (size_t channel = 0; channel < dimension; ++channel) {
      const double* from = batch.values.data() + done * dimension + channel;
      double* to = block + (channel << shift_) + at;
      for (size_t i = 0; i < count; ++i) to[i] = from[i * dimension] + 0.0;  // -0.0 + 0.0 is 0.0 (R4)
    }
    if (config_.timestamps) {
      std::copy_n(batch.timestamps.data() + done, count, block + (timestamp_column_ << shift_) + at);
    }
    if (config_.log_positions) {
      std::copy_n(batch.offsets.data() + done, count, block + (offset_column_ << shift_) + at);
      std::memcpy(index_bytes(block) + at * sizeof(uint32_t), batch.indices.data() + done,
                  count * sizeof(uint32_t));
    }
    done += count;
  }
  if (config_.timestamps && points > 0) newest_timestamp_ = batch.timestamps.back();
}

PointId PointRing::oldest_held_locked() const {
  PointId held = std::numeric_limits<PointId>::max();
  for (const auto* hold : holds_) held = std::min(held, hold->load(std::memory_order_acquire));
  return held;
}

PointId PointRing::oldest_held() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::min(oldest_held_locked(), next());
}

std::span<const double> PointRing::run(size_t channel, PointId id, PointId until) const {
  const size_t at = id & mask_;
  const size_t count = std::min<size_t>(static_cast<size_t>(until - id), mask_ + 1 - at);
  return {block_of(id) + (channel << shift_) + at, count};
}

LogPosition PointRing::log_position(PointId id) const {
  if (!config_.log_positions) return {static_cast<double>(id), 0};
  double* block = directory_[slot_of_block(id >> shift_)].get();
  const size_t at = id & mask_;
  uint32_t index;
  std::memcpy(&index, index_bytes(block) + at * sizeof(index), sizeof(index));
  return {block[offset_column_ << shift_ | at], index};
}

PointId PointRing::first_after(TimestampMs bound, PointId first, PointId end) const {
  while (first < end) {
    const PointId middle = first + (end - first) / 2;
    if (timestamp(middle) > bound) {
      end = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

Status PointRing::read(PointId first, PointId end, const Columns& out) {
  if (first > end || end > next()) return Status::kPointNotRetained;
  std::atomic<PointId> held{first};
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (first < oldest_.load(std::memory_order_relaxed)) return Status::kPointNotRetained;
    try {
      holds_.push_back(&held);
    } catch (const std::bad_alloc&) {
      return Status::kMemoryLimit;
    }
  }
  copy_out(first, end, out);
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase(holds_, &held);
  return Status::kOk;
}

void PointRing::copy_out(PointId first, PointId end, const Columns& out) const {
  const size_t dimension = config_.dimension;
  for (PointId id = first; id < end;) {
    const size_t row = static_cast<size_t>(id - first);
    const size_t at = id & mask_;
    const size_t count = run(0, id, end).size();
    double* block = directory_[slot_of_block(id >> shift_)].get();
    for (size_t channel = 0; channel < dimension; ++channel) {
      const double* from = block + (channel << shift_) + at;
      double* to = out.values + row * dimension + channel;
      for (size_t i = 0; i < count; ++i) to[i * dimension] = from[i];
    }
    if (config_.timestamps && out.timestamps != nullptr) {
      std::copy_n(block + (timestamp_column_ << shift_) + at, count, out.timestamps + row);
    }
    if (config_.log_positions && out.offsets != nullptr && out.indices != nullptr) {
      std::copy_n(block + (offset_column_ << shift_) + at, count, out.offsets + row);
      std::memcpy(out.indices + row, index_bytes(block) + at * sizeof(uint32_t), count * sizeof(uint32_t));
    }
    id += count;
  }
}

void PointRing::verify() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  TDA_ASSERT(next() - oldest() <= capacity());                                       // R1
  TDA_ASSERT(oldest() <= oldest_held_locked());                                      // R2
  TDA_ASSERT(end_block_ - first_block_ <= blocks_max(config_.capacity, mask_ + 1));  // R5
  for (uint64_t block = first_block_; block < end_block_; ++block) {
    TDA_ASSERT(directory_[slot_of_block(block)] != nullptr);
  }
}

PointHold::PointHold(std::shared_ptr<PointRing> ring, PointId from)
    : ring_(std::move(ring)), position_(from) {
  const std::lock_guard<std::mutex> lock(ring_->mutex_);
  position_.store(std::max(from, ring_->oldest_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  ring_->holds_.push_back(&position_);
}

PointHold::~PointHold() {
  const std::lock_guard<std::mutex> lock(ring_->mutex_);
  std::erase(ring_->holds_, &position_);
}

}  // namespace tda
