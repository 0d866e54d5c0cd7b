#include "native/rips/batch.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "native/rips/cohomology.h"
#include "native/rips/flag_complex.h"

namespace tda::rips {
namespace {

// Below this share of the edges, neighbour lists beat rows of the matrix.
constexpr double kSparseShare = 0.25;

bool prime(uint32_t number) {
  if (number < 2) return false;
  for (uint32_t d = 2; d * d <= number; ++d) {
    if (number % d == 0) return false;
  }
  return true;
}

Status check(const BatchOptions& options, size_t n) {
  if (options.max_dimension < 0 || options.max_dimension > kBatchDimensionMax)
    return Status::kInvalidArgument;
  if (options.modulus > kBatchModulusMax || !prime(options.modulus)) return Status::kInvalidArgument;
  if (std::isnan(options.threshold) || options.threshold < 0 || options.threads == 0)
    return Status::kInvalidArgument;
  const size_t vertices_max = static_cast<size_t>(options.max_dimension) + 2;
  return SimplexIndexer::fits(n, vertices_max) ? Status::kOk : Status::kInvalidArgument;
}

// The threshold rounded down to a stored length, so that comparing with stored lengths means what the user
// said.
float stored_threshold(double threshold) {
  if (threshold >= static_cast<double>(std::numeric_limits<float>::max()))
    return std::numeric_limits<float>::max();
  const float rounded = static_cast<float>(threshold);
  return static_cast<double>(rounded) > threshold ? std::nextafter(rounded, 0.0F) : rounded;
}

std::vector<Simplex> edges_within(const Distances& distances, const SimplexIndexer& indexer,
                                  float threshold) {
  std::vector<Simplex> edges;
  for (size_t i = 0; i < distances.size(); ++i) {
    const auto consider = [&](size_t j, float length) {
      if (j < i && length <= threshold)
        edges.push_back({length, 1, indexer.choose(i, 2) + static_cast<SimplexIndex>(j)});
    };
    if (distances.sparse()) {
      for (const Neighbour& neighbour : distances.neighbours(i)) consider(neighbour.vertex, neighbour.length);
    } else {
      for (size_t j = 0; j < i; ++j) consider(j, distances.row(i)[j]);
    }
  }
  std::sort(edges.begin(), edges.end(), enters_before);
  return edges;
}

Status run(const Distances& distances, const BatchOptions& options, float threshold, BatchResult& result) {
  const SimplexIndexer indexer(distances.size(), static_cast<size_t>(options.max_dimension) + 2);
  const std::vector<Simplex> edges = edges_within(distances, indexer, threshold);
  if (edges.size() * sizeof(Simplex) > options.memory_max_bytes) return Status::kMemoryLimit;
  const double pairs = 0.5 * static_cast<double>(distances.size()) * static_cast<double>(distances.size());
  Distances lists;
  const Distances* used = &distances;
  if (!distances.sparse() && static_cast<double>(edges.size()) < kSparseShare * pairs) {
    lists = distances.thinned(threshold);
    used = &lists;
  }
  const FlagComplex complex(*used, indexer, threshold, options.modulus);
  return Cohomology(complex, options, result).run(edges);
}

}  // namespace

uint64_t predict_batch_bytes(size_t points, int max_dimension) {
  long double bytes = 0, count = 1;
  for (int k = 1; k <= max_dimension + 1; ++k) {
    count = count * std::max<long double>(0, static_cast<long double>(points) - k + 1) / k;
    if (k >= 2) bytes = std::max(bytes, 2 * count * static_cast<long double>(sizeof(Simplex)));
  }
  bytes += static_cast<long double>(points) * static_cast<long double>(points) * sizeof(float);
  constexpr long double kMost = static_cast<long double>(std::numeric_limits<uint64_t>::max() / 2);
  return static_cast<uint64_t>(std::min(bytes, kMost));
}

Status compute_batch(const Distances& distances, const BatchOptions& options, BatchResult& result) {
  result = BatchResult();
  if (const Status status = check(options, distances.size()); status != Status::kOk) return status;
  const float threshold = std::min(stored_threshold(options.threshold), distances.enclosing_radius());
  Status status = Status::kOk;
  try {
    status = run(distances, options, threshold, result);
  } catch (const std::bad_alloc&) {
    status = Status::kMemoryLimit;
  }
  if (status != Status::kOk) result = BatchResult();
  result.threshold_used = static_cast<double>(threshold);
  return status;
}

}  // namespace tda::rips
