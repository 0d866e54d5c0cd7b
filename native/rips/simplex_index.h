// Simplices as one number each: the combinatorial number system.
//
// The simplex with vertices v_d > ... > v_1 > v_0 has the index C(v_d, d+1) + ... + C(v_1, 2) + C(v_0, 1).
// The map is a bijection, and the order of indices is the lexicographic order of the descending vertex lists.
// Cost: 8 (d + 2) n bytes of table, O(1) per binomial, O(d log n) to get the vertices back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tda::rips {

using SimplexIndex = int64_t;

class SimplexIndexer {
 public:
  // True when every simplex of `vertices_max` vertices among n has an index that fits. O(vertices_max).
  static bool fits(size_t n, size_t vertices_max) {
    long double count = 1;
    for (size_t k = 1; k <= std::min(vertices_max, n); ++k) {
      count = count * static_cast<long double>(n - k + 1) / static_cast<long double>(k);
      if (count > static_cast<long double>(std::numeric_limits<SimplexIndex>::max()) / 4) return false;
    }
    return true;
  }

  // REQUIRES: fits(n, vertices_max).
  SimplexIndexer(size_t n, size_t vertices_max) : stride_(n + 1), table_((vertices_max + 1) * stride_, 0) {
    for (size_t v = 0; v <= n; ++v) table_[v] = 1;
    for (size_t k = 1; k <= vertices_max; ++k) {
      for (size_t v = k; v <= n; ++v) {
        table_[k * stride_ + v] = table_[k * stride_ + v - 1] + table_[(k - 1) * stride_ + v - 1];
      }
    }
  }

  SimplexIndex choose(size_t v, size_t k) const { return table_[k * stride_ + v]; }

  // Writes the `count` vertices of a simplex, largest first.
  void vertices_of(SimplexIndex index, size_t count, uint32_t* out) const {
    size_t above = stride_ - 1;  // every vertex left is below
    for (size_t k = count; k > 0; --k) {
      const SimplexIndex* row = table_.data() + k * stride_;
      const SimplexIndex* found = std::upper_bound(row + k - 1, row + above, index);
      const size_t vertex = static_cast<size_t>(found - row) - 1;
      *out++ = static_cast<uint32_t>(vertex);
      index -= row[vertex];
      above = vertex;
    }
  }

 private:
  size_t stride_;
  std::vector<SimplexIndex> table_;
};

}  // namespace tda::rips
