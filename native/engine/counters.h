// What an engine has done since it was created, for whoever watches it. Never goes down but for arena_bytes, which
// is what it is now. O(1) to keep.
#pragma once

#include <cstdint>

namespace tda {

struct EngineCounters {
  // Columns that were reduced. Series: minima that entered. Rips: edges offered to the spanning forest (H0 alone),
  // relations of H1, triangles of H2.
  uint64_t columns;
  // Pivots walked while reducing: minima popped off a stack, relations added to one another.
  uint64_t pivots;
  // Pairs added, moved or removed, emission by emission.
  uint64_t edits;
  // Bytes of the structures the diagram is kept in, without the pairs reported.
  uint64_t arena_bytes;
};

}  // namespace tda
