// Persistence of one whole cloud: any dimension, over Z/p, with simplices and representatives.
//
// The oracle behind `verify`, the shadow comparison and a library call. For a stream, RipsWindow
// (rips_window.h) gives H0 and H1 after every point far cheaper than this from scratch.
//
// Diameter convention: a simplex enters at its longest edge. Pairs of length zero are left out. Beyond
// `threshold` nothing enters: a class alive there is reported with death = +infinity, never dropped. Without
// a threshold the computation stops at the enclosing radius, where the complex becomes a cone; the result is
// the same.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "native/base/status.h"
#include "native/rips/distances.h"

namespace tda::rips {

inline constexpr int kBatchDimensionMax = 16;
inline constexpr uint32_t kBatchModulusMax = 32'749;  // the largest prime below 2^15

// Written by the computation, read by whoever shows a progress bar.
struct BatchProgress {
  std::atomic<int> dimension{0};
  std::atomic<uint64_t> columns{0};  // of that dimension; 0 while they are being listed
  std::atomic<uint64_t> columns_done{0};
};

struct BatchOptions {
  int max_dimension = 1;                                       // 0 ... kBatchDimensionMax
  uint32_t modulus = 2;                                        // a prime up to kBatchModulusMax
  double threshold = std::numeric_limits<double>::infinity();  // not negative
  unsigned threads = 1;          // for listing simplices; the result does not depend on it
  bool representatives = false;  // a cocycle for each pair of dimension 1 and higher
  uint64_t memory_max_bytes = uint64_t{2} << 30;
  const std::atomic<bool>* cancel = nullptr;  // set it to true to end with kCancelled
  BatchProgress* progress = nullptr;
};

struct BatchPair {
  int dimension;
  double birth;
  double death;            // +infinity for a class alive at the threshold
  uint64_t birth_begin;    // dimension + 1 numbers in BatchResult::vertices, largest first
  uint64_t death_begin;    // dimension + 2 numbers; none for an essential class
  uint64_t cocycle_begin;  // [begin, end) in BatchResult::coefficients; the simplex of term k begins at
  uint64_t cocycle_end;    // cocycle_vertices[(dimension + 1) k of this pair], see cocycle_vertices_begin
  uint64_t cocycle_vertices_begin;
};

struct BatchResult {
  std::vector<BatchPair> pairs;  // by dimension; deterministic
  std::vector<uint32_t> vertices;
  std::vector<uint32_t> coefficients;
  std::vector<uint32_t> cocycle_vertices;
  double threshold_used = 0;  // the smaller of the option and the enclosing radius
};

// What the lists of simplices, the largest part, can take at most; the true figure is often a hundredth of
// it, because apparent pairs are never stored. REQUIRES: 0 <= max_dimension. O(max_dimension).
uint64_t predict_batch_bytes(size_t points, int max_dimension);

// kInvalidArgument: an option out of range, or simplices too many to number; kMemoryLimit: memory_max_bytes
// reached or the machine is out of memory; kCancelled. The result is empty unless kOk. Cost: cubic in the
// number of simplices at worst; what real clouds cost is in benchmarks/RESULTS.md.
Status compute_batch(const Distances& distances, const BatchOptions& options, BatchResult& result);

}  // namespace tda::rips
