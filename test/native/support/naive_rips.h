// The dull twins of native/rips: whole boundary matrices, reduced column by column, nothing skipped.
//
// naive_window_pairs: H0 and H1 over Z/2 with the simplices that make a pair, in the order the sliding engine
// promises.
//   vertices  by index (older first)
//   edges     by (length, younger end, older end)
//   triangles by (longest edge, third vertex youngest first)
// naive_bars: (dimension, birth, death) of any dimension over Z/p, for a handful of points.
// Cost: cubic in the number of simplices. Both read the same stored distances as the code they judge.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

namespace tda::test {

inline constexpr size_t kNoVertex = static_cast<size_t>(-1);

// A symmetric matrix of n x n stored distances.
struct NaiveDistances {
  size_t n = 0;
  std::vector<float> values;
  float at(size_t i, size_t j) const { return values[i * n + j]; }
  void set(size_t i, size_t j, float value) { values[i * n + j] = values[j * n + i] = value; }
  explicit NaiveDistances(size_t count) : n(count), values(count * count, 0.0F) {}
};

struct NaiveRipsPair {
  int dimension;
  float birth;
  float death;                        // +infinity for an essential class
  size_t birth_younger, birth_older;  // H0: the vertex, kNoVertex
  size_t death_younger, death_older,
      apex;  // the killing edge and the third vertex; kNoVertex where there is none
  auto operator<=>(const NaiveRipsPair&) const = default;
};

// Pairs of positive length, sorted. Edges longer than `threshold` never enter.
inline std::vector<NaiveRipsPair> naive_window_pairs(const NaiveDistances& distances, float threshold,
                                                     int max_dimension) {
  struct Edge {
    float length;
    size_t younger, older;
  };
  const size_t n = distances.n;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  std::vector<Edge> edges;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (distances.at(i, j) <= threshold) edges.push_back({distances.at(i, j), i, j});
    }
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return std::tie(a.length, a.younger, a.older) < std::tie(b.length, b.younger, b.older);
  });
  std::vector<NaiveRipsPair> pairs;

  // Columns of edges over vertices.
  std::vector<std::vector<size_t>> owner_of_vertex(n);
  std::vector<bool> vertex_dies(n, false), edge_gives_birth(edges.size(), false);
  for (size_t e = 0; e < edges.size(); ++e) {
    std::vector<size_t> column = {edges[e].older, edges[e].younger};
    while (!column.empty() && !owner_of_vertex[column.back()].empty()) {
      std::vector<size_t> sum;
      const std::vector<size_t>& other = owner_of_vertex[column.back()];
      std::set_symmetric_difference(column.begin(), column.end(), other.begin(), other.end(),
                                    std::back_inserter(sum));
      column = sum;
    }
    if (column.empty()) {
      edge_gives_birth[e] = true;
      continue;
    }
    const size_t vertex = column.back();
    owner_of_vertex[vertex] = column;
    vertex_dies[vertex] = true;
    if (edges[e].length > 0) {
      pairs.push_back(
          {0, 0, edges[e].length, vertex, kNoVertex, edges[e].younger, edges[e].older, kNoVertex});
    }
  }
  for (size_t vertex = 0; vertex < n; ++vertex) {
    if (!vertex_dies[vertex])
      pairs.push_back({0, 0, kInf, vertex, kNoVertex, kNoVertex, kNoVertex, kNoVertex});
  }
  if (max_dimension < 1) {
    std::sort(pairs.begin(), pairs.end());
    return pairs;
  }

  // Columns of triangles over edges, as bit sets.
  std::vector<size_t> rank(n * n, kNoVertex);
  for (size_t e = 0; e < edges.size(); ++e) {
    rank[edges[e].younger * n + edges[e].older] = rank[edges[e].older * n + edges[e].younger] = e;
  }
  const size_t words = (edges.size() + 63) / 64;
  std::vector<std::vector<uint64_t>> owner_of_edge(edges.size());
  std::vector<uint64_t> column(words);
  for (size_t e = 0; e < edges.size(); ++e) {
    for (size_t apex = n; apex-- > 0;) {
      const size_t a = rank[apex * n + edges[e].younger], b = rank[apex * n + edges[e].older];
      if (a >= e || b >= e) continue;  // kNoVertex is the largest number
      std::fill(column.begin(), column.end(), 0);
      for (const size_t f : {a, b, e}) column[f / 64] ^= uint64_t{1} << (f % 64);
      for (size_t f = e + 1; f-- > 0;) {
        if ((column[f / 64] >> (f % 64) & 1) == 0) continue;
        if (owner_of_edge[f].empty()) {
          owner_of_edge[f] = column;
          if (edges[f].length < edges[e].length) {
            pairs.push_back({1, edges[f].length, edges[e].length, edges[f].younger, edges[f].older,
                             edges[e].younger, edges[e].older, apex});
          }
          break;
        }
        for (size_t word = 0; word < words; ++word) column[word] ^= owner_of_edge[f][word];
      }
    }
  }
  for (size_t e = 0; e < edges.size(); ++e) {
    if (edge_gives_birth[e] && owner_of_edge[e].empty()) {
      pairs.push_back(
          {1, edges[e].length, kInf, edges[e].younger, edges[e].older, kNoVertex, kNoVertex, kNoVertex});
    }
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

// A pair of H2: values, and the vertices of the triangle and the tetrahedron, descending; none for an essential
// class.
struct NaiveVoid {
  float birth, death;
  std::vector<size_t> triangle, tetrahedron;
  auto operator<=>(const NaiveVoid&) const = default;
};

// Pairs of H2 over Z/2 of positive length, sorted. Simplices by their longest edge, then the one whose descending
// vertices are larger first. Every column of every dimension is reduced.
inline std::vector<NaiveVoid> naive_voids(const NaiveDistances& distances, float threshold) {
  using Edge = std::tuple<float, size_t, size_t>;
  struct Simplex {
    Edge longest;
    std::vector<size_t> vertices;  // descending
  };
  const size_t n = distances.n;
  const auto before = [](const Simplex& a, const Simplex& b) {
    return a.longest != b.longest ? a.longest < b.longest : a.vertices > b.vertices;
  };
  std::vector<std::vector<Simplex>> levels(3);  // edges, triangles, tetrahedra
  const auto extend = [&](auto&& self, std::vector<size_t> vertices, Edge longest) -> void {
    if (vertices.size() >= 2) levels[vertices.size() - 2].push_back({longest, vertices});
    if (vertices.size() == 4) return;
    for (size_t v = 0; v < (vertices.empty() ? n : vertices.back()); ++v) {
      Edge with = longest;
      for (const size_t u : vertices) with = std::max(with, Edge(distances.at(u, v), u, v));
      if (std::get<0>(with) > threshold) continue;
      std::vector<size_t> more = vertices;
      more.push_back(v);
      self(self, more, with);
    }
  };
  extend(extend, {}, Edge(0, 0, 0));
  std::vector<NaiveVoid> voids;
  std::vector<bool> positive(0);  // of the level below: its column vanished
  for (size_t level = 1; level < 3; ++level) {
    std::vector<Simplex>&faces = levels[level - 1], &simplices = levels[level];
    std::sort(faces.begin(), faces.end(), before);
    std::sort(simplices.begin(), simplices.end(), before);
    std::map<std::vector<size_t>, size_t> place;
    for (size_t f = 0; f < faces.size(); ++f) place[faces[f].vertices] = f;
    std::vector<std::vector<size_t>> owner(faces.size());
    std::vector<bool> vanished(simplices.size(), false);
    for (size_t s = 0; s < simplices.size(); ++s) {
      std::vector<size_t> column;
      for (size_t k = 0; k < simplices[s].vertices.size(); ++k) {
        std::vector<size_t> facet = simplices[s].vertices;
        facet.erase(facet.begin() + static_cast<std::ptrdiff_t>(k));
        column.push_back(place.at(facet));
      }
      std::sort(column.begin(), column.end());
      while (!column.empty() && !owner[column.back()].empty()) {
        std::vector<size_t> sum;
        std::set_symmetric_difference(column.begin(), column.end(), owner[column.back()].begin(),
                                      owner[column.back()].end(), std::back_inserter(sum));
        column = sum;
      }
      vanished[s] = column.empty();
      if (column.empty()) continue;
      const Simplex& face = faces[column.back()];
      owner[column.back()] = column;
      const float birth = std::get<0>(face.longest), death = std::get<0>(simplices[s].longest);
      if (level == 2 && birth < death) voids.push_back({birth, death, face.vertices, simplices[s].vertices});
    }
    for (size_t f = 0; f < faces.size() && level == 2; ++f) {
      if (positive[f] && owner[f].empty()) {
        voids.push_back(
            {std::get<0>(faces[f].longest), std::numeric_limits<float>::infinity(), faces[f].vertices, {}});
      }
    }
    positive = vanished;
  }
  std::sort(voids.begin(), voids.end());
  return voids;
}

struct NaiveBar {
  int dimension;
  float birth, death;
  auto operator<=>(const NaiveBar&) const = default;
};

// Bars of positive length in dimensions 0 ... max_dimension over Z/modulus, sorted.
inline std::vector<NaiveBar> naive_bars(const NaiveDistances& distances, float threshold, int max_dimension,
                                        int64_t modulus) {
  struct Simplex {
    float diameter;
    std::vector<size_t> vertices;  // ascending
  };
  std::vector<Simplex> simplices;
  for (uint64_t mask = 1; mask < uint64_t{1} << distances.n; ++mask) {
    Simplex simplex{0, {}};
    for (size_t v = 0; v < distances.n; ++v) {
      if ((mask >> v & 1) == 0) continue;
      for (const size_t u : simplex.vertices)
        simplex.diameter = std::max(simplex.diameter, distances.at(u, v));
      simplex.vertices.push_back(v);
    }
    if (simplex.diameter <= threshold && simplex.vertices.size() <= static_cast<size_t>(max_dimension) + 2) {
      simplices.push_back(simplex);
    }
  }
  std::sort(simplices.begin(), simplices.end(), [](const Simplex& a, const Simplex& b) {
    const size_t size_a = a.vertices.size(), size_b = b.vertices.size();
    return std::tie(a.diameter, size_a, a.vertices) < std::tie(b.diameter, size_b, b.vertices);
  });
  std::map<std::vector<size_t>, size_t> index;
  for (size_t s = 0; s < simplices.size(); ++s) index[simplices[s].vertices] = s;

  std::vector<std::map<size_t, int64_t>> owner(simplices.size());
  std::vector<bool> paired(simplices.size(), false);
  std::vector<NaiveBar> bars;
  for (size_t s = 0; s < simplices.size(); ++s) {
    std::map<size_t, int64_t> column;
    for (size_t k = 0; k < simplices[s].vertices.size() && simplices[s].vertices.size() > 1; ++k) {
      std::vector<size_t> facet = simplices[s].vertices;
      facet.erase(facet.begin() + static_cast<std::ptrdiff_t>(k));
      column[index.at(facet)] = k % 2 == 0 ? 1 : modulus - 1;
    }
    while (!column.empty() && !owner[column.rbegin()->first].empty()) {
      const std::map<size_t, int64_t>& other = owner[column.rbegin()->first];
      int64_t factor = 1;  // column + factor * other cancels the pivot
      while ((column.rbegin()->second + factor * other.rbegin()->second) % modulus != 0) ++factor;
      for (const auto& [row, value] : other) {
        const int64_t sum = (column[row] + factor * value) % modulus;
        if (sum == 0) {
          column.erase(row);
        } else {
          column[row] = sum;
        }
      }
    }
    if (column.empty()) continue;
    const size_t birth = column.rbegin()->first;
    owner[birth] = column;
    paired[birth] = paired[s] = true;
    if (simplices[birth].diameter < simplices[s].diameter) {
      bars.push_back({static_cast<int>(simplices[birth].vertices.size()) - 1, simplices[birth].diameter,
                      simplices[s].diameter});
    }
  }
  for (size_t s = 0; s < simplices.size(); ++s) {
    const int dimension = static_cast<int>(simplices[s].vertices.size()) - 1;
    if (!paired[s] && dimension <= max_dimension) {
      bars.push_back({dimension, simplices[s].diameter, std::numeric_limits<float>::infinity()});
    }
  }
  std::sort(bars.begin(), bars.end());
  return bars;
}

}  // namespace tda::test
