// The dull twin of native/series: persistence of a path straight from the definition, quadratic, no data
// structure. Reading it is a way to learn what MonotoneSeries computes.
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <span>
#include <vector>

namespace tda::test {

struct NaiveSeriesPair {
  size_t birth;
  std::optional<size_t> death;
  bool operator==(const NaiveSeriesPair&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const NaiveSeriesPair& pair) {
  out << '(' << pair.birth << ", ";
  return pair.death ? out << *pair.death << ')' : out << "inf)";
}

// For each i: look left and right for the nearest sample smaller in (value, index), remember the largest on
// the way. The smaller of the two largest kills i; a side without a smaller sample kills nothing.
inline std::vector<NaiveSeriesPair> naive_series_pairs(std::span<const double> values, bool superlevel) {
  const auto level = [&](size_t at) { return superlevel ? -values[at] : values[at]; };
  const auto smaller = [&](size_t a, size_t b) {
    return level(a) < level(b) || (level(a) == level(b) && a < b);
  };
  std::vector<NaiveSeriesPair> pairs;
  for (size_t i = 0; i < values.size(); ++i) {
    std::optional<size_t> killer;
    for (const int step : {-1, 1}) {
      size_t largest = i;
      for (size_t at = i + step; at < values.size(); at += step) {  // below 0 wraps to a huge index
        if (smaller(at, i)) {
          if (!killer || smaller(largest, *killer)) killer = largest;
          break;
        }
        if (smaller(largest, at)) largest = at;
      }
    }
    if (!killer || values[*killer] != values[i]) pairs.push_back({i, killer});
  }
  return pairs;
}

}  // namespace tda::test
