// H2 of a window as it stands: cohomology from scratch (batch.h) at every emission, for which there is no
// incremental method here.
//
// Edges get their place in the order (length, younger end, older end) for a length, so that no two tie and a
// simplex is known by its longest edge and its other vertices. Simplices of one longest edge enter in the
// order of their vertices, youngest first: the order of windows, one dimension up.
//
// Cost: cubic in the number of simplices at worst; about 5 ms at 60 points and 100 ms at 200 in R^3. Memory:
// what batch.h predicts, and 12 bytes a pair of points.
#pragma once

#include <cstdint>
#include <vector>

#include "native/base/status.h"
#include "native/rips/distance_rows.h"

namespace tda::rips {

// Places of edges stay exact as floats up to so many points.
inline constexpr size_t kVoidsWindowMax = 5792;

// The vertices of the longest edge, the younger first, then the others, youngest first.
struct Void {
  float birth;
  float death;  // +infinity for an essential class
  Slot birth_points[3];
  Slot death_points[4];  // kNoSlot for an essential class
};

class Voids {
 public:
  // Keeps the reference. `bytes_max`: what a computation may take.
  Voids(const DistanceRows& rows, float threshold, uint64_t bytes_max)
      : rows_(rows), threshold_(threshold), bytes_max_(bytes_max) {}

  // The pairs of positive length, in the order of their birth triangles. kMemoryLimit beyond bytes_max.
  Status compute(std::vector<Void>& voids);

  // Columns that were reduced, over all calls.
  uint64_t columns() const { return columns_; }
  // What is kept between calls.
  uint64_t bytes() const {
    return names_.capacity() * sizeof(Slot) + edges_.capacity() * sizeof(Edge) +
           ranks_.capacity() * sizeof(uint32_t);
  }
  static uint64_t predict_bytes(size_t capacity);

 private:
  struct Edge {
    float length;
    uint16_t older;  // places in names_
    uint16_t younger;
  };

  void rank_edges();
  void name_simplex(const uint32_t* vertices, size_t count, Slot* names) const;
  uint32_t rank(size_t younger, size_t older) const { return ranks_[younger * (younger - 1) / 2 + older]; }

  const DistanceRows& rows_;
  float threshold_;
  uint64_t bytes_max_;
  uint64_t columns_ = 0;
  std::vector<Slot> names_;      // live points, oldest first
  std::vector<Edge> edges_;      // in order
  std::vector<uint32_t> ranks_;  // of the pairs (1, 0), (2, 0), (2, 1), ...: place in edges_ + 1, or kAbsent
};

}  // namespace tda::rips
