// One pair of a Vietoris-Rips diagram, and one change of it.
#pragma once

#include <limits>

#include "native/base/types.h"
#include "native/diagram/update.h"

namespace tda::rips {

inline constexpr PointId kNoPoint = std::numeric_limits<PointId>::max();

// A simplex is given by its longest edge, the younger end first, and its other vertices, youngest first. Absent points
// are kNoPoint, behind the others: a birth has dimension + 1, a death dimension + 2, that of an essential class none.
struct RipsPair {
  int dimension = 0;
  float birth = 0;
  float death = std::numeric_limits<float>::infinity();  // of an essential class
  PointId birth_points[3] = {kNoPoint, kNoPoint, kNoPoint};
  PointId death_points[4] = {kNoPoint, kNoPoint, kNoPoint, kNoPoint};
  bool operator==(const RipsPair&) const = default;
};

// A removed pair is given as it was last reported, the others as they are now, a moved one as both.
struct RipsChange {
  ChangeKind kind;
  RipsPair pair;
  RipsPair before = {};  // of a moved pair
};

}  // namespace tda::rips
