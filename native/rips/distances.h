// The distances of one cloud: every kind of input, checked at the gate and stored in one form.
//
// Stored as float (metric.h says why). +infinity means "never connected". A matrix with NaN, a negative
// number, a non-zero diagonal or two different numbers for one pair is refused and the place named, never
// repaired silently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "native/base/status.h"
#include "native/rips/metric.h"

namespace tda::rips {

inline constexpr float kNever = std::numeric_limits<float>::infinity();

struct SparseDistance {
  uint32_t i;
  uint32_t j;
  double length;
};

struct Neighbour {
  uint32_t vertex;
  float length;
};

class Distances {
 public:
  // Where an input was refused: indices of the point or of the pair. Meaningless after kOk.
  struct Place {
    size_t row = 0;
    size_t column = 0;
  };

  // `coordinates` holds point after point. kWrongDimension, kInvalidArgument, kNonFinitePoint,
  // kDistanceOverflow. O(n^2 * dimension) time, 4 n^2 bytes.
  Status from_points(std::span<const double> coordinates, size_t dimension, const MetricSpec& spec,
                     Place& refused);
  // d(1,0), d(2,0), d(2,1), ... kInvalidArgument for a length that is not n (n - 1) / 2 or a negative number.
  Status from_lower(std::span<const double> lower, Place& refused);
  // n rows of n numbers.
  Status from_full(std::span<const double> full, Place& refused);
  // Pairs that are absent are never connected; a pair given twice must be given equal. O(m log m) in m
  // entries.
  Status from_sparse(size_t n, std::span<const SparseDistance> entries, Place& refused);

  size_t size() const { return n_; }
  bool sparse() const { return sparse_; }
  // Row i of the full matrix. REQUIRES: !sparse().
  const float* row(size_t i) const { return matrix_.data() + i * n_; }
  // Neighbours of i, youngest (largest) first. REQUIRES: sparse().
  std::span<const Neighbour> neighbours(size_t i) const {
    return {neighbours_.data() + begins_[i], begins_[i + 1] - begins_[i]};
  }
  // O(1) dense, O(log degree) sparse; kNever where there is no edge.
  float at(size_t i, size_t j) const;
  // The smallest over x of its largest distance: from there on the complex is a cone. kNever when sparse.
  float enclosing_radius() const;
  uint64_t bytes() const;

  // The same distances as neighbour lists, without what is longer than `threshold`. O(n^2).
  Distances thinned(float threshold) const;

 private:
  Status store(size_t i, size_t j, double length, Place& refused);

  size_t n_ = 0;
  bool sparse_ = false;
  std::vector<float> matrix_;          // n x n
  std::vector<size_t> begins_;         // n + 1, into neighbours_
  std::vector<Neighbour> neighbours_;  // of vertex 0, then of vertex 1, ...
};

}  // namespace tda::rips
