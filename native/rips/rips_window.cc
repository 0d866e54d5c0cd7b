#include "native/rips/rips_window.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

// Rounded down, so that comparing with stored lengths means what the user said.
float stored_threshold(double threshold) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (threshold >= static_cast<double>(kLargest)) return kLargest;
  const float rounded = static_cast<float>(threshold);
  return static_cast<double>(rounded) > threshold ? std::nextafter(rounded, 0.0F) : rounded;
}

// Births in the order of their simplices: vertices by number, edges by (length, younger, older).
bool born_before(const RipsPair& a, const RipsPair& b) {
  return std::tie(a.dimension, a.birth, a.birth_points[0], a.birth_points[1]) <
         std::tie(b.dimension, b.birth, b.birth_points[0], b.birth_points[1]);
}

}  // namespace

Status RipsWindow::check_config(const RipsConfig& config) {
  if (config.window_max == 0 || config.window_max > kRipsWindowMax) return Status::kInvalidArgument;
  if (config.max_dimension < 0 || config.max_dimension > 1) return Status::kInvalidArgument;
  if (std::isnan(config.threshold) || config.threshold < 0) return Status::kInvalidArgument;
  return check(config.metric, config.dimension);
}

uint64_t RipsWindow::predict_bytes(const RipsConfig& config) {
  constexpr uint64_t kPerPoint = 3072;
  return DistanceRows::predict_bytes(config.window_max, config.dimension) +
         LuneIndex::predict_bytes(config.window_max) + kPerPoint * config.window_max;
}

RipsWindow::RipsWindow(const RipsConfig& config)
    : max_dimension_(config.max_dimension),
      rows_(config.window_max, config.dimension, config.metric, config.first),
      lunes_(rows_, stored_threshold(config.threshold)),
      reduction_(rows_, lunes_),
      death_edge_(config.window_max) {}

Status RipsWindow::append(std::span<const double> point) {
  if (const Status status = rows_.append(point); status != Status::kOk) return status;
  lunes_.insert();
  return Status::kOk;
}

Status RipsWindow::append_distances(std::span<const double> distances) {
  if (const Status status = rows_.append_distances(distances); status != Status::kOk) return status;
  lunes_.insert();
  return Status::kOk;
}

Status RipsWindow::evict() {
  if (rows_.size() == 0) return Status::kWindowEmpty;
  lunes_.evict();
  rows_.evict();
  return Status::kOk;
}

void RipsWindow::emit(std::vector<RipsChange>& changes) {
  lunes_.flush();
  update_order();
  reduction_.run(order_, max_dimension_);
  list_pairs();

  // Both lists are in the order of births: one merge finds the changes.
  const size_t begin = changes.size();
  auto now = current_.begin();
  for (const RipsPair& before : reported_) {
    while (now != current_.end() && born_before(*now, before)) ++now;
    if (now == current_.end() || born_before(before, *now)) changes.push_back({ChangeKind::kRemoved, before});
  }
  auto before = reported_.begin();
  for (const RipsPair& pair : current_) {
    while (before != reported_.end() && born_before(*before, pair)) ++before;
    if (before == reported_.end() || born_before(pair, *before)) {
      changes.push_back({ChangeKind::kAdded, pair});
    } else if (*before != pair) {
      changes.push_back({ChangeKind::kMoved, pair});
    }
  }
  TDA_ASSERT(changes.size() - begin <= reported_.size() + current_.size());
  std::swap(reported_, current_);
}

bool RipsWindow::edge_before(uint32_t a, uint32_t b) const {
  const SpecialEdge& left = lunes_.specials()[a];
  const SpecialEdge& right = lunes_.specials()[b];
  if (left.length != right.length) return left.length < right.length;
  if (left.younger != right.younger) return rows_.younger(right.younger, left.younger);
  return rows_.younger(right.older, left.older);
}

// Edges seldom change: what is touched leaves the order, is sorted by itself and merged back.
void RipsWindow::update_order() {
  const std::vector<SpecialEdge>& specials = lunes_.specials();
  std::erase_if(order_, [&](uint32_t s) { return specials[s].touched; });
  fresh_.clear();
  for (const uint32_t s : lunes_.touched()) {
    const LuneKind kind = specials[s].kind;
    if (kind == LuneKind::kEmpty || kind == LuneKind::kSeveralComponents) fresh_.push_back(s);
  }
  const auto before = [this](uint32_t a, uint32_t b) { return edge_before(a, b); };
  std::sort(fresh_.begin(), fresh_.end(), before);
  merged_.resize(order_.size() + fresh_.size());
  std::merge(order_.begin(), order_.end(), fresh_.begin(), fresh_.end(), merged_.begin(), before);
  std::swap(order_, merged_);
  lunes_.clear_touched();
}

void RipsWindow::list_pairs() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<SpecialEdge>& specials = lunes_.specials();
  const auto id_of = [&](Slot slot) { return rows_.sequence_of(slot); };
  current_.clear();
  std::fill(death_edge_.begin(), death_edge_.end(), kNoSpecial);
  for (const TreeDeath& death : reduction_.tree_deaths()) death_edge_[death.vertex] = death.special;
  for (PointId id = rows_.oldest(); id < rows_.next(); ++id) {
    RipsPair pair{0, 0, kInf, {id, kNoPoint}, {kNoPoint, kNoPoint, kNoPoint}};
    if (const uint32_t special = death_edge_[rows_.slot_of(id)]; special != kNoSpecial) {
      const SpecialEdge& edge = specials[special];
      if (edge.length == 0) continue;
      pair.death = edge.length;
      pair.death_points[0] = id_of(edge.younger);
      pair.death_points[1] = id_of(edge.older);
    }
    current_.push_back(pair);
  }
  if (max_dimension_ < 1) return;
  for (const Candidate& candidate : reduction_.candidates()) {
    const SpecialEdge& birth = specials[candidate.birth];
    RipsPair pair{
        1, birth.length, kInf, {id_of(birth.younger), id_of(birth.older)}, {kNoPoint, kNoPoint, kNoPoint}};
    if (candidate.death != kNoSpecial) {
      const SpecialEdge& death = specials[candidate.death];
      if (death.length == birth.length) continue;
      pair.death = death.length;
      pair.death_points[0] = id_of(death.younger);
      pair.death_points[1] = id_of(death.older);
      pair.death_points[2] = id_of(candidate.apex);
    }
    current_.push_back(pair);
  }
}

RipsStatistics RipsWindow::statistics() const {
  const uint64_t bytes = DistanceRows::predict_bytes(rows_.capacity(), rows_.dimension()) + lunes_.bytes() +
                         reduction_.bytes() +
                         (order_.capacity() + fresh_.capacity() + merged_.capacity()) * sizeof(uint32_t) +
                         (reported_.capacity() + current_.capacity()) * sizeof(RipsPair);
  return {lunes_.hubbed(), lunes_.special_count(), reduction_.candidates().size(), reduction_.relations(),
          bytes};
}

void RipsWindow::verify() {
  rows_.verify();
  lunes_.flush();
  lunes_.verify();
}

}  // namespace tda::rips
