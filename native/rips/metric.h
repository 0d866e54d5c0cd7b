// Distances between points, computed once, stored as float, compared as stored.
//
// The stored type is float: half the memory of double, twice the numbers per SIMD step, and the type Ripser
// uses, so that diagrams can be compared bit for bit. Sums are formed in double over the axes in their order
// and rounded once, which gives the same float on every machine and instruction set (no contraction, no
// reassociation). Rounding makes more ties than double would; ties are harmless, because edges are ordered by
// (length, younger, older). A distance above the largest float is refused (Status::kDistanceOverflow), one
// below the smallest becomes zero.
//
// Cosine and correlation distances are half the squared Euclidean distance of the unit vectors, 1 - cos up to
// rounding: never negative, exact for near-parallel vectors, and a monotone function of a Euclidean distance,
// which the settling of edges relies on (lunes.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "native/base/status.h"

namespace tda::rips {

// kGiven: the caller brings the distances itself, any symmetric non-negative numbers.
enum class Metric : uint8_t { kEuclidean, kManhattan, kChebyshev, kCosine, kCorrelation, kGiven };

// The metric of a name as configurations spell it ("euclidean", "manhattan", ...), nothing for an unknown
// name.
std::optional<Metric> metric_of(std::string_view name);

// How the distances of a cloud are formed. `weights`, where given, multiply the coordinates first, one per
// axis.
struct MetricSpec {
  Metric metric = Metric::kEuclidean;
  std::vector<double> weights;
};

// kInvalidArgument for a dimension of 0 or a number of weights that is neither 0 nor the dimension, or a
// weight that is negative or not finite.
Status check(const MetricSpec& spec, size_t dimension);

// Writes the coordinates whose plain Euclidean, Manhattan or Chebyshev distances are the metric's: weighted,
// and for cosine and correlation of unit length. REQUIRES: point.size() == prepared.size(), check() passed.
// kNonFinitePoint for NaN, infinity or a vector without a direction (zero for cosine, constant for
// correlation); kDistanceOverflow when a weighted coordinate leaves the range of double. O(dimension).
Status prepare_point(const MetricSpec& spec, std::span<const double> point, std::span<double> prepared);

// out[i] = the distance from `query` to point i, for i < n. `axes` holds axis after axis, `stride` numbers
// each: coordinate k of point i is axes[k * stride + i]. False when a distance exceeds float. O(n *
// dimension).
bool distances_to(Metric metric, const double* axes, size_t stride, size_t dimension, const double* query,
                  size_t n, float* out);

// Whether the stored length is a Euclidean distance (kLength), half the square of one (kHalfSquare), or
// neither.
enum class Geometry : uint8_t { kLength, kHalfSquare, kNone };
Geometry geometry_of(Metric metric);

}  // namespace tda::rips
