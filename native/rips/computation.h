// One batch computation (batch.h) as something that can be watched and stopped while another thread runs it.
//
//   created --run()--> running --> done            cancel() and progress() at any time, from any thread
//
//   (C1) run() takes place once; its input is freed once the distances stand, and kept when it was refused.
//   (C2) Input and result are never touched by two threads: before run() no one reads them, during it only
//   its thread.
// Distances are formed in run() too, so creating one costs a copy of the numbers and nothing else.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "native/rips/batch.h"

namespace tda::rips {

enum class InputKind : uint8_t { kPoints, kLower, kFull, kSparse };

// What distances.h takes, owned.
struct BatchInput {
  InputKind kind = InputKind::kPoints;
  std::vector<double> numbers;  // coordinates, or distances
  size_t dimension = 0;         // kPoints: numbers per point
  MetricSpec metric;            // kPoints
  size_t points = 0;            // kSparse: how many there are; otherwise the numbers say it
  std::vector<uint32_t> rows;   // kSparse: the two ends of each distance
  std::vector<uint32_t> columns;

  // How many points it is, rounded down where the numbers do not fit. O(1).
  size_t size() const;
};

class Computation {
 public:
  Computation(BatchInput input, const BatchOptions& options);
  Computation(const Computation&) = delete;
  Computation& operator=(const Computation&) = delete;

  // Whether simplices of max_dimension + 1 can be numbered at all. O(max_dimension).
  bool fits() const { return fits_; }
  // What batch.h and distances.h answer; kInvalidArgument at once unless fits(); kEngineBusy when it runs or
  // ran already; kMemoryLimit before anything is computed when the distances alone exceed the limit;
  // kInternal. `refused` names the place of a refused input.
  Status run(BatchResult& result, Distances::Place& refused);

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  const BatchProgress& progress() const { return progress_; }
  const BatchOptions& options() const { return options_; }
  // What was refused, after run() said so. REQUIRES: run() has ended.
  const BatchInput& input() const { return input_; }
  // Bytes of input, distances and edges: what it takes at least, whatever the data. O(1).
  uint64_t least_bytes() const { return least_bytes_; }
  // least_bytes() and the longest lists there can be; see predict_batch_bytes. O(max_dimension).
  uint64_t most_bytes() const { return most_bytes_; }

 private:
  Status form_distances(Distances& distances, Distances::Place& refused);

  BatchInput input_;
  BatchOptions options_;
  uint64_t least_bytes_;
  uint64_t most_bytes_;
  bool fits_;
  BatchProgress progress_;
  std::atomic<bool> cancelled_{false};
  std::atomic_flag taken_ = ATOMIC_FLAG_INIT;
};

}  // namespace tda::rips
