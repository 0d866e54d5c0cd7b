// The closed set of filtrations an engine can stand on. THE place to add one: write a class with the members
// below, name it in `Filtration` and build it in make_filtration.
//
//   append(ring, until)      lets the points before `until` enter
//   evict_to(ring, first)    lets the points before `first` leave
//   report(ring, rows)       writes what changed since the last report, net, in a fixed order; only takes
//                            note of it when `rows` is null
//   diagram(ring, rows)      writes the present diagram: by dimension, then birth position
//   pairs_reported() pairs_reported(dimension) bytes() counters() verify()
//   and the constants kBirthPoints, kDeathPoints, kStride
//
// Points are held by the engine from the window's first point at the last report on, so the births and deaths
// of removed pairs can still be read.
#pragma once

#include <variant>

#include "native/engine/rips_filtration.h"
#include "native/engine/series_filtration.h"

namespace tda {

enum class FiltrationKind : uint8_t { kSublevel, kSuperlevel, kRips };

struct FiltrationConfig {
  FiltrationKind kind = FiltrationKind::kSublevel;
  size_t channel = 0;  // of a series
  RipsSpec rips;       // of a cloud
};

using Filtration = std::variant<SeriesFiltration, RipsFiltration>;

// The filtration of a window that starts at `start` and never holds more than `points_max` points.
inline Filtration make_filtration(const FiltrationConfig& config, PointId start, size_t points_max) {
  if (config.kind == FiltrationKind::kRips) return RipsFiltration(config.rips, start, points_max);
  const Direction direction =
      config.kind == FiltrationKind::kSublevel ? Direction::kSublevel : Direction::kSuperlevel;
  return SeriesFiltration(config.channel, direction, start, points_max);
}

}  // namespace tda
