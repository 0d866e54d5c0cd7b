// A few edges of a sliding window among which its minimum spanning forest lies: all there is to H0.
//
// Edges are ordered by (length, younger end, older end), so the forest is unique. A point y younger than o
// *witnesses* an edge ox when oy and yx both come before it: ox closes a triangle as its last side, so it is
// in no forest, and since y outlives o it never will be. The other edges are kept.
//
// (T1) forest_ and rest_ hold, in order and each once, every edge between live points within the threshold that no
//      point witnesses, and few others. Points that leave in order of age take their edges with them and
//      bring none back.
// (T2) Among edges of length zero, whose pairs are not reported, the order does not matter; for witnesses the
//      one with the younger older end comes first. Copies of a point then form a chain instead of a clique.
// (T3) The forest lies in forest_, but for edges of rest_ no shorter than the second of those that points took out of
//      forest_ as they left: what they replace is a path through such a point.
//
// A new point p strikes the edges that it witnesses. Its own edges are found nearest end first, and each of
// these strikes those to older points that it witnesses: a few are left where points lie in a few dimensions. What p
// strikes is dropped when the next point comes or edges are asked for, in one pass with the edges of points that left.
// It looks at edges of those older ends only that have one longer than their distance from p.
// Edges of p enter forest_; those that turn out not to be in the forest, as two of three do, go to rest_.
//
// Rows are read towards older points only (Rows::kOlder will do).
//
// Cost: insert O(W) for each edge of p and O(1) for each edge kept; evict O(1), the next call pays; other
// changes W inserts, at the next refresh(). Memory: 8 bytes an edge, of which there can be W^2 / 2 where all
// lengths are equal.
// Tried: keeping the forest alone. A point that leaves tears it, and finding what joins the pieces is a
// search over the rows of their points; ties make the oldest point the hub of many pieces
// (benchmarks/RESULTS.md).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
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
  void evict();
  // Points came, went or moved out of turn.
  void invalidate() { stale_ = true; }
  // Makes T1 and T3 hold. False when the edges take more than bytes_max; a later call, with other points, may succeed.
  [[nodiscard]] bool refresh();

  // Offers every edge that can be in the forest to join(edge), in order, and keeps those that it answers true for as
  // the forest. REQUIRES: refreshed.
  template <typename Join>
  void grow(Join join);
  // Edges kept.
  size_t size() const { return forest_.size() + rest_.size(); }
  uint64_t bytes() const;
  // An allowance for edges in a few dimensions, generous; no bound. O(1).
  static uint64_t predict_bytes(size_t capacity);
  // Checks T1, T3 and the order from the definition. REQUIRES: refreshed. O(W^3); for tests.
  void verify() const;

 private:
  bool before(const GraphEdge& a, const GraphEdge& b) const;
  void drop_struck();
  size_t list_suspects(const std::vector<GraphEdge>& edges, size_t begin);
  template <typename Struck>
  void drop_suspects(std::vector<GraphEdge>& edges, std::span<const uint32_t> places, Struck struck);
  void note_torn(float length);
  void add_edges_of(Slot slot);
  Slot youngest_nearest(const std::array<SlotRange, 2>& runs) const;
  void merge_into(std::vector<GraphEdge>& edges, const std::vector<GraphEdge>& few) const;
  void verify_forest() const;

  static constexpr float kNone = std::numeric_limits<float>::infinity();

  const DistanceRows& rows_;
  float threshold_;
  size_t edges_max_;
  bool evicted_ = false;             // forest_ and rest_ hold edges of points that left
  bool stale_ = false;               // forest_ and rest_ are to be built anew
  std::optional<Sequence> witness_;  // the newest point, while they hold edges that it witnesses
  std::vector<GraphEdge> forest_;
  std::vector<GraphEdge> rest_;
  size_t torn_ = 0;  // edges that points took out of forest_ as they left, since it grew
  float torn_lengths_[2] = {kNone, kNone};  // of the shortest two of them
  std::vector<GraphEdge> fresh_;            // scratch: edges of the new point
  std::vector<GraphEdge> joined_;           // scratch of grow: from rest_ to forest_
  std::vector<GraphEdge> parted_;           // scratch of grow: from forest_ to rest_
  std::vector<float> longest_;              // by slot: no edge with this older end is longer
  std::vector<uint8_t> suspect_;  // by slot: edges with this older end may be struck, or the point has left
  std::vector<uint32_t> places_;  // scratch: of suspects in a list of edges
  std::vector<float> reach_;      // scratch: distances from the new point by slot, infinite where struck
};

template <typename Join>
void SpanningEdges::grow(Join join) {
  joined_.clear();
  parted_.clear();
  size_t missing = torn_ > 1 ? torn_ - 1 : 0;  // at most so many edges of rest_ join what was torn
  auto next = std::partition_point(rest_.begin(), rest_.end(),
                                   [this](const GraphEdge& edge) { return edge.length < torn_lengths_[1]; });
  auto kept = next;
  const auto offer_next = [&] {
    const GraphEdge edge = *next++;
    if (join(edge)) {
      joined_.push_back(edge);
      --missing;
    } else {
      *kept++ = edge;
    }
  };
  size_t in_forest = 0;
  for (const GraphEdge edge : forest_) {
    while (missing > 0 && next != rest_.end() && before(*next, edge)) offer_next();
    if (join(edge)) {
      forest_[in_forest++] = edge;
    } else {
      parted_.push_back(edge);
    }
  }
  while (missing > 0 && next != rest_.end()) offer_next();
  forest_.resize(in_forest);
  if (!joined_.empty()) rest_.erase(kept, next);
  merge_into(forest_, joined_);
  merge_into(rest_, parted_);
  torn_ = 0;
  torn_lengths_[0] = torn_lengths_[1] = kNone;
}

inline bool SpanningEdges::before(const GraphEdge& a, const GraphEdge& b) const {
  if (a.length != b.length) return a.length < b.length;
  if (a.younger != b.younger) return rows_.younger(b.younger, a.younger);
  return rows_.younger(b.older, a.older);
}

}  // namespace tda::rips
