#include "native/rips/distances.h"

#include <algorithm>
#include <cmath>

namespace tda::rips {
namespace {

// An exact length of a triangle of numbers, or nothing.
bool triangle_side(size_t numbers, size_t& n) {
  n = static_cast<size_t>((1 + std::sqrt(1 + 8 * static_cast<double>(numbers))) / 2);
  return n * (n - 1) / 2 == numbers;
}

Status check_length(double length) {
  if (std::isnan(length)) return Status::kNonFinitePoint;
  if (length < 0) return Status::kInvalidArgument;
  if (std::isfinite(length) && length > std::numeric_limits<float>::max()) return Status::kDistanceOverflow;
  return Status::kOk;
}

}  // namespace

Status Distances::store(size_t i, size_t j, double length, Place& refused) {
  refused = {i, j};
  if (const Status status = check_length(length); status != Status::kOk) return status;
  matrix_[i * n_ + j] = matrix_[j * n_ + i] = static_cast<float>(length);
  return Status::kOk;
}

Status Distances::from_points(std::span<const double> coordinates, size_t dimension, const MetricSpec& spec,
                              Place& refused) {
  *this = Distances();
  if (const Status status = check(spec, dimension); status != Status::kOk) return status;
  if (spec.metric == Metric::kGiven) return Status::kInvalidArgument;
  if (coordinates.size() % dimension != 0) return Status::kWrongDimension;
  n_ = coordinates.size() / dimension;
  std::vector<double> axes(coordinates.size());
  std::vector<double> points(coordinates.size());
  for (size_t i = 0; i < n_; ++i) {
    const std::span<double> prepared(points.data() + i * dimension, dimension);
    const Status status = prepare_point(spec, coordinates.subspan(i * dimension, dimension), prepared);
    if (status != Status::kOk) {
      refused = {i, i};
      return status;
    }
    for (size_t axis = 0; axis < dimension; ++axis) axes[axis * n_ + i] = prepared[axis];
  }
  matrix_.resize(n_ * n_);
  for (size_t i = 0; i < n_; ++i) {
    const double* query = points.data() + i * dimension;
    if (!distances_to(spec.metric, axes.data(), n_, dimension, query, n_, matrix_.data() + i * n_)) {
      refused = {i, i};
      return Status::kDistanceOverflow;
    }
  }
  return Status::kOk;
}

Status Distances::from_lower(std::span<const double> lower, Place& refused) {
  *this = Distances();
  if (!triangle_side(lower.size(), n_)) return Status::kInvalidArgument;
  matrix_.assign(n_ * n_, 0.0F);
  size_t next = 0;
  for (size_t i = 0; i < n_; ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (const Status status = store(i, j, lower[next++], refused); status != Status::kOk) return status;
    }
  }
  return Status::kOk;
}

Status Distances::from_full(std::span<const double> full, Place& refused) {
  *this = Distances();
  n_ = static_cast<size_t>(std::llround(std::sqrt(static_cast<double>(full.size()))));
  if (n_ * n_ != full.size()) return Status::kInvalidArgument;
  matrix_.assign(n_ * n_, 0.0F);
  for (size_t i = 0; i < n_; ++i) {
    refused = {i, i};
    if (full[i * n_ + i] != 0) return Status::kInvalidArgument;
    for (size_t j = 0; j < i; ++j) {
      if (const Status status = store(i, j, full[i * n_ + j], refused); status != Status::kOk) return status;
      if (full[i * n_ + j] != full[j * n_ + i]) return Status::kInvalidArgument;
    }
  }
  return Status::kOk;
}

Status Distances::from_sparse(size_t n, std::span<const SparseDistance> entries, Place& refused) {
  *this = Distances();
  n_ = n;
  sparse_ = true;
  struct Directed {
    uint32_t from;
    Neighbour to;
  };
  std::vector<Directed> directed;
  directed.reserve(2 * entries.size());
  for (const SparseDistance& entry : entries) {
    refused = {entry.i, entry.j};
    if (entry.i >= n || entry.j >= n) return Status::kInvalidArgument;
    if (const Status status = check_length(entry.length); status != Status::kOk) return status;
    if (entry.i == entry.j) {
      if (entry.length != 0) return Status::kInvalidArgument;
      continue;
    }
    const float length = static_cast<float>(entry.length);
    if (length == kNever) continue;
    directed.push_back({entry.i, {entry.j, length}});
    directed.push_back({entry.j, {entry.i, length}});
  }
  std::sort(directed.begin(), directed.end(), [](const Directed& a, const Directed& b) {
    return a.from != b.from ? a.from < b.from : a.to.vertex > b.to.vertex;
  });
  begins_.assign(n + 1, 0);
  for (size_t k = 0; k < directed.size(); ++k) {
    const Directed& edge = directed[k];
    if (k > 0 && directed[k - 1].from == edge.from && directed[k - 1].to.vertex == edge.to.vertex) {
      refused = {edge.from, edge.to.vertex};
      if (directed[k - 1].to.length != edge.to.length) return Status::kInvalidArgument;
      continue;
    }
    neighbours_.push_back(edge.to);
    begins_[edge.from + 1] = neighbours_.size();
  }
  for (size_t i = 0; i < n; ++i) begins_[i + 1] = std::max(begins_[i + 1], begins_[i]);
  return Status::kOk;
}

float Distances::at(size_t i, size_t j) const {
  if (!sparse_) return matrix_[i * n_ + j];
  if (i == j) return 0.0F;
  const std::span<const Neighbour> list = neighbours(i);
  const auto found = std::lower_bound(list.begin(), list.end(), j,
                                      [](const Neighbour& a, size_t vertex) { return a.vertex > vertex; });
  return found != list.end() && found->vertex == j ? found->length : kNever;
}

float Distances::enclosing_radius() const {
  if (sparse_ || n_ == 0) return kNever;
  float radius = kNever;
  for (size_t i = 0; i < n_; ++i) {
    const float* distances = row(i);
    float largest = 0;
    for (size_t j = 0; j < n_; ++j) largest = distances[j] > largest ? distances[j] : largest;
    radius = std::min(radius, largest);
  }
  return radius;
}

uint64_t Distances::bytes() const {
  return matrix_.capacity() * sizeof(float) + begins_.capacity() * sizeof(size_t) +
         neighbours_.capacity() * sizeof(Neighbour);
}

Distances Distances::thinned(float threshold) const {
  Distances result;
  result.n_ = n_;
  result.sparse_ = true;
  result.begins_.assign(n_ + 1, 0);
  for (size_t i = 0; i < n_; ++i) {
    for (size_t j = n_; j-- > 0;) {
      const float length = at(i, j);
      if (i != j && length <= threshold && length < kNever) {
        result.neighbours_.push_back({static_cast<uint32_t>(j), length});
      }
    }
    result.begins_[i + 1] = result.neighbours_.size();
  }
  return result;
}

}  // namespace tda::rips
