// The diagram of one whole series at once: the independent check of the windowed engines. It shares no code
// with them.
//
// Sublevel filtration of a path: vertex i enters at f(i), edge (i, i + 1) at the larger end. Vertices enter
// in the order (value, index); a union-find forest keeps for each component its eldest (first entered)
// vertex; the vertex that joins two components kills the younger one. Superlevel is the same on -f, with the
// values turned back.
// Cost: O(n log n) time, 20 bytes a sample.
// Source: Edelsbrunner, Harer: Computational Topology (2010), VII.1; ties by index.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace tda {

struct SeriesPair {
  size_t birth;                 // index of the vertex
  std::optional<size_t> death;  // nothing for the essential class
};

// All pairs with birth value != death value, in the order of their births. REQUIRES: finite values, at most
// 2^32 - 1.
std::vector<SeriesPair> batch_series_pairs(std::span<const double> values, bool superlevel);

}  // namespace tda
