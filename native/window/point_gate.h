// What an engine demands of points before their ring takes them, so that no point it cannot use ever reaches
// it.
//
//   (G1) While a gate stands at a ring, every point of the ring from the gate's first on passed it.
// Called by the one thread that appends, under the ring's lock: one virtual call a batch.
#pragma once

#include <span>

#include "native/base/status.h"
#include "native/base/types.h"

namespace tda {

class PointRing;
struct PointBatch;

class PointGate {
 public:
  virtual ~PointGate() = default;

  // The first refusal among points whose first gets arrival number `next`, or kOk. Columns are those of the
  // ring; points from ring.oldest() to `next` can be read.
  virtual Status admit(const PointRing& ring, PointId next, const PointBatch& batch) const = 0;
  // What is wrong with each point by itself, whatever came before; leaves the entries of good points alone.
  // `values` holds refusals.size() points, row-major.
  virtual void mark(std::span<const double> values, std::span<Status> refusals) const = 0;
};

}  // namespace tda
