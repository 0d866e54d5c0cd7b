// The minimum spanning forest of a sliding window: all there is to H0.
//
// Edges are ordered by (length, younger end, older end), so the forest is unique.
//
// (T1) edges() is the minimum spanning forest, in order, of the live points and the edges within the
//      threshold.
//
// A new point: the new forest lies in the old one and the point's own edges, of which only the shortest and
// those that come before the last tree edge can matter: Kruskal on these. A point that leaves: its edges go,
// and each piece but the largest is joined by its shortest edge to the outside (Boruvka), found by one pass
// over the rows of its points.
//
// Cost: place O(W + candidates log candidates); remove O(W), and O(W) per point of the smaller pieces.
#pragma once

#include <cstdint>
#include <vector>

#include "native/rips/distance_rows.h"

namespace tda::rips {

struct TreeEdge {
  float length;
  Slot older;
  Slot younger;
};

class MinimumTree {
 public:
  // Keeps the reference.
  MinimumTree(const DistanceRows& rows, float threshold);

  // The newest point of `rows` has just been appended.
  void insert() { place(rows_.slot_of(rows_.next() - 1)); }
  // A live point is about to be evicted or removed.
  void remove(Slot gone);
  // A live point has been given new distances, after remove().
  void place(Slot slot);

  const std::vector<TreeEdge>& edges() const { return edges_; }
  uint64_t bytes() const;
  static uint64_t predict_bytes(size_t capacity);
  // Checks T1 against Kruskal on all edges. O(W^2 log W).
  void verify() const;

 private:
  bool before(const TreeEdge& a, const TreeEdge& b) const;
  Slot root_of(Slot slot);
  bool join(const TreeEdge& edge);
  void label_pieces(Slot gone);
  bool shortest_exit(uint32_t piece, TreeEdge& exit);
  void add_in_order(const TreeEdge& edge);
  TreeEdge edge_between(Slot a, Slot b) const;

  const DistanceRows& rows_;
  float threshold_;
  std::vector<TreeEdge> edges_;
  std::vector<TreeEdge> fresh_;   // scratch: edges of the new point
  std::vector<TreeEdge> merged_;  // scratch
  std::vector<Slot> parent_;      // scratch: union-find by slot
  std::vector<Slot> torn_;        // scratch of remove: the far ends of the edges that went
  std::vector<uint32_t> piece_;   // scratch of remove: piece of each slot; kNoPiece where there is no point
  std::vector<uint32_t> sizes_;   // scratch of remove: points of each piece
};

}  // namespace tda::rips
