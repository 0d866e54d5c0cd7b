// How to embed a scalar series: which delay, and how many coordinates.
//
// Delay: the average mutual information of x(t) and x(t + delay), in bits, [FS86]. Its first minimum is the
// delay at which a second coordinate says most that is new. The plane of (rank of x(t), rank of x(t + delay))
// is cut into squares of equal counts per side, so that a monotone change of scale, an outlier or a skewed
// distribution changes nothing; ties share the bin of their first. Bins per side: about the cube root of the
// pairs, which keeps the bias, (bins - 1)^2 / (2 ln 2 pairs) bits, small; it is subtracted.
//
// Dimension: for d = 1, 2, ... each point of the embedding looks for its nearest neighbour in d coordinates.
//   false neighbours [KBA92]: the share of points whose neighbour leaves when coordinate d + 1 comes: by more
//   than
//     15 times their distance, or further than 2 standard deviations of the series. It falls to zero at the
//     dimension that unfolds the attractor; noise keeps it up.
//   Cao [Cao97]: E1(d) levels off at 1 from that dimension on, without a tolerance to choose; E2(d) is 1 for
//   every d
//     when the future does not depend on the past (noise), and differs from 1 for some d otherwise.
// Neighbours closer in time than one delay do not count (they are near because they are successive). A
// distance below 1e-7 standard deviations is rounding, and counts as that.
//
// Cost: mutual information O(delay_max * n); dimension O(references * n * dimension_max) with at most
// kReferencesMax references, spread evenly over the newest kEmbeddingPointsMax points.
//   [FS86] A. M. Fraser, H. L. Swinney, Independent coordinates for strange attractors from mutual
//   information, 1986. [KBA92] M. B. Kennel, R. Brown, H. D. I. Abarbanel, Determining embedding dimension
//   for phase-space
//           reconstruction using a geometrical construction, 1992.
//   [Cao97] L. Cao, Practical method for determining the minimum embedding dimension of a scalar time series,
//   1997.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "native/base/status.h"

namespace tda {

inline constexpr size_t kEmbeddingPointsMax = 100'000;
inline constexpr size_t kReferencesMax = 1'000;
inline constexpr size_t kEmbeddingDelayMax = 10'000;
inline constexpr size_t kEmbeddingDimensionMax = 32;

// Writes the mutual information in bits for each delay 0 ... delay_max. kInvalidArgument for a delay_max
// above kEmbeddingDelayMax or a series of fewer than 2 * (delay_max + 1) or 20 values; kNonFinitePoint.
Status mutual_information(std::span<const double> values, size_t delay_max, std::vector<double>& bits);

struct EmbeddingRow {
  double false_share;  // of the neighbours in this many coordinates, 0 ... 1
  double cao_e1;
  double cao_e2;
};

// Writes a row for each dimension 1 ... dimension_max. kInvalidArgument for a delay or dimension of 0 or
// beyond the limits, or a series too short: (dimension_max + 3) * delay + 20 values are needed;
// kNonFinitePoint. A constant series has no false neighbours and E1 = E2 = 1.
Status embedding_dimensions(std::span<const double> values, size_t delay, size_t dimension_max,
                            std::vector<EmbeddingRow>& rows);

}  // namespace tda
