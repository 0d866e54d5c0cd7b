#include "native/series/embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace tda {

namespace {

constexpr size_t kPointsMin = 20;
constexpr double kDistanceRatio = 15;  // [KBA92], their first criterion
constexpr double kSizeRatio = 2;       // their second
constexpr double kRounding = 1e-7;     // of the standard deviation

bool all_finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

// The bin of each value among `bins` of equal counts; equal values share the bin of their first.
std::vector<uint32_t> rank_bins(std::span<const double> values, size_t bins) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return values[a] != values[b] ? values[a] < values[b] : a < b; });
  std::vector<uint32_t> bin_of(values.size());
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const bool tied = rank > 0 && values[order[rank]] == values[order[rank - 1]];
    bin_of[order[rank]] = tied ? bin_of[order[rank - 1]] : static_cast<uint32_t>(rank * bins / order.size());
  }
  return bin_of;
}

double sum_of_entropies(const std::vector<uint32_t>& counts, double total) {
  double sum = 0;
  for (const uint32_t count : counts) {
    if (count > 0) sum -= count / total * std::log2(count / total);
  }
  return sum;
}

// Cells that are not empty; a Miller-Madow correction counts these.
double filled(const std::vector<uint32_t>& counts) {
  return static_cast<double>(
      std::count_if(counts.begin(), counts.end(), [](uint32_t count) { return count > 0; }));
}

double information(std::span<const uint32_t> now, std::span<const uint32_t> later, size_t bins) {
  std::vector<uint32_t> first(bins, 0), second(bins, 0), both(bins * bins, 0);
  for (size_t t = 0; t < now.size(); ++t) {
    ++first[now[t]];
    ++second[later[t]];
    ++both[now[t] * bins + later[t]];
  }
  const double total = static_cast<double>(now.size());
  const double plain =
      sum_of_entropies(first, total) + sum_of_entropies(second, total) - sum_of_entropies(both, total);
  const double bias = (filled(both) - filled(first) - filled(second) + 1) / (2 * std::log(2.0) * total);
  return std::max(0.0, plain - std::max(0.0, bias));
}

struct Neighbours {
  size_t euclidean;
  size_t largest;  // in the maximum norm
};

// One pass: both distances of every candidate from `reference` grow by coordinate d, and the nearest are
// found.
Neighbours extend(const double* x, size_t candidates, size_t reference, size_t coordinate, size_t apart,
                  std::vector<double>& squares, std::vector<double>& largest) {
  const double at = x[reference + coordinate];
  const double* shifted = x + coordinate;
  for (size_t j = 0; j < candidates; ++j) {
    const double delta = shifted[j] - at;
    squares[j] += delta * delta;
    largest[j] = std::max(largest[j], std::abs(delta));
  }
  constexpr double kNone = std::numeric_limits<double>::infinity();
  Neighbours best{reference, reference};
  double least_square = kNone, least = kNone;
  const auto look = [&](size_t begin, size_t end) {
    for (size_t j = begin; j < end; ++j) {
      if (squares[j] < least_square) least_square = squares[j], best.euclidean = j;
      if (largest[j] < least) least = largest[j], best.largest = j;
    }
  };
  look(0, reference > apart ? reference - apart : 0);
  look(std::min(candidates, reference + apart + 1), candidates);
  return best;
}

}  // namespace

Status mutual_information(std::span<const double> values, size_t delay_max, std::vector<double>& bits) {
  bits.clear();
  if (delay_max > kEmbeddingDelayMax || values.size() < std::max(kPointsMin, 2 * (delay_max + 1)))
    return Status::kInvalidArgument;
  if (!all_finite(values)) return Status::kNonFinitePoint;
  const double pairs = static_cast<double>(values.size() - delay_max);
  const size_t bins = std::clamp<size_t>(static_cast<size_t>(std::cbrt(pairs)), 4, 64);
  const std::vector<uint32_t> bin_of = rank_bins(values, bins);
  for (size_t delay = 0; delay <= delay_max; ++delay) {
    const size_t count = values.size() - delay;
    bits.push_back(information({bin_of.data(), count}, {bin_of.data() + delay, count}, bins));
  }
  return Status::kOk;
}

Status embedding_dimensions(std::span<const double> values, size_t delay, size_t dimension_max,
                            std::vector<EmbeddingRow>& rows) {
  rows.clear();
  if (delay == 0 || delay > kEmbeddingDelayMax || dimension_max == 0 ||
      dimension_max > kEmbeddingDimensionMax)
    return Status::kInvalidArgument;
  const size_t reach = (dimension_max + 1) * delay;  // Cao looks at two coordinates more than the dimension
  // Twice the delay around a point is barred to its neighbours.
  if (values.size() < reach + 2 * delay + kPointsMin) return Status::kInvalidArgument;
  if (!all_finite(values)) return Status::kNonFinitePoint;
  if (values.size() > kEmbeddingPointsMax + reach) values = values.last(kEmbeddingPointsMax + reach);
  const size_t candidates = values.size() - reach;
  const size_t references = std::min(candidates, kReferencesMax);

  // Scaled by the largest value, so that squares neither overflow nor vanish; every ratio stays what it is.
  double size = 0;
  for (const double value : values) size = std::max(size, std::abs(value));
  std::vector<double> x(values.begin(), values.end());
  for (double& value : x) value = size > 0 ? value / size : 0;
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  const double deviation = std::sqrt(variance);
  const double floor = kRounding * deviation;
  if (!(deviation > std::numeric_limits<double>::epsilon())) {
    rows.assign(dimension_max, EmbeddingRow{0, 1, 1});
    return Status::kOk;
  }

  // Index d: of the embedding in d coordinates; Cao's ratios need one dimension more.
  std::vector<double> false_count(dimension_max + 2, 0), growth(dimension_max + 2, 0),
      drift(dimension_max + 2, 0);
  std::vector<double> squares(candidates), largest(candidates);
  for (size_t k = 0; k < references; ++k) {
    const size_t i = k * candidates / references;
    std::fill(squares.begin(), squares.end(), 0.0);
    std::fill(largest.begin(), largest.end(), 0.0);
    for (size_t d = 1; d <= dimension_max + 1; ++d) {
      const Neighbours near = extend(x.data(), candidates, i, (d - 1) * delay, delay, squares, largest);
      const double next = std::abs(x[i + d * delay] - x[near.euclidean + d * delay]);
      const double distance = std::max(floor, std::sqrt(squares[near.euclidean]));
      const double extended = std::sqrt(squares[near.euclidean] + next * next);
      if (next > kDistanceRatio * distance || extended > kSizeRatio * deviation) ++false_count[d];
      const double step = std::abs(x[i + d * delay] - x[near.largest + d * delay]);
      const double before = std::max(floor, largest[near.largest]);
      growth[d] += std::max(before, step) / before;
      drift[d] += step;
    }
  }
  for (size_t d = 1; d <= dimension_max; ++d) {
    const double still = floor * static_cast<double>(references);
    rows.push_back({false_count[d] / static_cast<double>(references), growth[d + 1] / growth[d],
                    std::max(still, drift[d + 1]) / std::max(still, drift[d])});
  }
  return Status::kOk;
}

}  // namespace tda
