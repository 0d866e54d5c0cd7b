#include "native/series/batch.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace tda {

namespace {

constexpr uint32_t kAbsent = ~uint32_t{0};

uint32_t find_root(std::vector<uint32_t>& parent, uint32_t at) {
  while (parent[at] != at) {
    parent[at] = parent[parent[at]];
    at = parent[at];
  }
  return at;
}

}  // namespace

std::vector<SeriesPair> batch_series_pairs(std::span<const double> values, bool superlevel) {
  const auto count = static_cast<uint32_t>(values.size());
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  const auto level = [&](uint32_t at) { return superlevel ? -values[at] : values[at]; };
  const auto enters_before = [&](uint32_t a, uint32_t b) {
    return level(a) < level(b) || (level(a) == level(b) && a < b);
  };
  std::sort(order.begin(), order.end(), enters_before);

  std::vector<uint32_t> parent(count, kAbsent);
  std::vector<uint32_t> eldest(count);  // of the component whose root it is
  std::vector<SeriesPair> pairs;
  for (const uint32_t vertex : order) {
    parent[vertex] = vertex;
    eldest[vertex] = vertex;
    for (const bool right : {false, true}) {
      if (right ? vertex + 1 == count : vertex == 0) continue;
      const uint32_t neighbour = right ? vertex + 1 : vertex - 1;
      if (parent[neighbour] == kAbsent) continue;
      const uint32_t mine = find_root(parent, vertex);
      const uint32_t other = find_root(parent, neighbour);
      const bool mine_is_younger = enters_before(eldest[other], eldest[mine]);
      const uint32_t younger = mine_is_younger ? mine : other;
      const uint32_t elder = mine_is_younger ? other : mine;
      if (values[eldest[younger]] != values[vertex]) pairs.push_back({eldest[younger], vertex});
      parent[younger] = elder;
    }
  }
  if (count > 0) pairs.push_back({order.front(), std::nullopt});
  std::sort(pairs.begin(), pairs.end(),
            [](const SeriesPair& a, const SeriesPair& b) { return a.birth < b.birth; });
  return pairs;
}

}  // namespace tda
