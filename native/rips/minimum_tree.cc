#include "native/rips/minimum_tree.h"

#include <algorithm>
#include <limits>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr uint32_t kNoPiece = static_cast<uint32_t>(-1);
constexpr float kNowhere = std::numeric_limits<float>::infinity();

// The smallest number of a row over slots that belong to another piece.
float row_minimum(const float* row, const uint32_t* pieces, uint32_t piece, size_t count) {
  float smallest = kNowhere;
  for (size_t i = 0; i < count; ++i) {
    const float length = pieces[i] == piece || pieces[i] == kNoPiece ? kNowhere : row[i];
    smallest = length < smallest ? length : smallest;
  }
  return smallest;
}

}  // namespace

MinimumTree::MinimumTree(const DistanceRows& rows, float threshold)
    : rows_(rows), threshold_(threshold), parent_(rows.capacity()), piece_(rows.capacity()) {}

void MinimumTree::place(Slot slot) {
  const float* distances = rows_.row(slot);
  const auto shorter = [this](const TreeEdge& a, const TreeEdge& b) { return before(a, b); };
  // A forest that does not span the others has room for any edge.
  const bool roomy = edges_.empty() || edges_.size() + 2 < rows_.points();
  fresh_.clear();
  TreeEdge nearest{kNowhere, slot, slot};
  for (const SlotRange& run : rows_.slots_of(rows_.oldest(), rows_.next())) {
    for (size_t other = run.begin; other < run.end; ++other) {
      if (other == slot || distances[other] > threshold_) continue;
      const TreeEdge edge = edge_between(static_cast<Slot>(other), slot);
      if (nearest.length == kNowhere || before(edge, nearest)) nearest = edge;
      if (roomy || before(edge, edges_.back())) fresh_.push_back(edge);
    }
  }
  if (nearest.length == kNowhere) return;
  if (fresh_.empty()) fresh_.push_back(nearest);
  std::sort(fresh_.begin(), fresh_.end(), shorter);
  merged_.resize(edges_.size() + fresh_.size());
  std::merge(edges_.begin(), edges_.end(), fresh_.begin(), fresh_.end(), merged_.begin(), shorter);
  for (size_t v = 0; v < parent_.size(); ++v) parent_[v] = static_cast<Slot>(v);
  edges_.clear();
  for (const TreeEdge& edge : merged_) {
    if (join(edge)) edges_.push_back(edge);
  }
}

void MinimumTree::remove(Slot gone) {
  torn_.clear();
  std::erase_if(edges_, [&](const TreeEdge& edge) {
    if (edge.older != gone && edge.younger != gone) return false;
    torn_.push_back(edge.older == gone ? edge.younger : edge.older);
    return true;
  });
  if (torn_.size() < 2) return;  // nothing fell apart
  label_pieces(gone);
  // The largest piece waits to be joined; the smallest of the others is cheapest to search.
  for (;;) {
    uint32_t smallest = kNoPiece;
    size_t left = 0;
    for (uint32_t piece = 0; piece < sizes_.size(); ++piece) {
      if (sizes_[piece] == 0) continue;
      ++left;
      if (smallest == kNoPiece || sizes_[piece] < sizes_[smallest]) smallest = piece;
    }
    if (left < 2) return;
    TreeEdge exit{};
    if (!shortest_exit(smallest, exit)) {
      sizes_[smallest] = 0;  // alone below the threshold
      continue;
    }
    add_in_order(exit);
    const uint32_t into = piece_[exit.older] == smallest ? piece_[exit.younger] : piece_[exit.older];
    for (uint32_t& piece : piece_) piece = piece == smallest ? into : piece;
    sizes_[into] += sizes_[smallest];
    sizes_[smallest] = 0;
  }
}

// Numbers the pieces of the torn tree; every other tree of the forest is kNoPiece, being out of reach anyway.
void MinimumTree::label_pieces(Slot gone) {
  for (size_t v = 0; v < parent_.size(); ++v) parent_[v] = static_cast<Slot>(v);
  for (const TreeEdge& edge : edges_) join(edge);
  std::fill(piece_.begin(), piece_.end(), kNoPiece);
  sizes_.assign(torn_.size(), 0);
  for (uint32_t piece = 0; piece < torn_.size(); ++piece) piece_[root_of(torn_[piece])] = piece;
  for (const SlotRange& run : rows_.slots_of(rows_.oldest(), rows_.next())) {
    for (size_t slot = run.begin; slot < run.end; ++slot) {
      if (slot == gone) continue;
      const uint32_t piece = piece_[root_of(static_cast<Slot>(slot))];
      piece_[slot] = piece;
      if (piece != kNoPiece) ++sizes_[piece];
    }
  }
}

// The first edge, in order, from a piece to another one, within the threshold.
bool MinimumTree::shortest_exit(uint32_t piece, TreeEdge& exit) {
  exit.length = kNowhere;
  for (size_t slot = 0; slot < piece_.size(); ++slot) {
    if (piece_[slot] != piece) continue;
    const float* row = rows_.row(static_cast<Slot>(slot));
    const float smallest = row_minimum(row, piece_.data(), piece, piece_.size());
    if (smallest > exit.length || smallest > threshold_) continue;
    for (size_t other = 0; other < piece_.size(); ++other) {
      if (row[other] != smallest || piece_[other] == piece || piece_[other] == kNoPiece) continue;
      const TreeEdge edge = edge_between(static_cast<Slot>(slot), static_cast<Slot>(other));
      if (exit.length == kNowhere || before(edge, exit)) exit = edge;
    }
  }
  return exit.length != kNowhere;
}

void MinimumTree::add_in_order(const TreeEdge& edge) {
  const auto at = std::lower_bound(edges_.begin(), edges_.end(), edge,
                                   [this](const TreeEdge& a, const TreeEdge& b) { return before(a, b); });
  edges_.insert(at, edge);
}

TreeEdge MinimumTree::edge_between(Slot a, Slot b) const {
  return rows_.younger(a, b) ? TreeEdge{rows_.at(a, b), b, a} : TreeEdge{rows_.at(a, b), a, b};
}

bool MinimumTree::before(const TreeEdge& a, const TreeEdge& b) const {
  if (a.length != b.length) return a.length < b.length;
  if (a.younger != b.younger) return rows_.younger(b.younger, a.younger);
  return rows_.younger(b.older, a.older);
}

Slot MinimumTree::root_of(Slot slot) {
  while (parent_[slot] != slot) slot = parent_[slot] = parent_[parent_[slot]];
  return slot;
}

bool MinimumTree::join(const TreeEdge& edge) {
  const Slot a = root_of(edge.older), b = root_of(edge.younger);
  parent_[a] = b;
  return a != b;
}

uint64_t MinimumTree::bytes() const {
  return (edges_.capacity() + fresh_.capacity() + merged_.capacity()) * sizeof(TreeEdge) +
         (parent_.capacity() + torn_.capacity()) * sizeof(Slot) +
         (piece_.capacity() + sizes_.capacity()) * sizeof(uint32_t);
}

uint64_t MinimumTree::predict_bytes(size_t capacity) {
  return static_cast<uint64_t>(capacity) * (8 * sizeof(TreeEdge) + sizeof(Slot) + 3 * sizeof(uint32_t));
}

void MinimumTree::verify() const {
  MinimumTree scratch(rows_, threshold_);
  std::vector<TreeEdge> all;
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    for (Sequence t = s + 1; t < rows_.next(); ++t) {
      const TreeEdge edge = edge_between(rows_.slot_of(s), rows_.slot_of(t));
      if (edge.length <= threshold_) all.push_back(edge);
    }
  }
  std::sort(all.begin(), all.end(), [this](const TreeEdge& a, const TreeEdge& b) { return before(a, b); });
  for (size_t v = 0; v < scratch.parent_.size(); ++v) scratch.parent_[v] = static_cast<Slot>(v);
  size_t next = 0;
  for (const TreeEdge& edge : all) {
    if (!scratch.join(edge)) continue;
    TDA_ASSERT(next < edges_.size());
    TDA_ASSERT(edges_[next].older == edge.older && edges_[next].younger == edge.younger);
    ++next;
  }
  TDA_ASSERT(next == edges_.size());
}

}  // namespace tda::rips
