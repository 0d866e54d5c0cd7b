// A sublevel or superlevel filtration of one channel of a ring: feeds the ring's points to a MonotoneSeries
// and writes its pairs as rows of native/diagram/update.h, (1, 1) points a row.
// Cost: that of MonotoneSeries, plus 64 bytes written a row.
#pragma once

#include <cstddef>

#include "native/diagram/row_buffer.h"
#include "native/diagram/update.h"
#include "native/engine/counters.h"
#include "native/series/monotone_series.h"
#include "native/window/point_ring.h"

namespace tda {

class SeriesFiltration {
 public:
  static constexpr size_t kBirthPoints = 1;
  static constexpr size_t kDeathPoints = 1;
  static constexpr size_t kStride = change_stride(kBirthPoints, kDeathPoints);

  SeriesFiltration(size_t channel, Direction direction, PointId start, size_t samples_max);

  // What an engine asks of every filtration (see filtration.h).
  void append(const PointRing& ring, PointId until);
  void evict_to(const PointRing& ring, PointId first);
  void report(const PointRing& ring, RowBuffer* rows);
  void diagram(const PointRing& ring, RowBuffer& rows);
  size_t pairs_reported() const { return series_.pairs_reported(); }
  size_t pairs_reported(int dimension) const { return dimension == 0 ? pairs_reported() : 0; }
  size_t bytes() const { return series_.bytes(); }
  EngineCounters counters() const { return {series_.minima(), series_.popped(), edits_, series_.bytes()}; }
  void verify() { series_.verify(); }

 private:
  const size_t channel_;
  MonotoneSeries series_;
  uint64_t edits_ = 0;
};

}  // namespace tda
