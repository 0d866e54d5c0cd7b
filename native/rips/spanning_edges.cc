#include "native/rips/spanning_edges.h"

#include <algorithm>
#include <limits>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr float kStruck = std::numeric_limits<float>::infinity();

}  // namespace

SpanningEdges::SpanningEdges(const DistanceRows& rows, float threshold, uint64_t bytes_max)
    : rows_(rows),
      threshold_(threshold),
      edges_max_(static_cast<size_t>(bytes_max / (2 * sizeof(GraphEdge)))),  // in a vector that has doubled
      reach_(rows.capacity()) {}

void SpanningEdges::insert() {
  if (stale_) return;
  const Slot newest = rows_.slot_of(rows_.next() - 1);
  strike(newest);
  add_edges_of(newest);
}

bool SpanningEdges::refresh() {
  if (stale_) {
    edges_.clear();
    stale_ = false;
    for (Sequence s = rows_.oldest(); s < rows_.next() && !stale_; ++s) {
      const Slot slot = rows_.slot_of(s);
      if (rows_.vacant(slot)) continue;
      strike(slot);
      add_edges_of(slot);
    }
  } else if (evicted_) {
    std::erase_if(edges_, [this](const GraphEdge& edge) { return !live(edge); });
  }
  evicted_ = false;
  return !stale_;
}

// Drops the edges that the new point is a witness of, and those of points that left: their slots may be taken,
// one of them by the new point, which is the older end of none. Without a branch, which nothing could foresee.
void SpanningEdges::strike(Slot newest) {
  const float* distances = rows_.row(newest);
  size_t kept = 0;
  for (size_t k = 0; k < edges_.size(); ++k) {
    const GraphEdge edge = edges_[k];
    const bool witnessed = (distances[edge.older] < edge.length) & (distances[edge.younger] < edge.length);
    edges_[kept] = edge;
    kept += static_cast<size_t>((edge.older != newest) & live(edge) & !witnessed);
  }
  edges_.resize(kept);
  evicted_ = false;
}

// Edges to older points. With y nearer than x and younger than x, y witnesses the edge to x when xy is no
// longer than that edge, for on a tie xy has the older younger end. Of copies the youngest witnesses the rest.
void SpanningEdges::add_edges_of(Slot slot) {
  const float* distances = rows_.row(slot);
  const Sequence oldest = rows_.oldest(), newest = rows_.sequence_of(slot);
  const std::array<SlotRange, 2> others = rows_.slots_of(oldest, newest);
  for (const SlotRange& run : others) {
    std::copy(distances + run.begin, distances + run.end, reach_.data() + run.begin);
  }
  fresh_.clear();
  for (;;) {
    const Slot nearest = youngest_nearest(others);
    if (nearest == kNoSlot || reach_[nearest] > threshold_) break;
    const float length = reach_[nearest];
    fresh_.push_back({length, nearest, slot});
    if (edges_.size() + fresh_.size() > edges_max_) {
      std::vector<GraphEdge>().swap(edges_);
      stale_ = true;
      return;
    }
    reach_[nearest] = kStruck;
    for (const SlotRange& run : rows_.slots_of(oldest, rows_.sequence_of(nearest))) {
      strike_within(reach_.data(), rows_.row(nearest), length == 0 ? -1 : length, run.begin, run.end);
    }
  }
  merge_fresh();
}

Slot SpanningEdges::youngest_nearest(const std::array<SlotRange, 2>& runs) const {
  const Slot early = last_smallest(reach_.data(), runs[0].begin, runs[0].end);
  const Slot late = last_smallest(reach_.data(), runs[1].begin, runs[1].end);
  if (late == kNoSlot) return early;
  return reach_[early] < reach_[late] ? early : late;
}

// Moves each stretch of edges_ once; the few that come between are sorted first.
void SpanningEdges::merge_fresh() {
  const auto shorter = [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); };
  std::sort(fresh_.begin(), fresh_.end(), shorter);
  size_t end = edges_.size();
  edges_.resize(end + fresh_.size());
  for (size_t left = fresh_.size(); left > 0; --left) {
    const auto begin = edges_.begin(), stop = begin + static_cast<std::ptrdiff_t>(end);
    const auto at = std::upper_bound(begin, stop, fresh_[left - 1], shorter);
    std::move_backward(at, stop, stop + static_cast<std::ptrdiff_t>(left));
    end = static_cast<size_t>(at - begin);
    edges_[end + left - 1] = fresh_[left - 1];
  }
}

bool SpanningEdges::before(const GraphEdge& a, const GraphEdge& b) const {
  if (a.length != b.length) return a.length < b.length;
  if (a.younger != b.younger) return rows_.younger(b.younger, a.younger);
  return rows_.younger(b.older, a.older);
}

uint64_t SpanningEdges::bytes() const {
  return (edges_.capacity() + fresh_.capacity()) * sizeof(GraphEdge) + reach_.capacity() * sizeof(float);
}

uint64_t SpanningEdges::predict_bytes(size_t capacity) {
  constexpr uint64_t kEdgesPerPoint = 64;
  return static_cast<uint64_t>(capacity) * (2 * kEdgesPerPoint * sizeof(GraphEdge) + sizeof(float));
}

void SpanningEdges::verify() const {
  TDA_ASSERT(!stale_ && !evicted_);
  TDA_ASSERT(std::is_sorted(edges_.begin(), edges_.end(),
                            [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); }));
  // The order of T2.
  const auto precedes = [this](const GraphEdge& a, const GraphEdge& b) {
    if (a.length != 0 || b.length != 0) return before(a, b);
    if (a.older != b.older) return rows_.younger(a.older, b.older);
    return rows_.younger(b.younger, a.younger);
  };
  const auto edge_of = [this](Slot a, Slot b) {
    return rows_.younger(a, b) ? GraphEdge{rows_.at(a, b), b, a} : GraphEdge{rows_.at(b, a), a, b};
  };
  size_t found = 0;
  for (Sequence o = rows_.oldest(); o < rows_.next(); ++o) {
    for (Sequence x = o + 1; x < rows_.next(); ++x) {
      const GraphEdge edge = edge_of(rows_.slot_of(o), rows_.slot_of(x));
      if (edge.length > threshold_) continue;
      bool witnessed = false;
      for (Sequence y = o + 1; y < rows_.next() && !witnessed; ++y) {
        const Slot witness = rows_.slot_of(y);
        witnessed = y != x && precedes(edge_of(edge.older, witness), edge) &&
                    precedes(edge_of(edge.younger, witness), edge);
      }
      const auto at =
          std::lower_bound(edges_.begin(), edges_.end(), edge,
                           [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); });
      const bool kept = at != edges_.end() && at->older == edge.older && at->younger == edge.younger;
      TDA_ASSERT(kept || witnessed);  // T1
      if (kept) ++found;
    }
  }
  TDA_ASSERT(found == edges_.size());
}

}  // namespace tda::rips
