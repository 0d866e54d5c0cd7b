#include "native/engine/engine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tda {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kSpanMin = 64;
constexpr size_t kSpanMax = 4096;

// A quarter of the window, so that what waits to leave never costs much memory. The memory of a Rips
// filtration is quadratic, and a step of it dwarfs a call.
size_t span_max_for(const EngineConfig& config) {
  if (config.filtration.kind == FiltrationKind::kRips) return 1;
  return config.window.by_time() ? kSpanMax : std::clamp(config.window.count / 4, kSpanMin, kSpanMax);
}

// The ring holds them all, and a window by time is bounded by nothing else; that of a Rips filtration is by its
// gate.
size_t points_max_for(const PointRing& ring, const EngineConfig& config) {
  if (config.filtration.kind == FiltrationKind::kRips) {
    return (config.window.by_time() ? config.filtration.rips.points_max : config.window.count) + 1;
  }
  const size_t room = ring.capacity();
  return config.window.by_time() ? room : std::min(room, config.window.count + span_max_for(config));
}

Status check_slide(const EngineConfig& config, const RingConfig& ring) {
  const SlideSpec& slide = config.slide;
  if (slide.count > 0 && slide.every_ms != 0) return Status::kInvalidArgument;
  if (slide.every_ms != 0) {
    if (!std::isfinite(slide.every_ms) || slide.every_ms < 0) return Status::kInvalidArgument;
    return ring.timestamps && ring.timestamps_ordered ? Status::kOk : Status::kInvalidArgument;
  }
  if (slide.count > ring.capacity) return Status::kInvalidArgument;
  return config.window.count + slide.count <= ring.capacity ? Status::kOk : Status::kInvalidArgument;
}

Status check_filtration(const EngineConfig& config, const RingConfig& ring) {
  const FiltrationConfig& filtration = config.filtration;
  if (filtration.kind == FiltrationKind::kRips) return check_rips(filtration.rips, config.window, ring);
  return filtration.channel < ring.dimension ? Status::kOk : Status::kInvalidArgument;
}

}  // namespace

Status Engine::create(std::shared_ptr<PointRing> ring, const EngineConfig& config,
                      std::shared_ptr<Engine>& engine) {
  return make(std::move(ring), config, nullptr, engine);
}

Status Engine::resume(std::shared_ptr<PointRing> ring, const EngineConfig& config, const EngineResume& resume,
                      std::shared_ptr<Engine>& engine) {
  const bool by_hand = config.slide.count == 0 && config.slide.every_ms == 0;
  const bool emitted = resume.sequence > 0;
  if (by_hand || resume.first < ring->oldest()) return Status::kInvalidArgument;
  if (emitted ? resume.first >= resume.emitted : resume.first != 0 || resume.emitted != 0) {
    return Status::kInvalidArgument;
  }
  return make(std::move(ring), config, &resume, engine);
}

Status Engine::make(std::shared_ptr<PointRing> ring, const EngineConfig& config, const EngineResume* resume,
                    std::shared_ptr<Engine>& engine) {
  if (Status status = check_window(config.window, ring->config()); status != Status::kOk) return status;
  if (Status status = check_slide(config, ring->config()); status != Status::kOk) return status;
  if (Status status = check_filtration(config, ring->config()); status != Status::kOk) return status;
  try {
    std::shared_ptr<Engine> made(new Engine(std::move(ring), config, resume));
    if (Status status = made->set_up_gate(); status != Status::kOk) return status;
    engine = std::move(made);
  } catch (const std::bad_alloc&) {
    return Status::kMemoryLimit;
  }
  return Status::kOk;
}

Status Engine::set_up_gate() {
  if (config_.filtration.kind != FiltrationKind::kRips) return Status::kOk;
  gate_ = std::make_shared<RipsGate>(config_.filtration.rips, config_.window, ring_->config().dimension);
  return ring_->add_gate(gate_, hold_.position());
}

Engine::~Engine() {
  if (gate_ != nullptr) ring_->remove_gate(gate_.get());
}

Engine::Engine(std::shared_ptr<PointRing> ring, const EngineConfig& config, const EngineResume* resume)
    : ring_(std::move(ring)),
      config_(config),
      span_max_(span_max_for(config)),
      hold_(ring_, resume == nullptr ? 0 : resume->first),
      start_(resume == nullptr ? hold_.position() : 0),
      first_(hold_.position()),
      next_(first_),
      emitted_next_(resume == nullptr ? first_ : resume->emitted),
      sequence_(resume == nullptr ? 0 : resume->sequence),
      snapshot_due_(resume != nullptr && resume->snapshot_due),
      filtration_(make_filtration(config.filtration, first_, points_max_for(*ring_, config))) {
  publish_state();
}

template <class Work>
Status Engine::guarded(EngineResults* results, Work&& work) {
  if (results != nullptr) results->clear();
  if (broken_ != Status::kOk) return broken_;
  try {
    work();
  } catch (const AssertionFailed&) {
    broken_ = Status::kInternal;
  } catch (const std::bad_alloc&) {
    broken_ = Status::kMemoryLimit;
  }
  if (broken_ != Status::kOk && results != nullptr) results->clear();
  publish_state();
  return broken_;
}

Status Engine::advance(PointId until, EngineResults* results) {
  if (results != nullptr) results->clear();
  if (until < next_ || until > ring_->next()) return Status::kPointNotRetained;
  return guarded(results, [&] {
    catch_up(until);
    if (next_ == until) return;
    if (config_.slide.count > 0) advance_by_count(until, results);
    if (config_.slide.every_ms > 0) advance_by_time(until, results);
    take_in(until);
  });
}

Status Engine::update(PointId until, PointId first, EngineResults& results) {
  results.clear();
  if (!by_hand()) return Status::kInvalidArgument;
  if (until < next_ || until > ring_->next()) return Status::kPointNotRetained;
  if (first > until) return Status::kWindowEmpty;
  return guarded(&results, [&] {
    take_in(until);
    if (first > first_) {
      std::visit([&](auto& filtration) { filtration.evict_to(*ring_, first); }, filtration_);
      first_ = first;
    }
    emit(kNaN, &results);
  });
}

bool Engine::can_correct() const {
  const auto* const cloud = std::get_if<RipsFiltration>(&filtration_);
  return by_hand() && cloud != nullptr && cloud->correctable();
}

template <class Work>
Status Engine::correct(PointId id, EngineResults& results, Work work) {
  results.clear();
  if (!can_correct()) return Status::kInvalidArgument;
  if (id < first_ || id >= next_) return Status::kPointNotRetained;
  Status answer = Status::kOk;
  const Status status = guarded(&results, [&] {
    auto& cloud = std::get<RipsFiltration>(filtration_);
    answer = work(cloud);
    if (answer != Status::kOk) return;
    first_ = std::max(first_, cloud.oldest_present());
    emit(kNaN, &results);
  });
  return status == Status::kOk ? answer : status;
}

Status Engine::remove(PointId id, EngineResults& results) {
  return correct(id, results, [id](RipsFiltration& cloud) { return cloud.remove(id); });
}

Status Engine::move(PointId id, std::span<const double> point, EngineResults& results) {
  return correct(id, results, [&](RipsFiltration& cloud) {
    if (point.size() != ring_->config().dimension) return Status::kWrongDimension;
    if (!std::all_of(point.begin(), point.end(), [](double value) { return std::isfinite(value); })) {
      return Status::kNonFinitePoint;
    }
    Status refusal = Status::kOk;
    gate_->mark(point, {&refusal, 1});
    return refusal == Status::kOk ? cloud.move(id, point) : refusal;
  });
}

Status Engine::diagram(EngineResults& results) {
  return guarded(&results, [&] {
    std::visit([&](auto& filtration) { filtration.diagram(*ring_, results.snapshots); }, filtration_);
  });
}

void Engine::advance_by_count(PointId until, EngineResults* results) {
  const size_t slide = config_.slide.count;
  for (PointId due = (next_ / slide + 1) * slide; due <= until; due += slide) {
    take_in(due);
    emit(kNaN, results);
  }
}

void Engine::advance_by_time(PointId until, EngineResults* results) {
  while (next_ < until) {
    if (next_ == emitted_next_) {  // a first point, so that there is something to emit
      take_in(next_ + 1);
      continue;
    }
    const double every = config_.slide.every_ms;
    const double boundary = std::ceil(ring_->timestamp(next_ - 1) / every) * every + 0.0;  // never -0.0
    const PointId late = ring_->first_after(boundary, next_, until);
    take_in(late);
    if (late < until) emit(boundary, results);
  }
}

// An engine that goes on for another one has reported nothing yet: up to the last emission it only takes in.
void Engine::catch_up(PointId until) {
  if (next_ >= emitted_next_) return;
  take_in(std::min(until, emitted_next_));
  if (next_ < emitted_next_) return;
  std::visit([&](auto& filtration) { filtration.report(*ring_, nullptr); }, filtration_);
  hold_.advance(first_);
}

// Lets points before `until` enter and the window follow, in spans, so that the filtration holds at most
// span_max_ points more than its window.
void Engine::take_in(PointId until) {
  while (next_ < until) {
    const PointId next = std::min(until, next_ + span_max_);
    const PointId first = window_start(*ring_, config_.window, first_, next);
    std::visit(
        [&](auto& filtration) {
          filtration.append(*ring_, next);
          filtration.evict_to(*ring_, first);
        },
        filtration_);
    next_ = next;
    first_ = first;
  }
}

void Engine::emit(double boundary_ms, EngineResults* results) {
  sequence_ += 1;
  const bool due = std::exchange(snapshot_due_, false);
  std::visit(
      [&](auto& filtration) {
        filtration.report(*ring_, results == nullptr ? nullptr : &results->changes);
        if (results == nullptr) return;
        const bool requested = snapshot_requested_.exchange(false, std::memory_order_relaxed);
        const uint64_t every = config_.snapshot_every;
        const bool regular = every > 0 && (sequence_ + config_.snapshot_phase) % every == 0;
        if (requested || regular || due) filtration.diagram(*ring_, results->snapshots);
      },
      filtration_);
  if (results != nullptr) write_emission(boundary_ms, *results);
  hold_.advance(first_);
  emitted_next_ = next_;
}

void Engine::write_emission(double boundary_ms, EngineResults& results) {
  const bool empty = first_ == next_;
  const bool stamped = ring_->config().timestamps && !empty;
  const LogPosition none{-1, 0};
  const LogPosition oldest = empty ? none : ring_->log_position(first_);
  const LogPosition newest = empty ? none : ring_->log_position(next_ - 1);
  const bool full = config_.window.by_time() ? first_ > start_ : next_ - first_ == config_.window.count;
  size_t stride = 0;
  size_t pairs = 0;
  std::visit(
      [&](const auto& filtration) {
        stride = filtration.kStride;
        pairs = filtration.pairs_reported();
      },
      filtration_);
  double* row = results.emissions.add(kEmissionStride);
  row[kEmissionSequence] = static_cast<double>(sequence_);
  row[kEmissionBoundaryMs] = boundary_ms;
  row[kEmissionPoints] = static_cast<double>(next_ - first_);
  row[kEmissionFull] = full ? 1 : 0;
  row[kEmissionFirstOffset] = oldest.offset;
  row[kEmissionFirstIndex] = oldest.index;
  row[kEmissionFirstTimestamp] = stamped ? ring_->timestamp(first_) : kNaN;
  row[kEmissionLastOffset] = newest.offset;
  row[kEmissionLastIndex] = newest.index;
  row[kEmissionLastTimestamp] = stamped ? ring_->timestamp(next_ - 1) : kNaN;
  row[kEmissionLastArrival] = static_cast<double>(next_) - 1;
  row[kEmissionPairs] = static_cast<double>(pairs);
  row[kEmissionChangesEnd] = static_cast<double>(results.changes.size() / stride);
  row[kEmissionSnapshotEnd] = static_cast<double>(results.snapshots.size() / stride);
}

void Engine::publish_state() {
  size_t pairs = 0;
  size_t loops = 0;
  size_t voids = 0;
  size_t bytes = sizeof(*this);
  EngineCounters counters{};
  std::visit(
      [&](const auto& filtration) {
        pairs = filtration.pairs_reported();
        loops = filtration.pairs_reported(1);
        voids = filtration.pairs_reported(2);
        bytes += filtration.bytes();
        counters = filtration.counters();
      },
      filtration_);
  const auto store = [](auto& field, auto value) { field.store(value, std::memory_order_relaxed); };
  store(published_.first, first_);
  store(published_.next, next_);
  store(published_.held, hold_.position());
  store(published_.emitted, emitted_next_);
  store(published_.sequence, sequence_);
  store(published_.pairs, pairs);
  store(published_.loops, loops);
  store(published_.voids, voids);
  store(published_.bytes, bytes);
  store(published_.snapshot_due, snapshot_due_);
  store(published_.columns, counters.columns);
  store(published_.pivots, counters.pivots);
  store(published_.edits, counters.edits);
  store(published_.arena_bytes, counters.arena_bytes);
}

EngineState Engine::state() const {
  const auto load = [](const auto& field) { return field.load(std::memory_order_relaxed); };
  return {load(published_.first),
          load(published_.next),
          load(published_.held),
          load(published_.emitted),
          load(published_.sequence),
          load(published_.pairs),
          load(published_.loops),
          load(published_.voids),
          load(published_.bytes),
          load(published_.snapshot_due) || load(snapshot_requested_),
          {load(published_.columns), load(published_.pivots), load(published_.edits),
           load(published_.arena_bytes)}};
}

void Engine::verify() {
  TDA_ASSERT(hold_.position() <= first_ && first_ <= next_);
  TDA_ASSERT(next_ <=
             std::max(ring_->next(), hold_.position()));  // one that goes on may wait for its first point
  std::visit([](auto& filtration) { filtration.verify(); }, filtration_);
}

}  // namespace tda
