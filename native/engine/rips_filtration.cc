#include "native/engine/rips_filtration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <tuple>

namespace tda {

namespace {

using rips::kNoPoint;
using rips::Metric;

// Points at most this far from the origin are at most half the largest float apart, rounding included.
constexpr double kReachMax = static_cast<double>(std::numeric_limits<float>::max()) / 4;

bool angular(Metric metric) { return metric == Metric::kCosine || metric == Metric::kCorrelation; }

// The length of a vector by its own metric: no two points are farther apart than the sum of their lengths.
double length_of(Metric metric, std::span<const double> vector) {
  double sum = 0;
  for (const double value : vector) {
    const double size = std::abs(value);
    if (metric == Metric::kEuclidean) sum += size * size;
    if (metric == Metric::kManhattan) sum += size;
    if (metric == Metric::kChebyshev) sum = std::max(sum, size);
  }
  return metric == Metric::kEuclidean ? std::sqrt(sum) : sum;
}

// What a window answers that was given what it can take: kOk, or that memory ran out.
void require(Status status) {
  if (status == Status::kMemoryLimit) throw std::bad_alloc();
  TDA_ASSERT(status == Status::kOk);
}

rips::RipsConfig window_config(const RipsSpec& spec, size_t samples_max, PointId start) {
  return {.window_max = spec.cloud_max(samples_max),
          .dimension = spec.coordinates(),
          .metric = spec.metric,
          .max_dimension = spec.max_dimension,
          .threshold = spec.threshold,
          .first = start};
}

}  // namespace

Status check_rips(const RipsSpec& spec, const WindowSpec& window, const RingConfig& ring) {
  if (spec.channels.empty() || spec.channels.size() > kDimensionMax) return Status::kInvalidArgument;
  for (const size_t channel : spec.channels) {
    if (channel >= ring.dimension) return Status::kInvalidArgument;
  }
  for (const size_t number : {spec.dimension, spec.delay, spec.stride}) {
    if (number == 0 || number > kRingCapacityMax) return Status::kInvalidArgument;
  }
  if (spec.coordinates() > kDimensionMax) return Status::kInvalidArgument;
  if (spec.metric.metric == Metric::kGiven) return Status::kInvalidArgument;
  if (spec.metric.metric == Metric::kCorrelation && spec.coordinates() < 2) return Status::kInvalidArgument;
  const size_t samples = window.by_time() ? spec.points_max : window.count;
  if (samples <= spec.reach()) return Status::kInvalidArgument;
  return rips::RipsWindow::check_config(window_config(spec, samples + 1, 0));
}

RipsGate::RipsGate(const RipsSpec& spec, const WindowSpec& window, size_t ring_dimension)
    : spec_(spec), window_(window), ring_dimension_(ring_dimension) {
  const auto& [metric, weights] = spec_.metric;
  const std::vector<double> factors =
      weights.empty() ? std::vector<double>(spec_.coordinates(), 1.0) : weights;
  // A product that is finite is all that angles need.
  sample_max_ = angular(metric)
                    ? std::numeric_limits<double>::max() / *std::max_element(factors.begin(), factors.end())
                    : kReachMax / length_of(metric, factors);
}

// O(1) a point for a delay embedding, O(channels) for a cloud of samples.
Status RipsGate::check(const double* sample, std::vector<double>& point,
                       std::vector<double>& prepared) const {
  if (spec_.dimension > 1) {
    for (const size_t channel : spec_.channels) {
      if (!(std::abs(sample[channel]) <= sample_max_)) return Status::kDistanceOverflow;
    }
    return Status::kOk;
  }
  for (size_t axis = 0; axis < point.size(); ++axis) point[axis] = sample[spec_.channels[axis]];
  const Status status = rips::prepare_point(spec_.metric, point, prepared);
  if (status != Status::kOk || angular(spec_.metric.metric)) return status;
  return length_of(spec_.metric.metric, prepared) <= kReachMax ? Status::kOk : Status::kDistanceOverflow;
}

Status RipsGate::admit(const PointRing& ring, PointId next, const PointBatch& batch) const {
  std::vector<double> point(spec_.channels.size());
  std::vector<double> prepared(point.size());
  const size_t points = batch.values.size() / ring_dimension_;
  for (size_t at = 0; at < points; ++at) {
    const Status status = check(batch.values.data() + at * ring_dimension_, point, prepared);
    if (status != Status::kOk) return status;
    // The point points_max places before must have left the window; what the ring gave up has.
    if (!window_.by_time() || next + at < spec_.points_max) continue;
    const PointId leaving = next + at - spec_.points_max;
    if (leaving < ring.oldest()) continue;
    const TimestampMs left = leaving < next ? ring.timestamp(leaving) : batch.timestamps[leaving - next];
    if (left > batch.timestamps[at] - window_.span_ms) return Status::kCapacityExceeded;
  }
  return Status::kOk;
}

void RipsGate::mark(std::span<const double> values, std::span<Status> refusals) const {
  std::vector<double> point(spec_.channels.size());
  std::vector<double> prepared(point.size());
  for (size_t at = 0; at < refusals.size(); ++at) {
    const Status status = check(values.data() + at * ring_dimension_, point, prepared);
    if (status != Status::kOk) refusals[at] = status;
  }
}

RipsFiltration::RipsFiltration(RipsSpec spec, PointId start, size_t samples_max)
    : spec_(std::move(spec)),
      first_(start),
      next_(start),
      window_(std::make_unique<rips::RipsWindow>(window_config(spec_, samples_max, start))),
      point_(spec_.coordinates()) {}

void RipsFiltration::append(const PointRing& ring, PointId until) {
  const PointId complete = std::max(next_, first_ + spec_.reach());
  for (PointId newest = (complete + spec_.stride - 1) / spec_.stride * spec_.stride; newest < until;
       newest += spec_.stride) {
    take(ring, newest);
  }
  next_ = until;
}

void RipsFiltration::take(const PointRing& ring, PointId newest) {
  size_t axis = 0;
  for (size_t lag = 0; lag < spec_.dimension; ++lag) {
    for (const size_t channel : spec_.channels)
      point_[axis++] = ring.value(channel, newest - lag * spec_.delay);
  }
  const Status status = window_->append(point_, newest);
  if (status == Status::kNonFinitePoint && spec_.dimension > 1) return;  // no direction
  require(status);  // G1 holds, so nothing else is refused
  changed_ = true;
}

void RipsFiltration::evict_to(const PointRing&, PointId first) {
  first_ = first;
  while (window_->size() > 0 && window_->name_of(window_->oldest_point()) < first + spec_.reach()) {
    require(window_->evict());
    changed_ = true;
  }
}

Status RipsFiltration::remove(PointId arrival) {
  TDA_ASSERT(correctable() && arrival < next_);
  if (arrival < oldest_present()) return Status::kPointNotRetained;
  const Status status = window_->remove(arrival);
  if (status != Status::kPointNotRetained) require(status);
  first_ = std::max(first_, oldest_present());
  changed_ = true;
  return status;
}

Status RipsFiltration::move(PointId arrival, std::span<const double> sample) {
  TDA_ASSERT(correctable() && arrival < next_);
  if (arrival < oldest_present()) return Status::kPointNotRetained;
  for (size_t axis = 0; axis < point_.size(); ++axis) point_[axis] = sample[spec_.channels[axis]];
  require(window_->move(arrival, point_));  // the gate let it pass
  changed_ = true;
  return Status::kOk;
}

// The window names simplices by their longest edges, rows by their points in order, so a point that moved can change
// the one and not the other: what is the same before and after is no change.
void RipsFiltration::report(const PointRing& ring, RowBuffer* rows) {
  if (!changed_) return;
  changes_.clear();
  gone_.clear();
  come_.clear();
  require(window_->emit(changes_));
  for (const rips::RipsChange& change : changes_) {
    if (change.kind == ChangeKind::kRemoved) gone_.push_back(pair_of(change.pair));
    if (change.kind == ChangeKind::kMoved) gone_.push_back(pair_of(change.before));
    if (change.kind != ChangeKind::kRemoved) come_.push_back(pair_of(change.pair));
  }
  std::sort(gone_.begin(), gone_.end(), born_before);
  std::sort(come_.begin(), come_.end(), born_before);
  const auto note = [&](ChangeKind kind, const Pair& pair) {
    ++edits_;
    if (rows != nullptr) write_row(ring, kind, pair, rows->add(kStride));
  };
  auto now = come_.begin();
  auto before = gone_.begin();
  while (now != come_.end() && before != gone_.end()) {
    if (*now == *before) {
      ++now, ++before;
    } else if (born_before(*before, *now)) {
      note(ChangeKind::kRemoved, *before++);
    } else if (born_before(*now, *before)) {
      note(ChangeKind::kAdded, *now++);
    } else if (now->birth == before->birth) {
      note(ChangeKind::kMoved, *now++);
      ++before;
    } else {  // a point of the birth simplex was moved
      note(ChangeKind::kRemoved, *before++);
      note(ChangeKind::kAdded, *now++);
    }
  }
  for (; before != gone_.end(); ++before) note(ChangeKind::kRemoved, *before);
  for (; now != come_.end(); ++now) note(ChangeKind::kAdded, *now);
  changed_ = false;
}

void RipsFiltration::diagram(const PointRing& ring, RowBuffer& rows) {
  if (changed_) {
    require(window_->present(present_));
  } else {
    present_ = window_->diagram();
  }
  std::vector<Pair> pairs(present_.size());
  std::transform(present_.begin(), present_.end(), pairs.begin(), pair_of);
  std::sort(pairs.begin(), pairs.end(), born_before);
  for (const Pair& pair : pairs) write_row(ring, ChangeKind::kAdded, pair, rows.add(kStride));
}

// kNoPoint is the largest number, so it stays behind.
RipsFiltration::Pair RipsFiltration::pair_of(const rips::RipsPair& pair) {
  Pair result{pair.dimension, pair.birth, pair.death, {}, {}};
  std::partial_sort_copy(std::begin(pair.birth_points), std::end(pair.birth_points),
                         std::begin(result.birth_points), std::end(result.birth_points));
  std::partial_sort_copy(std::begin(pair.death_points), std::end(pair.death_points),
                         std::begin(result.death_points), std::end(result.death_points));
  return result;
}

bool RipsFiltration::born_before(const Pair& a, const Pair& b) {
  return std::tie(a.dimension, a.birth_points[0], a.birth_points[1], a.birth_points[2]) <
         std::tie(b.dimension, b.birth_points[0], b.birth_points[1], b.birth_points[2]);
}

void RipsFiltration::write_row(const PointRing& ring, ChangeKind kind, const Pair& pair, double* row) {
  *row++ = static_cast<double>(kind);
  *row++ = pair.dimension;
  *row++ = pair.birth;
  *row++ = pair.death;
  const auto write = [&](std::span<const PointId> points) {
    for (const PointId point : points) {
      const LogPosition position = point == kNoPoint ? LogPosition{-1, 0} : ring.log_position(point);
      *row++ = position.offset;
      *row++ = position.index;
    }
  };
  write(pair.birth_points);
  write(pair.death_points);
}

EngineCounters RipsFiltration::counters() const {
  const rips::RipsStatistics statistics = window_->statistics();
  return {statistics.columns, statistics.pivots, edits_, statistics.bytes};
}

size_t RipsFiltration::bytes() const {
  return static_cast<size_t>(window_->statistics().bytes) + present_.capacity() * sizeof(rips::RipsPair) +
         changes_.capacity() * sizeof(rips::RipsChange) +
         (gone_.capacity() + come_.capacity()) * sizeof(Pair);
}

void RipsFiltration::verify() {
  for (PointId number = window_->oldest_point(); number < window_->next_point(); ++number) {  // F1, F2
    const PointId arrival = window_->name_of(number);
    TDA_ASSERT(!correctable() || arrival == number);
    TDA_ASSERT(arrival % spec_.stride == 0 && arrival >= first_ + spec_.reach() && arrival < next_);
    TDA_ASSERT(number == window_->oldest_point() || window_->name_of(number - 1) < arrival);
  }
  window_->verify();
}

}  // namespace tda
