#include "native/rips/spanning_edges.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr float kStruck = std::numeric_limits<float>::infinity();

// Whether a point at these distances from the others witnesses the edge.
bool witnessed(const float* distances, const GraphEdge& edge) {
  return distances[edge.older] < edge.length && distances[edge.younger] < edge.length;
}

}  // namespace

SpanningEdges::SpanningEdges(const DistanceRows& rows, float threshold, uint64_t bytes_max)
    : rows_(rows),
      threshold_(threshold),
      edges_max_(static_cast<size_t>(bytes_max / (2 * sizeof(GraphEdge)))),  // in a vector that has doubled
      longest_(rows.capacity(), 0.0F),
      suspect_(rows.capacity(), 0),
      reach_(rows.capacity()) {}

void SpanningEdges::insert() {
  if (stale_) return;
  const Sequence newest = rows_.next() - 1;
  if (witness_) drop_struck();
  witness_ = newest;
  add_edges_of(rows_.slot_of(newest));
}

void SpanningEdges::evict() {
  const Slot gone = rows_.slot_of(rows_.oldest());
  suspect_[gone] = 1;
  longest_[gone] = 0;
  evicted_ = true;
}

bool SpanningEdges::refresh() {
  if (!stale_) {
    if (witness_ || evicted_) drop_struck();
    return true;
  }
  forest_.clear();
  rest_.clear();
  std::fill(longest_.begin(), longest_.end(), 0.0F);
  std::fill(suspect_.begin(), suspect_.end(), uint8_t{0});
  stale_ = false;
  for (Sequence s = rows_.oldest(); s < rows_.next() && !stale_; ++s) {
    if (rows_.vacant(rows_.slot_of(s))) continue;
    witness_ = s;
    add_edges_of(rows_.slot_of(s));
    drop_struck();
  }
  return !stale_;
}

// Drops the edges that the last point to come witnesses, and those of points that left. No edge has that point or a
// later one for its older end, so a slot that was taken again is not mistaken.
void SpanningEdges::drop_struck() {
  const Sequence end = witness_.value_or(rows_.next());
  const size_t live = end < rows_.oldest() ? 0 : static_cast<size_t>(end - rows_.oldest());
  const float* distances = witness_ ? rows_.row(rows_.slot_of(*witness_)) : nullptr;
  if (witness_) {
    for (size_t slot = 0; slot < suspect_.size(); ++slot) {
      suspect_[slot] |= static_cast<uint8_t>(distances[slot] < longest_[slot]);
    }
  }
  places_.resize(size());
  const size_t in_forest = list_suspects(forest_, 0);
  const size_t in_both = list_suspects(rest_, in_forest);
  const std::span<const uint32_t> places(places_);
  const Ages age_of = rows_.ages();
  drop_suspects(forest_, places.first(in_forest), [&](const GraphEdge& edge) {
    const bool left = age_of(edge.older) >= live;
    if (left) note_torn(edge.length);
    return left || (witness_ && witnessed(distances, edge));
  });
  drop_suspects(rest_, places.subspan(in_forest, in_both - in_forest), [&](const GraphEdge& edge) {
    return age_of(edge.older) >= live || (witness_ && witnessed(distances, edge));
  });
  std::fill(suspect_.begin(), suspect_.end(), uint8_t{0});
  witness_.reset();
  evicted_ = false;
}

// Writes the places of edges with a suspect older end from places_[begin] on, without a branch, which nothing could
// foresee, and returns the end. What longest_ is of these ends will be seen when the edges are looked at.
size_t SpanningEdges::list_suspects(const std::vector<GraphEdge>& edges, size_t begin) {
  size_t end = begin;
  for (size_t place = 0; place < edges.size(); ++place) {
    places_[end] = static_cast<uint32_t>(place);
    end += suspect_[edges[place].older];
  }
  for (size_t k = begin; k < end; ++k) longest_[edges[places_[k]].older] = 0;
  return end;
}

template <typename Struck>
void SpanningEdges::drop_suspects(std::vector<GraphEdge>& edges, std::span<const uint32_t> places,
                                  Struck struck) {
  size_t kept = 0, seen = 0;
  for (const uint32_t place : places) {
    const GraphEdge edge = edges[place];
    if (!struck(edge)) {
      longest_[edge.older] = std::max(longest_[edge.older], edge.length);
      continue;
    }
    kept = static_cast<size_t>(std::copy(edges.data() + seen, edges.data() + place, edges.data() + kept) -
                               edges.data());
    seen = place + 1;
  }
  std::copy(edges.data() + seen, edges.data() + edges.size(), edges.data() + kept);
  edges.resize(kept + edges.size() - seen);
}

void SpanningEdges::note_torn(float length) {
  torn_lengths_[1] = std::min(torn_lengths_[1], std::max(torn_lengths_[0], length));
  torn_lengths_[0] = std::min(torn_lengths_[0], length);
  ++torn_;
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
    longest_[nearest] = std::max(longest_[nearest], length);
    if (size() + fresh_.size() > edges_max_) {
      std::vector<GraphEdge>().swap(forest_);
      std::vector<GraphEdge>().swap(rest_);
      stale_ = true;
      return;
    }
    reach_[nearest] = kStruck;
    for (const SlotRange& run : rows_.slots_of(oldest, rows_.sequence_of(nearest))) {
      strike_within(reach_.data(), rows_.row(nearest), length == 0 ? -1 : length, run.begin, run.end);
    }
  }
  std::sort(fresh_.begin(), fresh_.end(),
            [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); });
  merge_into(forest_, fresh_);
}

Slot SpanningEdges::youngest_nearest(const std::array<SlotRange, 2>& runs) const {
  const Slot early = last_smallest(reach_.data(), runs[0].begin, runs[0].end);
  const Slot late = last_smallest(reach_.data(), runs[1].begin, runs[1].end);
  if (late == kNoSlot) return early;
  return reach_[early] < reach_[late] ? early : late;
}

// Moves each stretch of `edges` once. Both are in order.
void SpanningEdges::merge_into(std::vector<GraphEdge>& edges, const std::vector<GraphEdge>& few) const {
  size_t end = edges.size();
  edges.resize(end + few.size());
  for (size_t left = few.size(); left > 0; --left) {
    const auto begin = edges.begin(), stop = begin + static_cast<std::ptrdiff_t>(end);
    const auto at = std::upper_bound(begin, stop, few[left - 1],
                                     [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); });
    std::move_backward(at, stop, stop + static_cast<std::ptrdiff_t>(left));
    end = static_cast<size_t>(at - begin);
    edges[end + left - 1] = few[left - 1];
  }
}

uint64_t SpanningEdges::bytes() const {
  const size_t edges =
      forest_.capacity() + rest_.capacity() + fresh_.capacity() + joined_.capacity() + parted_.capacity();
  return edges * sizeof(GraphEdge) + places_.capacity() * sizeof(uint32_t) +
         (reach_.capacity() + longest_.capacity()) * sizeof(float) + suspect_.capacity();
}

uint64_t SpanningEdges::predict_bytes(size_t capacity) {
  constexpr uint64_t kEdgesPerPoint = 64;
  return static_cast<uint64_t>(capacity) * (2 * kEdgesPerPoint * sizeof(GraphEdge) + sizeof(float));
}

void SpanningEdges::verify() const {
  TDA_ASSERT(!stale_ && !evicted_ && !witness_);
  const auto shorter = [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); };
  TDA_ASSERT(std::is_sorted(forest_.begin(), forest_.end(), shorter));
  TDA_ASSERT(std::is_sorted(rest_.begin(), rest_.end(), shorter));
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
      const size_t kept =
          static_cast<size_t>(std::binary_search(forest_.begin(), forest_.end(), edge, shorter)) +
          static_cast<size_t>(std::binary_search(rest_.begin(), rest_.end(), edge, shorter));
      TDA_ASSERT(kept <= 1 && (kept == 1 || witnessed));  // T1
      found += kept;
    }
  }
  TDA_ASSERT(found == size());
  for (const std::vector<GraphEdge>* edges : {&forest_, &rest_}) {
    for (const GraphEdge& edge : *edges) TDA_ASSERT(edge.length <= longest_[edge.older]);
  }
  verify_forest();
}

// T3. Which of equal points are joined by edges of length zero does not matter.
void SpanningEdges::verify_forest() const {
  std::vector<GraphEdge> all(size());
  std::merge(forest_.begin(), forest_.end(), rest_.begin(), rest_.end(), all.begin(),
             [this](const GraphEdge& a, const GraphEdge& b) { return before(a, b); });
  std::vector<Slot> root(rows_.capacity());
  std::iota(root.begin(), root.end(), Slot{0});
  for (const GraphEdge& edge : all) {
    const Slot stays = root[edge.older], goes = root[edge.younger];
    if (stays == goes) continue;
    std::replace(root.begin(), root.end(), goes, stays);
    const bool in_rest = std::any_of(rest_.begin(), rest_.end(), [&](const GraphEdge& other) {
      return other.older == edge.older && other.younger == edge.younger;
    });
    TDA_ASSERT(!in_rest || edge.length == 0 || (torn_ > 1 && edge.length >= torn_lengths_[1]));
  }
}

}  // namespace tda::rips
