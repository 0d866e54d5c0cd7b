#include "native/rips/metric.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr std::array<std::pair<std::string_view, Metric>, 5> kNames = {{
    {"euclidean", Metric::kEuclidean},
    {"manhattan", Metric::kManhattan},
    {"chebyshev", Metric::kChebyshev},
    {"cosine", Metric::kCosine},
    {"correlation", Metric::kCorrelation},
}};

// Blocks keep the running sums in the first-level cache while the axes stream by.
constexpr size_t kBlock = 256;

template <typename Step, typename Finish>
bool accumulate(const double* axes, size_t stride, size_t dimension, const double* query, size_t n,
                float* out, Step step, Finish finish) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  double sums[kBlock];
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t count = std::min(kBlock, n - begin);
    std::fill_n(sums, count, 0.0);
    for (size_t axis = 0; axis < dimension; ++axis) {
      const double* column = axes + axis * stride + begin;
      const double at = query[axis];
      for (size_t i = 0; i < count; ++i) sums[i] = step(sums[i], at - column[i]);
    }
    for (size_t i = 0; i < count; ++i) sums[i] = finish(sums[i]);
    uint64_t room = 0;  // its sign: whether a sum exceeds the largest float
    for (size_t i = 0; i < count; ++i) room |= std::bit_cast<uint64_t>(kLargest - sums[i]);
    if (room >> 63 != 0) return false;
    for (size_t i = 0; i < count; ++i) out[begin + i] = static_cast<float>(sums[i]);
  }
  return true;
}

bool normalise(std::span<double> vector, double scale_floor) {
  double largest = 0;
  for (const double value : vector) largest = std::max(largest, std::abs(value));
  if (!(largest > scale_floor)) return false;
  double sum = 0;
  for (double& value : vector) {
    value /= largest;
    sum += value * value;
  }
  const double length = std::sqrt(sum);
  for (double& value : vector) value /= length;
  return true;
}

}  // namespace

std::optional<Metric> metric_of(std::string_view name) {
  for (const auto& [known, metric] : kNames) {
    if (known == name) return metric;
  }
  return std::nullopt;
}

Status check(const MetricSpec& spec, size_t dimension) {
  if (dimension == 0 && spec.metric != Metric::kGiven) return Status::kInvalidArgument;
  if (!spec.weights.empty() && spec.weights.size() != dimension) return Status::kInvalidArgument;
  for (const double weight : spec.weights) {
    if (!std::isfinite(weight) || weight < 0) return Status::kInvalidArgument;
  }
  return Status::kOk;
}

Status prepare_point(const MetricSpec& spec, std::span<const double> point, std::span<double> prepared) {
  TDA_ASSERT(point.size() == prepared.size());
  double largest = 0;
  for (size_t axis = 0; axis < point.size(); ++axis) {
    if (!std::isfinite(point[axis])) return Status::kNonFinitePoint;
    prepared[axis] = spec.weights.empty() ? point[axis] : point[axis] * spec.weights[axis];
    if (!std::isfinite(prepared[axis])) return Status::kDistanceOverflow;
    largest = std::max(largest, std::abs(prepared[axis]));
  }
  double floor = 0;
  if (spec.metric == Metric::kCorrelation) {
    const double count = static_cast<double>(point.size());
    double mean = 0;
    for (const double value : prepared) mean += value / count;
    for (double& value : prepared) value -= mean;
    // What is left of a constant vector is the rounding of its mean: no direction.
    floor = largest * count * std::numeric_limits<double>::epsilon();
  }
  const bool angular = spec.metric == Metric::kCosine || spec.metric == Metric::kCorrelation;
  if (angular && !normalise(prepared, floor)) return Status::kNonFinitePoint;
  return Status::kOk;
}

bool distances_to(Metric metric, const double* axes, size_t stride, size_t dimension, const double* query,
                  size_t n, float* out) {
  const auto square = [](double sum, double delta) { return sum + delta * delta; };
  const auto absolute = [](double sum, double delta) { return sum + std::abs(delta); };
  const auto maximum = [](double sum, double delta) {
    const double size = std::abs(delta);
    return size > sum ? size : sum;
  };
  switch (metric) {
    case Metric::kEuclidean:
      return accumulate(axes, stride, dimension, query, n, out, square,
                        [](double sum) { return std::sqrt(sum); });
    case Metric::kManhattan:
      return accumulate(axes, stride, dimension, query, n, out, absolute, [](double sum) { return sum; });
    case Metric::kChebyshev:
      return accumulate(axes, stride, dimension, query, n, out, maximum, [](double sum) { return sum; });
    case Metric::kCosine:
    case Metric::kCorrelation:
      return accumulate(axes, stride, dimension, query, n, out, square, [](double sum) { return sum / 2; });
    case Metric::kGiven: break;
  }
  TDA_ASSERT(false);  // given distances do not come from coordinates
  return false;
}

Geometry geometry_of(Metric metric) {
  switch (metric) {
    case Metric::kEuclidean: return Geometry::kLength;
    case Metric::kCosine:
    case Metric::kCorrelation: return Geometry::kHalfSquare;
    case Metric::kManhattan:
    case Metric::kChebyshev:
    case Metric::kGiven: return Geometry::kNone;
  }
  return Geometry::kNone;
}

}  // namespace tda::rips
