// The Vietoris-Rips filtration of a cloud over a ring: feeds it to a RipsWindow and writes its pairs as rows
// of native/diagram/update.h, (3, 4) points a row.
//
//   samples of the ring    ... s s s s s s s s s s s s      window [first, next), reach 2 x delay = 4
//                                  |---|---|                lags of the newest cloud point but one
//   cloud points                           p   p   p        every stride-th arrival number, here 2
//
// A cloud point is named by its newest sample i; its coordinates are the chosen channels of the samples i,
// i - delay, i - 2 delay, ... It belongs to the cloud when all of these lie in the window and i is a multiple
// of the stride: the cloud is a function of the window alone. With one lag the cloud is that of the samples
// themselves.
//
// A cloud of samples can be corrected: any point may be removed or moved, keeping its number and age (RipsWindow).
//
//   (F1) Cloud points are in the order they came, whichever was removed between others.
//   (F2) window_ holds exactly the cloud of [first_, next_), as corrected, without points that have no direction
//   (below), and calls each by the arrival number of its sample. In a cloud of samples that is its number there too.
//   (F3) window_->diagram() is the diagram as of the last report; it is that of window_ as it stands unless changed_.
//
// RipsGate keeps points out that the metric cannot take: a sample too large for distances to be stored, in a
// cloud of samples also one without a direction (cosine of zero, correlation of a constant). A delay
// embedding can only see the latter when the vector is complete; such a vector is left out of the cloud, the
// samples stay. Cost: that of RipsWindow, plus O(changes) a report.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "native/diagram/row_buffer.h"
#include "native/diagram/update.h"
#include "native/engine/counters.h"
#include "native/rips/rips_window.h"
#include "native/window/point_ring.h"
#include "native/window/sliding_window.h"

namespace tda {

struct RipsSpec {
  std::vector<size_t> channels;
  size_t dimension = 1;  // lags: samples that make up a cloud point
  size_t delay = 1;
  size_t stride = 1;
  rips::MetricSpec metric;  // weights: one a coordinate, lag after lag
  int max_dimension = 1;
  double threshold = kInfinity;
  size_t points_max = 0;  // samples a window by time may hold; a point beyond is refused

  size_t reach() const { return (dimension - 1) * delay; }
  size_t coordinates() const { return channels.size() * dimension; }
  // Cloud points among so many consecutive samples, at most.
  size_t cloud_max(size_t samples) const {
    return samples > reach() ? (samples - reach() + stride - 1) / stride : 0;
  }
};

// kInvalidArgument: a channel the ring does not have, lags or weights that can never be right, a window too
// short for one cloud point or too long for RipsWindow.
Status check_rips(const RipsSpec& spec, const WindowSpec& window, const RingConfig& ring);

class RipsGate final : public PointGate {
 public:
  RipsGate(const RipsSpec& spec, const WindowSpec& window, size_t ring_dimension);
  Status admit(const PointRing& ring, PointId next, const PointBatch& batch) const override;
  void mark(std::span<const double> values, std::span<Status> refusals) const override;

 private:
  Status check(const double* sample, std::vector<double>& point, std::vector<double>& prepared) const;

  const RipsSpec spec_;
  const WindowSpec window_;
  const size_t ring_dimension_;
  double sample_max_;  // of an embedded channel's magnitude
};

class RipsFiltration {
 public:
  static constexpr size_t kBirthPoints = 3;
  static constexpr size_t kDeathPoints = 4;
  static constexpr size_t kStride = change_stride(kBirthPoints, kDeathPoints);

  // REQUIRES: check_rips is kOk. `samples_max`: what the window ever holds at once.
  RipsFiltration(RipsSpec spec, PointId start, size_t samples_max);

  // What an engine asks of every filtration (see filtration.h).
  void append(const PointRing& ring, PointId until);
  void evict_to(const PointRing& ring, PointId first);
  void report(const PointRing& ring, RowBuffer* rows);
  void diagram(const PointRing& ring, RowBuffer& rows);
  // Whether the points of the cloud are the samples, one by one, so that one can be corrected.
  bool correctable() const { return spec_.dimension == 1 && spec_.stride == 1; }
  // The oldest sample whose point is in the cloud, or what comes next. REQUIRES: correctable().
  PointId oldest_present() const {
    return window_->size() == 0 ? next_ : window_->name_of(window_->oldest_point());
  }
  // Removes the point of a sample of [first_, next_), or puts it elsewhere; one that was removed comes back.
  // `sample` has all channels and has passed the gate. kPointNotRetained: it is not in the cloud, which move
  // asks only of what lies before oldest_present(). REQUIRES: correctable(). Cost: that of RipsWindow.
  Status remove(PointId arrival);
  Status move(PointId arrival, std::span<const double> sample);
  size_t pairs_reported() const { return pairs_reported(0) + pairs_reported(1) + pairs_reported(2); }
  size_t pairs_reported(int dimension) const { return window_->reported(dimension); }
  EngineCounters counters() const;
  size_t bytes() const;
  void verify();

 private:
  // Points are arrival numbers, oldest first, rips::kNoPoint behind the last.
  struct Pair {
    int dimension;
    double birth;
    double death;
    PointId birth_points[kBirthPoints];
    PointId death_points[kDeathPoints];
    bool operator==(const Pair&) const = default;
  };

  static Pair pair_of(const rips::RipsPair& pair);
  static bool born_before(const Pair& a, const Pair& b);
  static void write_row(const PointRing& ring, ChangeKind kind, const Pair& pair, double* row);
  void take(const PointRing& ring, PointId newest);

  const RipsSpec spec_;
  PointId first_;
  PointId next_;
  std::unique_ptr<rips::RipsWindow> window_;  // its parts point at each other, so it never moves
  bool changed_ = false;                      // window_, since the last report
  std::vector<double> point_;                 // scratch
  std::vector<rips::RipsPair> present_;       // scratch of diagram()
  std::vector<rips::RipsChange> changes_;     // scratch of report()
  std::vector<Pair> gone_;                    // scratch: pairs by birth, as last reported
  std::vector<Pair> come_;                    // scratch: and as they are now
  uint64_t edits_ = 0;
};

}  // namespace tda
