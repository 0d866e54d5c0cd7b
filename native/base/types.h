// The few types every folder shares.
#pragma once

#include <cstdint>
#include <limits>

namespace tda {

// Arrival number of a point in its stream: 0, 1, 2, ... without gaps. Never reused.
using PointId = uint64_t;

// Event time in milliseconds since the epoch.
using TimestampMs = double;

// The death of an essential class.
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace tda
