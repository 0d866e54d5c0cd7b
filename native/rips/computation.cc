#include "native/rips/computation.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "native/base/assert.h"
#include "native/rips/simplex_index.h"

namespace tda::rips {
namespace {

// n of the n (n - 1) / 2 numbers below the diagonal.
size_t triangle_side(size_t numbers) {
  return static_cast<size_t>((1 + std::sqrt(1 + 8 * static_cast<double>(numbers))) / 2);
}

uint64_t input_bytes(const BatchInput& input) {
  return input.numbers.size() * sizeof(double) +
         (input.rows.size() + input.columns.size()) * sizeof(uint32_t);
}

uint64_t least_bytes(const BatchInput& input) {
  const uint64_t n = input.size();
  switch (input.kind) {
    case InputKind::kSparse:
      // Entries while they are sorted, then both directions of each.
      return input_bytes(input) + input.rows.size() * (sizeof(SparseDistance) + 2 * sizeof(Neighbour)) +
             n * sizeof(size_t);
    case InputKind::kPoints:
      // Prepared and transposed coordinates beside the input.
      return 3 * input_bytes(input) + n * n * sizeof(float);
    case InputKind::kLower:
    case InputKind::kFull: break;
  }
  return input_bytes(input) + n * n * sizeof(float);
}

}  // namespace

size_t BatchInput::size() const {
  switch (kind) {
    case InputKind::kPoints: return dimension == 0 ? 0 : numbers.size() / dimension;
    case InputKind::kLower: return triangle_side(numbers.size());
    case InputKind::kFull: return static_cast<size_t>(std::sqrt(static_cast<double>(numbers.size())));
    case InputKind::kSparse: break;
  }
  return points;
}

Computation::Computation(BatchInput input, const BatchOptions& options)
    : input_(std::move(input)), options_(options) {
  least_bytes_ = tda::rips::least_bytes(input_);
  const size_t n = input_.size();
  const uint64_t matrix = static_cast<uint64_t>(n) * n * sizeof(float);
  const uint64_t lists = predict_batch_bytes(n, options_.max_dimension);
  most_bytes_ = least_bytes_ + (lists > matrix ? lists - matrix : 0);
  fits_ = SimplexIndexer::fits(n, static_cast<size_t>(options_.max_dimension) + 2);
  options_.cancel = &cancelled_;
  options_.progress = &progress_;
}

Status Computation::form_distances(Distances& distances, Distances::Place& refused) {
  switch (input_.kind) {
    case InputKind::kPoints:
      return distances.from_points(input_.numbers, input_.dimension, input_.metric, refused);
    case InputKind::kLower: return distances.from_lower(input_.numbers, refused);
    case InputKind::kFull: return distances.from_full(input_.numbers, refused);
    case InputKind::kSparse: break;
  }
  std::vector<SparseDistance> entries(input_.rows.size());
  for (size_t k = 0; k < entries.size(); ++k) {
    entries[k] = {input_.rows[k], input_.columns[k], input_.numbers[k]};
  }
  return distances.from_sparse(input_.points, entries, refused);
}

Status Computation::run(BatchResult& result, Distances::Place& refused) {
  if (taken_.test_and_set(std::memory_order_acquire)) return Status::kEngineBusy;
  if (!fits_) return Status::kInvalidArgument;
  if (least_bytes_ > options_.memory_max_bytes) return Status::kMemoryLimit;
  if (cancelled_.load(std::memory_order_relaxed)) return Status::kCancelled;
  try {
    Distances distances;
    if (const Status status = form_distances(distances, refused); status != Status::kOk) return status;
    input_ = BatchInput();
    BatchOptions rest = options_;
    rest.memory_max_bytes -= std::min(rest.memory_max_bytes, distances.bytes());
    return compute_batch(distances, rest, result);
  } catch (const std::bad_alloc&) {
    return Status::kMemoryLimit;
  } catch (const AssertionFailed&) {
    return Status::kInternal;
  }
}

}  // namespace tda::rips
