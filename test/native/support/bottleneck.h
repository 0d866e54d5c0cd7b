// Whether two diagrams of one dimension are within a bottleneck distance, by bipartite matching: the dull way.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace tda::test {

using NaiveDiagram = std::vector<std::pair<double, double>>;  // (birth, death), deaths may be +infinity

// Bars are matched when both their ends are at most `distance` apart, and with the diagonal when they are at most
// twice that long. Each bar has a place on the diagonal of its own; any two such places match. O(n^3).
inline bool within_bottleneck(const NaiveDiagram& a, const NaiveDiagram& b, double distance) {
  const size_t n = a.size() + b.size();
  const auto near = [&](double x, double y) { return x == y || std::abs(x - y) <= distance; };
  const auto short_enough = [&](const std::pair<double, double>& bar) {
    return bar.second - bar.first <= 2 * distance;
  };
  const auto match = [&](size_t left, size_t right) {
    if (left < a.size() && right < b.size())
      return near(a[left].first, b[right].first) && near(a[left].second, b[right].second);
    if (left < a.size()) return right - b.size() == left && short_enough(a[left]);
    if (right < b.size()) return left - a.size() == right && short_enough(b[right]);
    return true;
  };
  std::vector<size_t> partner(n, n);
  for (size_t left = 0; left < n; ++left) {
    std::vector<bool> seen(n, false);
    const std::function<bool(size_t)> augment = [&](size_t from) {
      for (size_t right = 0; right < n; ++right) {
        if (seen[right] || !match(from, right)) continue;
        seen[right] = true;
        if (partner[right] != n && !augment(partner[right])) continue;
        partner[right] = from;
        return true;
      }
      return false;
    };
    if (!augment(left)) return false;
  }
  return true;
}

}  // namespace tda::test
