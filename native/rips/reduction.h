// H0 and H1 of a window from the few edges whose lune is empty or has several components.
//
// Of the edges with an empty lune, in their order, some merge two components of the graph (the minimum
// spanning tree, the deaths of H0); each other one gives birth to a class of H1: a *candidate*. An edge
// e = xy whose lune has components with members c1, ..., cm makes the m - 1 loops x - c1 - y - cj
// boundaries: a *relation* each. Entering, e glues a cone onto the suspension of its link, so by
// Mayer-Vietoris nothing else changes H0 or H1.
//
// The *annotation* of an edge is a vector over Z/2 indexed by the candidates: zero on the tree, a unit vector
// on a candidate, and s(xy) = s(xc) + s(cy) on any other edge, with c its hub. It sums the candidates on a
// path of earlier edges that is homologous to xy. The relation of component j is
// s(x c1) + s(c1 y) + s(x cj) + s(cj y), where any member of a component does for c: the most central, whose
// edges are short. Relations are reduced in the order of their edges, a pivot being the *last* candidate of a
// vector: the youngest class dies, of the triangle of e and the component's youngest vertex. A relation that
// vanishes gives birth to a class of H2. A different choice of hubs changes a relation only by earlier
// relations, so the pairing does not depend on it.
//
// (A1) Every annotation has only candidates that come before its edge.
// (A2) Reduced relations have distinct pivots; each candidate is killed at most once.
//
// Cost: one bit per candidate and relation; a few hundred of each in a window of 1000 points in R^3. The
// edges to annotate are listed first, breadth first, so that their hubs, which lie far apart in memory, are
// asked for well before they are read. Nearly all are those of the run before with the hubs of the run before, so an
// edge keeps its node, and with it its place among the others, until too many are no longer asked for.
// Related: reduced Vietoris-Rips complexes of one static cloud, arXiv 2307.16333.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "native/rips/lunes.h"
#include "native/rips/spanning_edges.h"

namespace tda::rips {

// A class of H1: born with an edge, killed by an edge and a third vertex, or never.
struct Candidate {
  uint32_t birth;
  uint32_t death;  // kNoSpecial: essential
  Slot apex;
};

inline constexpr uint32_t kNoSpecial = static_cast<uint32_t>(-1);

class Reduction {
 public:
  // Keeps the references.
  Reduction(const DistanceRows& rows, const LuneIndex& lunes) : rows_(rows), lunes_(lunes) {}

  // `order` lists the special edges with empty lunes or several components, in the order of edges.
  // REQUIRES: lunes flushed. False when the vectors would take more than `bytes_max`; there is no result
  // then.
  [[nodiscard]] bool run(const std::vector<uint32_t>& order, uint64_t bytes_max);

  const std::vector<GraphEdge>& tree() const { return tree_; }              // in the order of edges
  const std::vector<Candidate>& candidates() const { return candidates_; }  // in the order of birth edges
  size_t relations() const { return relations_; }                           // of the last run
  // Over all runs: relations, and additions of one to another.
  uint64_t columns() const { return columns_; }
  uint64_t pivots() const { return pivots_; }
  uint64_t bytes() const;

 private:
  // An annotation: 0 is the zero vector, k + 1 the unit vector of candidate k, the rest rows of vectors_.
  using Annotation = uint32_t;
  using NodeIndex = uint32_t;
  // An edge whose annotation is needed, or was in an earlier run: that of its halves, unless it is known. What it says
  // depends on its ends and hub alone, so slots that are taken again do no harm.
  struct Node {
    Slot x;
    Slot y;
    Slot hub;  // that left and right were found for
    NodeIndex left;
    NodeIndex right;
    Annotation value;  // kUnknown until it is evaluated
    uint32_t run;      // that needed it last: others find left, right and value out of date
  };
  // Where the nodes of a special edge were found: of the edge itself, or of those to its first two components.
  using Links = std::array<NodeIndex, 4>;
  struct Place {
    uint32_t key;
    NodeIndex node;
  };

  void sort_out(const std::vector<uint32_t>& order);
  void grow_tree();
  void list_nodes();
  void list_node(NodeIndex node);
  NodeIndex node_of(Slot x, Slot y);
  NodeIndex node_at(NodeIndex& link, Slot x, Slot y);
  void begin_run();
  void rehash(size_t places);
  Annotation evaluate(NodeIndex node);
  Annotation sum(Annotation a, Annotation b);
  void add(Annotation annotation, uint64_t* vector) const;
  void reduce(uint32_t special, size_t component, const NodeIndex* ends);

  const DistanceRows& rows_;
  const LuneIndex& lunes_;
  std::vector<uint32_t> empty_;    // special edges of this run with an empty lune, in the order of edges
  std::vector<uint32_t> several_;  // and those with several components
  std::vector<GraphEdge> tree_;
  std::vector<Candidate> candidates_;
  std::vector<Slot> parent_;       // union-find by slot
  size_t words_ = 0;               // of a vector
  std::vector<uint64_t> vectors_;  // annotations that are sums
  uint32_t run_ = 0;
  std::vector<Node> nodes_;
  std::vector<Place> places_;       // nodes by edge: open addressing, a power of two
  std::vector<Links> links_;        // by special edge; a link that leads elsewhere is found again
  std::vector<NodeIndex> listed_;   // of this run, but for edges with empty lunes
  std::vector<NodeIndex> ends_;     // nodes of the four edges of each relation, in order
  std::vector<NodeIndex> pending_;  // scratch of evaluate
  std::vector<uint64_t> reduced_;   // relation with pivot k at k * words_
  std::vector<uint64_t> relation_;
  size_t relations_ = 0;
  uint64_t columns_ = 0;
  uint64_t pivots_ = 0;
};

}  // namespace tda::rips
