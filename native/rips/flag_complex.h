// The flag complex of a distance matrix, enumerated and never stored.
//
// Cofacets of a simplex come by decreasing new vertex, hence by decreasing index; the filtration order of
// simplices of one dimension is (diameter, index descending), so the first cofacet met with the simplex's own
// diameter is the earliest cofacet of all [Bau21]. With kAboveOnly the new vertex is larger than every old
// one, which lists each simplex exactly once over all its facets.
//
// Cost: dense, O(n d) a coboundary; sparse, O(d x degree).
//   [Bau21] U. Bauer, Ripser: efficient computation of Vietoris-Rips persistence barcodes, 2021.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "native/rips/batch.h"
#include "native/rips/distances.h"
#include "native/rips/simplex_index.h"

namespace tda::rips {

inline constexpr size_t kSimplexVerticesMax = kBatchDimensionMax + 2;

struct Simplex {
  float diameter;
  uint32_t coefficient;
  SimplexIndex index;
};

// The filtration order within one dimension.
inline bool enters_before(const Simplex& a, const Simplex& b) {
  return a.diameter != b.diameter ? a.diameter < b.diameter : a.index > b.index;
}

class FlagComplex {
 public:
  FlagComplex(const Distances& distances, const SimplexIndexer& indexer, float threshold, uint32_t modulus)
      : distances_(distances), indexer_(indexer), threshold_(threshold), modulus_(modulus) {}

  const SimplexIndexer& indexer() const { return indexer_; }
  size_t size() const { return distances_.size(); }

  // Calls visit(cofacet) for the cofacets within the threshold, by decreasing index, until it returns false.
  // The coefficient is that of the coboundary, times the simplex's own.
  template <bool kAboveOnly, typename Visit>
  void cofacets(const Simplex& simplex, size_t vertex_count, Visit visit) const {
    std::array<uint32_t, kSimplexVerticesMax> vertices;
    indexer_.vertices_of(simplex.index, vertex_count, vertices.data());
    if (distances_.sparse()) {
      sparse_cofacets<kAboveOnly>(simplex, vertex_count, vertices, visit);
    } else {
      dense_cofacets<kAboveOnly>(simplex, vertex_count, vertices, visit);
    }
  }

  // Calls visit(facet) by increasing index (the removed vertex decreases) until it returns false.
  // Coefficients are 1.
  template <typename Visit>
  void facets(const Simplex& simplex, size_t vertex_count, Visit visit) const {
    std::array<uint32_t, kSimplexVerticesMax> vertices;
    indexer_.vertices_of(simplex.index, vertex_count, vertices.data());
    SimplexIndex below = simplex.index;  // part of the vertices after the removed one
    SimplexIndex above = 0;              // part of the vertices before it, each one place lower
    for (size_t removed = 0; removed < vertex_count; ++removed) {
      const size_t place = vertex_count - removed;
      below -= indexer_.choose(vertices[removed], place);
      float diameter = 0;
      for (size_t a = 0; a < vertex_count; ++a) {
        for (size_t b = a + 1; b < vertex_count; ++b) {
          if (a != removed && b != removed)
            diameter = std::max(diameter, distances_.at(vertices[a], vertices[b]));
        }
      }
      if (!visit(Simplex{diameter, 1, above + below})) return;
      above += indexer_.choose(vertices[removed], place - 1);
    }
  }

  // The earliest cofacet, where it has the simplex's own diameter.
  std::optional<Simplex> first_equal_cofacet(const Simplex& simplex, size_t vertex_count) const {
    std::optional<Simplex> found;
    cofacets<false>(simplex, vertex_count, [&](const Simplex& cofacet) {
      if (cofacet.diameter == simplex.diameter) found = cofacet;
      return !found;
    });
    return found;
  }

  // The latest facet, where it has the simplex's own diameter: the smallest index, so the first met.
  std::optional<Simplex> last_equal_facet(const Simplex& simplex, size_t vertex_count) const {
    std::optional<Simplex> found;
    facets(simplex, vertex_count, [&](const Simplex& facet) {
      if (facet.diameter == simplex.diameter) found = facet;
      return !found;
    });
    return found;
  }

  // Apparent pairs (facet, cofacet): each is the other's nearest of equal diameter. They need no reduction
  // [Bau21].
  std::optional<Simplex> apparent_cofacet(const Simplex& simplex, size_t vertex_count) const {
    const std::optional<Simplex> cofacet = first_equal_cofacet(simplex, vertex_count);
    if (!cofacet) return std::nullopt;
    const std::optional<Simplex> back = last_equal_facet(*cofacet, vertex_count + 1);
    return back && back->index == simplex.index ? cofacet : std::nullopt;
  }
  std::optional<Simplex> apparent_facet(const Simplex& simplex, size_t vertex_count) const {
    const std::optional<Simplex> facet = last_equal_facet(simplex, vertex_count);
    if (!facet) return std::nullopt;
    const std::optional<Simplex> back = first_equal_cofacet(*facet, vertex_count - 1);
    return back && back->index == simplex.index ? facet : std::nullopt;
  }

 private:
  // `place` vertices of the simplex are smaller than the new one; its sign in the coboundary alternates with
  // that.
  uint32_t signed_coefficient(uint32_t coefficient, size_t place) const {
    return place % 2 == 0 ? coefficient : modulus_ - coefficient;
  }

  template <bool kAboveOnly, typename Visit>
  void dense_cofacets(const Simplex& simplex, size_t vertex_count,
                      const std::array<uint32_t, kSimplexVerticesMax>& vertices, Visit& visit) const {
    std::array<const float*, kSimplexVerticesMax> rows;
    for (size_t k = 0; k < vertex_count; ++k) rows[k] = distances_.row(vertices[k]);
    SimplexIndex above = 0, below = simplex.index;
    size_t end = distances_.size();
    for (size_t passed = 0; passed <= vertex_count; ++passed) {
      const size_t place = vertex_count - passed;  // vertices below the new one
      const size_t begin = passed < vertex_count ? vertices[passed] + size_t{1} : 0;
      for (size_t v = end; v-- > begin;) {
        float diameter = simplex.diameter;
        for (size_t k = 0; k < vertex_count; ++k) diameter = std::max(diameter, rows[k][v]);
        if (diameter > threshold_) continue;
        const SimplexIndex index = above + indexer_.choose(v, place + 1) + below;
        if (!visit(Simplex{diameter, signed_coefficient(simplex.coefficient, place), index})) return;
      }
      if (kAboveOnly || passed == vertex_count) return;
      end = vertices[passed];
      below -= indexer_.choose(vertices[passed], place);
      above += indexer_.choose(vertices[passed], place + 1);
    }
  }

  template <bool kAboveOnly, typename Visit>
  void sparse_cofacets(const Simplex& simplex, size_t vertex_count,
                       const std::array<uint32_t, kSimplexVerticesMax>& vertices, Visit& visit) const {
    std::array<std::span<const Neighbour>, kSimplexVerticesMax> lists;
    for (size_t k = 0; k < vertex_count; ++k) lists[k] = distances_.neighbours(vertices[k]);
    SimplexIndex above = 0, below = simplex.index;
    size_t passed = 0;
    for (const Neighbour& first : lists[0]) {
      while (passed < vertex_count && vertices[passed] > first.vertex) {
        if (kAboveOnly) return;
        below -= indexer_.choose(vertices[passed], vertex_count - passed);
        above += indexer_.choose(vertices[passed], vertex_count - passed + 1);
        ++passed;
      }
      float diameter = std::max(simplex.diameter, first.length);
      bool common = true;
      for (size_t k = 1; k < vertex_count && common; ++k) {
        while (!lists[k].empty() && lists[k].front().vertex > first.vertex) lists[k] = lists[k].subspan(1);
        common = !lists[k].empty() && lists[k].front().vertex == first.vertex;
        if (common) diameter = std::max(diameter, lists[k].front().length);
      }
      if (!common || diameter > threshold_) continue;
      const size_t place = vertex_count - passed;
      const SimplexIndex index = above + indexer_.choose(first.vertex, place + 1) + below;
      if (!visit(Simplex{diameter, signed_coefficient(simplex.coefficient, place), index})) return;
    }
  }

  const Distances& distances_;
  const SimplexIndexer& indexer_;
  float threshold_;
  uint32_t modulus_;
};

}  // namespace tda::rips
