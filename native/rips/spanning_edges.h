// A few edges of a sliding window among which its minimum spanning forest lies: all there is to H0.
//
// Edges are ordered by (length, younger end, older end), so the forest is unique. A point y younger than o
// *witnesses* an edge ox when oy and yx both come before it: ox closes a triangle as its last side, so it is
// in no forest, and since y outlives o it never will be. The other edges are kept.
//
// (T1) edges() holds, in order and each once, every edge between live points within the threshold that no
//      point witnesses, and few others. Points that leave in order of age take their edges with them and
//      bring none back.
// (T2) Among edges of length zero, whose pairs are not reported, the order does not matter; for witnesses the
//      one with the younger older end comes first. Copies of a point then form a chain instead of a clique.
//
// A new point p strikes the edges that it witnesses. Its own edges are found nearest end first, and each of
// these strikes those to older points that it witnesses: a few are left where points lie in a few dimensions.
//
// Rows are read towards older points only (Rows::kOlder will do).
//
// Cost: insert O(W) for each edge of p and O(1) for each edge kept; evict O(1), the next call pays; other
// changes W inserts, at the next refresh(). Memory: 8 bytes an edge, of which there can be W^2 / 2 where all
// lengths are equal.
// Tried: keeping the forest itself. A point that leaves tears it, and finding what joins the pieces is a
// search over the rows of their points; ties make the oldest point the hub of many pieces
// (benchmarks/RESULTS.md).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "native/rips/distance_rows.h"

namespace tda::rips {

struct GraphEdge {
  float length;
  Slot older;
  Slot younger;
};

class SpanningEdges {
 public:
  // Keeps the reference.
  SpanningEdges(const DistanceRows& rows, float threshold, uint64_t bytes_max);

  // The newest point of `rows` has just been appended.
  void insert();
  // The oldest point of `rows` is about to be evicted.
  void evict() { evicted_ = true; }
  // Points came, went or moved out of turn.
  void invalidate() { stale_ = true; }
  // Makes T1 hold. False when the edges take more than bytes_max; a later call, with other points, may succeed.
  [[nodiscard]] bool refresh();

  // REQUIRES: refreshed.
  const std::vector<GraphEdge>& edges() const { return edges_; }
  uint64_t bytes() const;
  // An allowance for edges in a few dimensions, generous; no bound. O(1).
  static uint64_t predict_bytes(size_t capacity);
  // Checks T1 and the order from the definition. REQUIRES: refreshed. O(W^3); for tests.
  void verify() const;

 private:
  bool before(const GraphEdge& a, const GraphEdge& b) const;
  void strike(Slot newest);
  void add_edges_of(Slot slot);
  Slot youngest_nearest(const std::array<SlotRange, 2>& runs) const;
  void merge_fresh();
  bool live(const GraphEdge& edge) const { return rows_.sequence_of(edge.older) >= rows_.oldest(); }

  const DistanceRows& rows_;
  float threshold_;
  size_t edges_max_;
  bool evicted_ = false;  // edges_ holds some of points that left
  bool stale_ = false;    // edges_ is to be built anew
  std::vector<GraphEdge> edges_;
  std::vector<GraphEdge> fresh_;  // scratch: edges of the new point
  std::vector<float> reach_;      // scratch: distances from the new point by slot, infinite where struck
};

}  // namespace tda::rips
