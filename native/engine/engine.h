// START HERE (core). One engine: one stream at one scale. It follows a point ring, keeps the diagram of its
// window and writes an update whenever one is due.
//
//   ring      ... p p p p p p p p p p p p p p p p p p ...
//                     ^   ^           ^ next(): what comes from here on waits
//                     |   first(): the window is [first(), next())
//                     window start at the last emission: what the engine holds
//
// When an emission is due depends on the points alone, never on how they are cut into calls:
//   slide by count n   after the points whose number in the stream (arrival number + 1) is a multiple of n;
//   slide by time e    for the boundary T, a multiple of e: when the first point later than T arrives, of the
//                      window whose newest point is the last one not later than T. No new point since the
//                      last emission: none;
//   slide by hand      when update() is called.
//
// After a restart an engine goes on where another one was (EngineResume): it takes in the points of the window
// of the last emission, takes note of the diagram as reported, and counts on from its sequence. What it emits
// from there on is what the other one would have emitted.
//
//   (E1) Between calls the filtration holds exactly the points [first(), next()), the window at next(), but for
//        those that remove() took out of it.
//   (E2) The ring holds every point from the window's start at the last emission on: what a removed pair
//        names can still be read. So a ring needs room for the largest window + its slide + the backlog that
//        may wait.
//   (E3) Applying all changes reported so far to the empty diagram gives the diagram at the last emission.
//   (E4) A failed assertion or a lack of memory breaks this engine only: every later call answers kInternal
//        or kMemoryLimit until it is built anew from its points.
//
// Threads: one thread at a time, taken with EngineLease; a second one finds it busy. state() and
// request_snapshot() need no lease.
// Cost: amortised O(1) a point for series, O(changes) an emission, O(pairs) a snapshot.
#pragma once

#include <atomic>
#include <memory>
#include <new>

#include "native/base/assert.h"
#include "native/base/status.h"
#include "native/diagram/row_buffer.h"
#include "native/engine/counters.h"
#include "native/engine/filtration.h"
#include "native/window/sliding_window.h"

namespace tda {

// At most one of the two is positive; none means by hand.
struct SlideSpec {
  size_t count = 0;
  double every_ms = 0;
};

struct EngineConfig {
  FiltrationConfig filtration;
  WindowSpec window;
  SlideSpec slide;
  // Sequence numbers s with (s + snapshot_phase) % snapshot_every == 0 carry a snapshot; 0 = none.
  uint64_t snapshot_every = 0;
  uint64_t snapshot_phase = 0;
};

// Where the engine of another process stood. All but `snapshot_due` describe its last emission; zeros: none yet.
struct EngineResume {
  PointId first = 0;  // its window was [first, emitted)
  PointId emitted = 0;
  uint64_t sequence = 0;
  bool snapshot_due = false;  // the next emission carries a snapshot, whether or not anybody sees it
};

struct EngineState {
  PointId first;
  PointId next;
  PointId held;     // window start at the last emission: the oldest point this engine still needs
  PointId emitted;  // next() at the last emission
  uint64_t sequence;
  size_t pairs;  // in the diagram at the last emission
  size_t loops;  // those of them that have dimension 1
  size_t voids;  // and 2
  size_t bytes;
  bool snapshot_due;  // the next emission carries one, whatever snapshot_every says
  EngineCounters counters;
};

// What calls write: rows of native/diagram/update.h. Belongs to the caller, who may use it for any number of
// engines.
struct EngineResults {
  RowBuffer emissions;
  RowBuffer changes;
  RowBuffer snapshots;

  void clear() {
    emissions.clear();
    changes.clear();
    snapshots.clear();
  }
};

class Engine {
 public:
  // An engine over the window of `ring` that starts at its oldest point. kInvalidArgument for what
  // check_window refuses, a channel the ring does not have, two kinds of slide, a slide by time without
  // ordered timestamps, or a window and slide by count that together exceed the ring.
  // For a Rips filtration also what check_rips refuses, and what its gate says of points that are here
  // already (kNonFinitePoint, kDistanceOverflow, kCapacityExceeded); kEngineBusy while another thread
  // appends.
  static Status create(std::shared_ptr<PointRing> ring, const EngineConfig& config,
                       std::shared_ptr<Engine>& engine);
  // An engine that goes on after `resume`, over a ring that is to get the points from resume.first on. Also
  // kInvalidArgument for numbers that no emission can have left, a ring that begins later, and a slide by hand.
  // The stream is the one that began with arrival number 0.
  static Status resume(std::shared_ptr<PointRing> ring, const EngineConfig& config,
                       const EngineResume& resume, std::shared_ptr<Engine>& engine);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Takes in the points before `until` and writes the emissions that fell due to `results`; null: they only
  // count. kPointNotRetained when points have not arrived or `until` goes back. Nothing is in `results`
  // unless kOk. REQUIRES: a lease.
  Status advance(PointId until, EngineResults* results);
  // The same, then drops the window's points before `first` (kWindowEmpty: more than it has) and emits one
  // update. kInvalidArgument for an engine whose slide is not by hand. REQUIRES: a lease.
  Status update(PointId until, PointId first, EngineResults& results);
  // Takes one point out of the window, wherever it stands, or puts it elsewhere, and emits one update. It keeps
  // its number and its place: a removed one comes back by move(), and its place is free once it is the oldest.
  // The ring keeps it as it came, and the emission counts its place. kPointNotRetained: it is not in the window; move also answers
  // kWrongDimension, kNonFinitePoint, kDistanceOverflow. kInvalidArgument unless can_correct(). Nothing has
  // changed unless kOk. REQUIRES: a lease. Cost: native/rips/rips_window.h.
  Status remove(PointId id, EngineResults& results);
  Status move(PointId id, std::span<const double> point, EngineResults& results);
  // By hand, over a cloud of samples. A series rests on the order of its points, a delay embedding shares them.
  bool can_correct() const;
  // Writes the present diagram to results.snapshots. REQUIRES: a lease.
  Status diagram(EngineResults& results);

  void request_snapshot() { snapshot_requested_.store(true, std::memory_order_relaxed); }
  EngineState state() const;
  const PointRing& ring() const { return *ring_; }
  bool by_hand() const { return config_.slide.count == 0 && config_.slide.every_ms == 0; }
  // Checks E1 and the filtration's own invariants.
  void verify();

 private:
  friend class EngineLease;
  friend struct EngineTestAccess;

  Engine(std::shared_ptr<PointRing> ring, const EngineConfig& config, const EngineResume* resume);
  static Status make(std::shared_ptr<PointRing> ring, const EngineConfig& config, const EngineResume* resume,
                     std::shared_ptr<Engine>& engine);
  Status set_up_gate();
  template <class Work>
  Status guarded(EngineResults* results, Work&& work);
  template <class Work>
  Status correct(PointId id, EngineResults& results, Work work);
  void advance_by_count(PointId until, EngineResults* results);
  void advance_by_time(PointId until, EngineResults* results);
  void catch_up(PointId until);
  void take_in(PointId until);
  void emit(double boundary_ms, EngineResults* results);
  void write_emission(double boundary_ms, EngineResults& results);
  void publish_state();

  const std::shared_ptr<PointRing> ring_;
  const EngineConfig config_;
  const size_t span_max_;  // points taken in before the window moves up
  PointHold hold_;
  const PointId start_;  // arrival number of the first point it, or the one it goes on for, ever saw
  PointId first_;
  PointId next_;
  PointId emitted_next_;  // next_ at the last emission
  std::shared_ptr<const PointGate>
      gate_;  // keeps points out that the filtration cannot take; null: takes all
  uint64_t sequence_;
  bool snapshot_due_;
  Filtration filtration_;
  Status broken_ = Status::kOk;

  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::atomic<bool> snapshot_requested_{false};
  struct {
    std::atomic<PointId> first, next, held, emitted;
    std::atomic<uint64_t> sequence;
    std::atomic<size_t> pairs, loops, voids, bytes;
    std::atomic<uint64_t> columns, pivots, edits, arena_bytes;
    std::atomic<bool> snapshot_due;
  } published_;
};

// The right to use an engine, or nothing when another thread has it. Never waits.
class EngineLease {
 public:
  explicit EngineLease(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {
    if (engine_ && engine_->busy_.test_and_set(std::memory_order_acquire)) engine_.reset();
  }
  ~EngineLease() {
    if (engine_) engine_->busy_.clear(std::memory_order_release);
  }
  EngineLease(EngineLease&& other) noexcept : engine_(std::move(other.engine_)) { other.engine_.reset(); }
  EngineLease& operator=(EngineLease&&) = delete;

  explicit operator bool() const { return engine_ != nullptr; }
  Engine* operator->() const { return engine_.get(); }

 private:
  std::shared_ptr<Engine> engine_;
};

}  // namespace tda
