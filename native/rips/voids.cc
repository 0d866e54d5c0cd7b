#include "native/rips/voids.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "native/base/assert.h"
#include "native/rips/batch.h"

namespace tda::rips {
namespace {

constexpr uint32_t kAbsent = 0;
constexpr int kDimension = 2;

}  // namespace

Status Voids::compute(std::vector<Void>& voids) {
  voids.clear();
  rank_edges();
  if (names_.size() < 4) return Status::kOk;
  std::vector<double> lengths(ranks_.begin(), ranks_.end());
  std::replace(lengths.begin(), lengths.end(), double{kAbsent}, std::numeric_limits<double>::infinity());
  Distances distances;
  Distances::Place place;
  BatchResult result;
  BatchProgress progress;
  if (const Status status = distances.from_lower(lengths, place); status != Status::kOk) return status;
  const BatchOptions options{.max_dimension = kDimension,
                             .threshold = static_cast<double>(edges_.size()),
                             .memory_max_bytes = bytes_max_,
                             .progress = &progress};
  if (const Status status = compute_batch(distances, options, result); status != Status::kOk) return status;
  columns_ += progress.columns_done.load(std::memory_order_relaxed);
  const auto length_of = [this](double rank) { return edges_[static_cast<size_t>(rank) - 1].length; };
  for (const BatchPair& pair : result.pairs) {
    if (pair.dimension != kDimension) continue;
    Void found{length_of(pair.birth), std::numeric_limits<float>::infinity(), {}, {}};
    std::fill(std::begin(found.death_points), std::end(found.death_points), kNoSlot);
    if (pair.death <= options.threshold) {
      found.death = length_of(pair.death);
      if (found.death == found.birth) continue;
      name_simplex(result.vertices.data() + pair.death_begin, 4, found.death_points);
    }
    name_simplex(result.vertices.data() + pair.birth_begin, 3, found.birth_points);
    voids.push_back(found);
  }
  const auto age = [this](Slot slot) { return rows_.sequence_of(slot); };
  std::sort(voids.begin(), voids.end(), [&](const Void& a, const Void& b) {
    const auto edge = [&](const Void& v) {
      return std::tuple(v.birth, age(v.birth_points[0]), age(v.birth_points[1]));
    };
    return edge(a) != edge(b) ? edge(a) < edge(b) : age(a.birth_points[2]) > age(b.birth_points[2]);
  });
  return Status::kOk;
}

void Voids::rank_edges() {
  names_.clear();
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    if (!rows_.vacant(rows_.slot_of(s))) names_.push_back(rows_.slot_of(s));
  }
  edges_.clear();
  for (size_t i = 0; i < names_.size(); ++i) {
    const float* row = rows_.row(names_[i]);
    for (size_t j = 0; j < i; ++j) {
      if (row[names_[j]] > threshold_) continue;
      edges_.push_back({row[names_[j]], static_cast<uint16_t>(j), static_cast<uint16_t>(i)});
    }
  }
  std::sort(edges_.begin(), edges_.end(), [](const Edge& a, const Edge& b) {
    return std::tie(a.length, a.younger, a.older) < std::tie(b.length, b.younger, b.older);
  });
  ranks_.assign(names_.size() < 2 ? 0 : names_.size() * (names_.size() - 1) / 2, kAbsent);
  for (size_t e = 0; e < edges_.size(); ++e) {
    const size_t younger = edges_[e].younger;
    ranks_[younger * (younger - 1) / 2 + edges_[e].older] = static_cast<uint32_t>(e + 1);
  }
}

// `vertices` are places, youngest first.
void Voids::name_simplex(const uint32_t* vertices, size_t count, Slot* names) const {
  size_t a = 0, b = 1;
  for (size_t k = 0; k < count; ++k) {
    for (size_t l = k + 1; l < count; ++l) {
      if (rank(vertices[k], vertices[l]) > rank(vertices[a], vertices[b])) a = k, b = l;
    }
  }
  *names++ = names_[vertices[a]];
  *names++ = names_[vertices[b]];
  for (size_t k = 0; k < count; ++k) {
    if (k != a && k != b) *names++ = names_[vertices[k]];
  }
}

uint64_t Voids::predict_bytes(size_t capacity) {
  const uint64_t pairs = static_cast<uint64_t>(capacity) * capacity / 2;
  return predict_batch_bytes(capacity, kDimension) +
         pairs * (sizeof(Edge) + sizeof(uint32_t) + 2 * sizeof(double));
}

}  // namespace tda::rips
