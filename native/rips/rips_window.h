// START HERE: exact H0, H1 and on request H2 of the Vietoris-Rips filtration of a sliding point cloud, change by
// change.
//
// append and evict keep, for every pair of points, what its edge means for the topology (lunes.h); emit turns
// the few thousand edges that mean something into pairs (reduction.h, for H0 elders.h) and says what changed. Where
// only H0 is asked for, the edges that a spanning tree may need are kept instead (spanning_edges.h). H2 is computed from
// scratch at every emission (voids.h). All distances are computed once,
// stored as float and compared as stored (metric.h), so the diagram equals that of any exact reduction of the
// same numbers, pair for pair, ties included.
//
// - Vertices are ordered by age, edges by (length, younger end, older end), triangles by (longest edge, third
//   vertex youngest first). Diameter convention; pairs of length zero are not reported.
// - H0: born with a point, dies with the edge that joins its component to an older one.
// - H1: born with an edge, dies with a triangle: the killing edge and the third vertex.
// - H2: born with a triangle, dies with a tetrahedron; of those with the same longest edge the one whose other
//   vertices are younger enters first.
// - Beyond the threshold nothing enters; a class alive there has death = +infinity.
// - A class is known by its birth simplex for as long as that lives.
//
// Points leave in the order they came; that is what makes edges settle. Corrections out of turn are exact and
// slower. Cost and memory of a step: lunes.h; figures in benchmarks/RESULTS.md. Not thread safe; no exception
// leaves it but AssertionFailed.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "native/base/status.h"
#include "native/base/types.h"
#include "native/rips/distance_rows.h"
#include "native/rips/elders.h"
#include "native/rips/lunes.h"
#include "native/rips/reduction.h"
#include "native/rips/rips_pair.h"
#include "native/rips/spanning_edges.h"
#include "native/rips/voids.h"

namespace tda::rips {

inline constexpr size_t kRipsWindowMax = 32'768;

struct RipsConfig {
  size_t window_max = 0;  // points at once, 1 ... kRipsWindowMax
  size_t dimension = 0;   // coordinates of a point
  MetricSpec metric;
  int max_dimension = 1;         // 0, 1 or 2; with 2, at most kVoidsWindowMax points
  double threshold = kInfinity;  // not negative
  PointId first = 0;             // number of the first point to come
  // For what depends on the points rather than on the window: special edges and the reduction. Real clouds
  // take a few megabytes; distances that make nearly every lune empty or shattered could take thousands of
  // times that.
  uint64_t reduction_bytes_max = uint64_t{1} << 30;
};

struct RipsStatistics {
  size_t hubbed;      // unsettled edges with a certificate
  size_t specials;    // edges with none: empty lunes, several components, or in doubt
  size_t candidates;  // births of H1, before zero-length pairs are left out
  size_t relations;   // of the last emission
  uint64_t bytes;     // allocated now
  // Over the life of the window: columns reduced (edges offered to the forest, relations of H1, triangles of H2),
  // and additions of one column to another.
  uint64_t columns;
  uint64_t pivots;
};

class RipsWindow {
 public:
  // kInvalidArgument for an option out of range (check_config says so without building anything).
  static Status check_config(const RipsConfig& config);
  // Bytes a full window takes: a bound for the tables of pairs, of which a third to a half is usual, and an
  // allowance per point for special edges and their reduction, generous in low dimensions. For accepting a
  // configuration. With H2 the lists of simplices of batch.h, which real clouds seldom fill. O(1).
  static uint64_t predict_bytes(const RipsConfig& config);

  // kInvalidArgument as check_config, kMemoryLimit when the machine has no room for the tables.
  static Status create(const RipsConfig& config, std::unique_ptr<RipsWindow>& window);

  // The same where neither can happen: REQUIRES check_config(config) is kOk, throws std::bad_alloc.
  explicit RipsWindow(const RipsConfig& config);
  RipsWindow(const RipsWindow&) = delete;  // its parts refer to each other
  RipsWindow& operator=(const RipsWindow&) = delete;

  // Every call below may also answer kMemoryLimit, when the machine runs out of memory half-way; from then on
  // the window answers kInternal and must be rebuilt from its points.

  // Adds the newest point, number next_point(), which pairs call by `name`: as a rule its number, and always more than
  // the names before. Nothing changes unless kOk: kWrongDimension, kNonFinitePoint (also a point without a direction,
  // cosine and correlation), kDistanceOverflow, kCapacityExceeded (evict first).
  Status append(std::span<const double> point, PointId name);
  Status append(std::span<const double> point) { return append(point, next_point()); }
  // The same for Metric::kGiven: distances from the new point to the live ones, oldest first, stored as
  // float. kWrongDimension, kNonFinitePoint, kInvalidArgument (a negative one), kDistanceOverflow,
  // kCapacityExceeded.
  Status append_distances(std::span<const double> distances);
  // Removes the oldest point. kWindowEmpty when there is none.
  Status evict();
  // Removes any point, or moves it, keeping its number and age; a point that was removed comes back. For
  // corrections: FIFO order is what makes append and evict fast, and this costs ten to a hundred steps
  // (lunes.h); with H0 alone the next emission costs W. A point that belongs between others takes a new window
  // with all of them. The place of a removed point is free when it would have been evicted. kPointNotRetained for a
  // number that is not in the window; move also the codes of append, and kInvalidArgument with
  // Metric::kGiven. Nothing changes unless kOk.
  Status remove(PointId id);
  Status move(PointId id, std::span<const double> point);
  // Appends what changed since the last emission to `changes`: removals, then per dimension births in order.
  // Applying the changes of all emissions to the empty diagram gives diagram().
  // kMemoryLimit without harm when reduction_bytes_max is reached: nothing is appended, and the next
  // emission, with other points in the window, may succeed.
  Status emit(std::vector<RipsChange>& changes);
  // The diagram now, in the order of diagram(), without emitting anything. kMemoryLimit as emit().
  Status present(std::vector<RipsPair>& pairs);
  // The diagram as of the last emission: H0 by vertex, H1 by birth edge, H2 by birth triangle, in their orders.
  std::vector<RipsPair> diagram() const;
  // Its pairs of one dimension. O(1).
  size_t reported(int dimension) const { return reported_counts_[static_cast<size_t>(dimension)]; }

  // Points in the window; places taken, which is more after remove().
  size_t size() const { return rows_.points(); }
  size_t places() const { return rows_.size(); }
  PointId oldest_point() const { return rows_.oldest(); }
  PointId next_point() const { return rows_.next(); }
  // REQUIRES: the point is in the window.
  PointId name_of(PointId number) const { return names_[rows_.slot_of(number)]; }
  // The threshold as stored: the largest float up to the configured one.
  double threshold() const { return static_cast<double>(threshold_); }
  RipsStatistics statistics() const;
  // The stored distances, for an independent check; H0 alone keeps those to older points.
  const DistanceRows& rows() const { return rows_; }
  // Checks the invariants of every part from scratch; flushes first. O(W^4); for tests.
  void verify();

 private:
  template <typename Work>
  Status guarded(Work work);
  void insert_newest(PointId name);
  void remove_slot(Slot slot);
  void evict_oldest();
  Status find_pairs();
  void list_changes(std::vector<RipsChange>& changes);
  void update_order();
  void list_loops();
  Status list_voids();
  bool edge_before(uint32_t a, uint32_t b) const;

  // H0 and H1 take the lunes, H0 alone the spanning edges.
  struct Loops {
    LuneIndex lunes;
    Reduction reduction;
    Loops(const DistanceRows& rows, float threshold, uint64_t apexes_max)
        : lunes(rows, threshold, apexes_max), reduction(rows, lunes) {}
  };

  bool broken_ = false;  // memory ran out half-way
  float threshold_;
  uint64_t reduction_bytes_max_;
  DistanceRows rows_;
  std::unique_ptr<Loops> loops_;             // max_dimension 1
  std::unique_ptr<SpanningEdges> spanning_;  // max_dimension 0
  std::unique_ptr<Voids> voids_;             // max_dimension 2
  uint64_t columns_ = 0;                     // edges offered to the forest, where there are no loops
  std::vector<uint32_t> order_;              // special edges that matter, in the order of edges
  std::vector<uint32_t> fresh_;              // scratch: those among the touched
  std::vector<uint32_t> merged_;             // scratch
  std::vector<PointId> names_;               // by slot
  Elders elders_;                            // H0
  std::vector<RipsPair> reported_;           // H1 and H2 as of the last emission
  std::vector<RipsPair> current_;            // scratch
  std::vector<Void> present_voids_;          // scratch
  std::vector<RipsChange> entering_;         // scratch of list_changes
  size_t reported_counts_[3] = {0, 0, 0};    // pairs of the last emission, by dimension
};

}  // namespace tda::rips
