// The loops over distance rows that the time goes into, as free functions on plain arrays.
//
// Every limit is exclusive: a caller that accepts a tie passes `including(limit)`. Each instruction set gives
// the same answer, bit for bit: comparisons, and for most_central multiplications and additions in a fixed
// order without contraction. Which one runs is chosen once, when the program starts (row_kernels.cc).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace tda::rips {

// Place of a live point in the ring of the window.
using Slot = uint16_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

// The exclusive limit that accepts `limit` itself. REQUIRES: limit is finite and not negative.
inline float including(float limit) { return std::nextafter(limit, std::numeric_limits<float>::infinity()); }

// Asks for a cache line that will be read soon.
inline void prefetch(const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address);
#else
  (void)address;
#endif
}

// A row and its limit.
struct RowLimit {
  const float* row;
  float below;
};

// Appends every i in [begin, end) with a.row[i] < a.below and b.row[i] < b.below, ascending, and returns how
// many. REQUIRES: room for end - begin.
size_t collect_below(RowLimit a, RowLimit b, size_t begin, size_t end, Slot* out);

// The same, of those the ones with c.row[i] >= c.below.
size_t collect_outside(RowLimit a, RowLimit b, RowLimit c, size_t begin, size_t end, Slot* out);

// The largest i in [begin, end) that is below the limit in all four rows, or kNoSlot. Stops at the first it
// finds.
Slot last_below(const RowLimit (&rows)[4], size_t begin, size_t end);

// How a hub is ranked from its distances to the ends of an edge (lunes.h).
enum class Centrality : uint8_t {
  kSpindle,         // by depth in the spindle; rows hold distances
  kSpindleSquared,  // the same; rows hold squared distances
  kFarther,         // by the distance to the farther end
};

// The best i in [begin, end) with x[i] < length and y[i] < length, or kNoSlot; the first among equals.
// `score` gets its rank, larger is better, 0 for none. REQUIRES: 1 / length is finite.
Slot most_central(const float* x, const float* y, float length, Centrality centrality, size_t begin,
                  size_t end, int32_t& score);

// The last i in [begin, end) with the smallest row[i], or kNoSlot for an empty range. REQUIRES: nothing is
// negative.
Slot last_smallest(const float* row, size_t begin, size_t end);

// Makes reach[i] infinite for every i in [begin, end) with reach[i] > above and row[i] <= reach[i].
void strike_within(float* reach, const float* row, float above, size_t begin, size_t end);

// Instruction sets that can be forced, for tests: "baseline", "avx2", "avx512". False where the machine or
// the build has no such target. Not thread safe.
bool force_kernel_target(std::string_view target);
// The one in use.
std::string_view kernel_target();

}  // namespace tda::rips
