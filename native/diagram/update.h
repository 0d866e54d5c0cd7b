// How changes of a diagram leave an engine: flat arrays of doubles, never an object per pair.
//
// A *change* is one row of `change_stride(births, deaths)` numbers:
//
//   kind  dimension  birth  death  (offset index) x birth_points  (offset index) x death_points
//
// `kind` is a ChangeKind. `death` is +infinity for an essential class. A point is named by its position in the record
// log, offset and index in the record; a stream without log positions has its arrival number as offset and index 0.
// Points that do not exist (the death of an essential class, the vertices a birth of H0 has less than one of H2) have offset -1.
// How many points a birth and a death have is fixed per filtration: (1, 1) for a scalar series, (3, 4) for Rips.
//
// A *diagram* (a snapshot) is the same rows with kind kAdded, ordered by dimension, then birth position.
// Applying the changes of updates 1..n to the empty diagram gives the diagram after n, exactly.
#pragma once

#include <cstddef>

namespace tda {

enum class ChangeKind : int { kRemoved = 0, kAdded = 1, kMoved = 2 };

constexpr size_t change_stride(size_t birth_points, size_t death_points) {
  return 4 + 2 * (birth_points + death_points);
}

// One emission: a row of kEmissionStride numbers in this order.
// clang-format off
enum EmissionField : size_t {
  kEmissionSequence,        // 1, 2, 3, ... per engine
  kEmissionBoundaryMs,      // the epoch-aligned time it stands for, or NaN with a slide by count
  kEmissionPoints,          // points in the window
  kEmissionFull,            // 1 when the window is full (count) or spans its whole time
  kEmissionFirstOffset,     // oldest point of the window
  kEmissionFirstIndex,
  kEmissionFirstTimestamp,  // NaN without timestamps
  kEmissionLastOffset,      // newest point of the window
  kEmissionLastIndex,
  kEmissionLastTimestamp,
  kEmissionLastArrival,     // arrival number of the newest point
  kEmissionPairs,           // pairs in the diagram after this emission
  kEmissionChangesEnd,      // rows of `changes` up to and including this emission
  kEmissionSnapshotEnd,     // rows of `snapshots` up to and including this emission
  kEmissionStride
};
// clang-format on

}  // namespace tda
