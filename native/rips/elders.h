// H0 of a sliding window: the edge that each vertex dies with, and which of them are not as last reported.
//
// The elder rule: of two components that an edge joins, the one whose eldest vertex is younger dies, and that vertex
// with it. Few vertices die with another edge than before when the window slides, so a diagram is kept as 8 bytes a
// vertex, and pairs are written out only for those that changed.
//
//   reported_deaths_   [d5 d6 d7 d8]       by age in the window of the last report, points 5 to 8
//   deaths_               [d6 d7 d8 d9]    by age in the window as it stands; points 6 to 8 are compared
//
// (H1) A vertex has a pair unless its death has length zero (a copy of an older point) or its place is vacant.
// (H2) reported_pairs_ holds the pair of every vertex that reported_deaths_ gives one, by slot. Slots of points that
//      left since the report keep it until the next one.
//
// Cost: one pass over the edges and one over the vertices. Memory: 90 bytes a place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "native/rips/distance_rows.h"
#include "native/rips/rips_pair.h"
#include "native/rips/spanning_edges.h"

namespace tda::rips {

class Elders {
 public:
  // Keeps the reference.
  explicit Elders(const DistanceRows& rows);

  // Finds the deaths of the window as it stands: begin(), then join() for the edges of the minimum spanning forest, or
  // any among which it lies, in order. join() says whether the edge belongs to the forest.
  void begin();
  bool join(const GraphEdge& edge);

  // All below: `names` are what pairs call points, by slot.
  // Appends the pairs that were found, by vertex.
  void list(std::span<const PointId> names, std::vector<RipsPair>& pairs) const;
  // Appends what has changed in what was found since the last report, by vertex, and is a report itself: pairs that
  // are gone to `removed`, the others to `entering`.
  void report(std::span<const PointId> names, std::vector<RipsChange>& removed,
              std::vector<RipsChange>& entering);
  // Appends the pairs of the last report.
  void list_reported(std::vector<RipsPair>& pairs) const;

  uint64_t bytes() const;
  // Checks H2.
  void verify() const;

 private:
  static RipsPair pair_of(Slot slot, const GraphEdge& death, std::span<const PointId> names);

  const DistanceRows& rows_;
  Ages age_of_;
  std::vector<Slot> elder_;        // scratch: union-find by age, roots are eldest
  std::vector<GraphEdge> deaths_;  // by age
  std::vector<GraphEdge> reported_deaths_;
  std::vector<RipsPair> reported_pairs_;  // by slot
  Sequence reported_oldest_;              // of the window of the last report
};

// Climbs from both ends, at each step from the one whose elder is younger, and leaves it below the elder of the other
// (Rem's algorithm, by age instead of by number): the climb ends at the vertex that dies, or where both ends have one
// elder. It seldom needs the root of the larger component.
inline bool Elders::join(const GraphEdge& edge) {
  size_t a = age_of_(edge.older), b = age_of_(edge.younger);
  while (elder_[a] != elder_[b]) {
    const size_t climbs = elder_[a] > elder_[b] ? a : b;
    const size_t rests = elder_[a] > elder_[b] ? b : a;
    const size_t next = elder_[climbs];
    elder_[climbs] = elder_[rests];
    if (next == climbs) {
      deaths_[climbs] = edge;
      return true;
    }
    a = next;
    b = rests;
  }
  return false;
}

}  // namespace tda::rips
