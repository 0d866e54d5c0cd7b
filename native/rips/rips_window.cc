#include "native/rips/rips_window.h"

#include <algorithm>
#include <cmath>
#include <new>
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

constexpr float kInf = std::numeric_limits<float>::infinity();

// Births in the order of their simplices: vertices by number, edges by (length, younger, older),
// triangles by their longest edge, then the third vertex, youngest first.
bool born_before(const RipsPair& a, const RipsPair& b) {
  return std::tie(a.dimension, a.birth, a.birth_points[0], a.birth_points[1], b.birth_points[2]) <
         std::tie(b.dimension, b.birth, b.birth_points[0], b.birth_points[1], a.birth_points[2]);
}

}  // namespace

Status RipsWindow::check_config(const RipsConfig& config) {
  if (config.window_max == 0 || config.window_max > kRipsWindowMax) return Status::kInvalidArgument;
  if (config.max_dimension < 0 || config.max_dimension > 2) return Status::kInvalidArgument;
  if (config.max_dimension == 2 && config.window_max > kVoidsWindowMax) return Status::kInvalidArgument;
  if (std::isnan(config.threshold) || config.threshold < 0) return Status::kInvalidArgument;
  return check(config.metric, config.dimension);
}

uint64_t RipsWindow::predict_bytes(const RipsConfig& config) {
  constexpr uint64_t kPerPoint = 3072;
  const uint64_t rows = DistanceRows::predict_bytes(config.window_max, config.dimension);
  if (config.max_dimension == 0) {
    return rows + SpanningEdges::predict_bytes(config.window_max) + 4 * sizeof(RipsPair) * config.window_max;
  }
  const uint64_t voids = config.max_dimension < 2 ? 0 : Voids::predict_bytes(config.window_max);
  return rows + LuneIndex::predict_bytes(config.window_max) + kPerPoint * config.window_max + voids;
}

RipsWindow::RipsWindow(const RipsConfig& config)
    : threshold_(stored_threshold(config.threshold)),
      reduction_bytes_max_(config.reduction_bytes_max),
      rows_(config.window_max, config.dimension, config.metric, config.first,
            config.max_dimension == 0 ? Rows::kOlder : Rows::kAll),
      names_(config.window_max),
      elders_(rows_) {
  if (config.max_dimension > 0) {
    const uint64_t apexes_max =
        reduction_bytes_max_ / (4 * sizeof(Slot));  // apexes and middles, in doubling vectors
    loops_ = std::make_unique<Loops>(rows_, threshold_, apexes_max);
  } else {
    spanning_ = std::make_unique<SpanningEdges>(rows_, threshold_, reduction_bytes_max_);
  }
  if (config.max_dimension == 2) {
    const uint64_t bytes_max = reduction_bytes_max_ + Voids::predict_bytes(config.window_max);
    voids_ = std::make_unique<Voids>(rows_, threshold_, bytes_max);
  }
}

Status RipsWindow::create(const RipsConfig& config, std::unique_ptr<RipsWindow>& window) {
  window.reset();
  if (const Status status = check_config(config); status != Status::kOk) return status;
  try {
    window = std::make_unique<RipsWindow>(config);
  } catch (const std::bad_alloc&) {
    return Status::kMemoryLimit;
  }
  return Status::kOk;
}

template <typename Work>
Status RipsWindow::guarded(Work work) {
  if (broken_) return Status::kInternal;
  try {
    return work();
  } catch (const std::bad_alloc&) {
    broken_ = true;
    return Status::kMemoryLimit;
  }
}

Status RipsWindow::append(std::span<const double> point, PointId name) {
  return guarded([&] {
    const Status status = rows_.append(point);
    if (status == Status::kOk) insert_newest(name);
    return status;
  });
}

Status RipsWindow::append_distances(std::span<const double> distances) {
  return guarded([&] {
    const Status status = rows_.append_distances(distances);
    if (status == Status::kOk) insert_newest(rows_.next() - 1);
    return status;
  });
}

void RipsWindow::insert_newest(PointId name) {
  names_[rows_.slot_of(rows_.next() - 1)] = name;
  if (loops_) {
    loops_->lunes.insert();
  } else {
    spanning_->insert();
  }
}

Status RipsWindow::evict() {
  return guarded([&] {
    if (rows_.size() == 0) return Status::kWindowEmpty;
    evict_oldest();
    return Status::kOk;
  });
}

// Vacant places behind the oldest point go with it, so the oldest place is never vacant.
void RipsWindow::evict_oldest() {
  do {
    if (loops_) {
      loops_->lunes.evict();
    } else {
      spanning_->evict();
    }
    rows_.evict();
  } while (rows_.size() > 0 && rows_.vacant(rows_.slot_of(rows_.oldest())));
}

Status RipsWindow::remove(PointId id) {
  return guarded([&] {
    if (id < rows_.oldest() || id >= rows_.next()) return Status::kPointNotRetained;
    const Slot slot = rows_.slot_of(id);
    if (rows_.vacant(slot)) return Status::kPointNotRetained;
    if (id == rows_.oldest()) {
      evict_oldest();
    } else {
      remove_slot(slot);
      rows_.vacate(slot);
    }
    return Status::kOk;
  });
}

Status RipsWindow::move(PointId id, std::span<const double> point) {
  return guarded([&] {
    if (id < rows_.oldest() || id >= rows_.next()) return Status::kPointNotRetained;
    const Slot slot = rows_.slot_of(id);
    if (const Status status = rows_.measure(point, slot); status != Status::kOk) return status;
    if (!rows_.vacant(slot)) remove_slot(slot);
    rows_.place(slot);
    if (loops_) {
      loops_->lunes.place(slot);
    } else {
      spanning_->invalidate();
    }
    return Status::kOk;
  });
}

void RipsWindow::remove_slot(Slot slot) {
  if (loops_) {
    loops_->lunes.remove(slot);
  } else {
    spanning_->invalidate();
  }
}

Status RipsWindow::emit(std::vector<RipsChange>& changes) {
  return guarded([&] {
    const Status status = find_pairs();
    if (status == Status::kOk) list_changes(changes);
    return status;
  });
}

Status RipsWindow::present(std::vector<RipsPair>& pairs) {
  return guarded([&] {
    const Status status = find_pairs();
    if (status != Status::kOk) return status;
    pairs.clear();
    elders_.list(names_, pairs);
    pairs.insert(pairs.end(), current_.begin(), current_.end());
    return status;
  });
}

std::vector<RipsPair> RipsWindow::diagram() const {
  std::vector<RipsPair> pairs;
  elders_.list_reported(pairs);
  pairs.insert(pairs.end(), reported_.begin(), reported_.end());
  return pairs;
}

// Finds the pairs of the window as it stands: those of H0 in elders_, the others in current_.
Status RipsWindow::find_pairs() {
  current_.clear();
  if (loops_) {
    if (!loops_->lunes.flush()) return Status::kMemoryLimit;
    update_order();
    if (!loops_->reduction.run(order_, reduction_bytes_max_)) return Status::kMemoryLimit;
    elders_.begin();
    for (const GraphEdge& edge : loops_->reduction.tree()) elders_.join(edge);
    list_loops();
  } else {
    if (!spanning_->refresh()) return Status::kMemoryLimit;
    columns_ += spanning_->size();
    elders_.begin();
    spanning_->grow([this](const GraphEdge& edge) { return elders_.join(edge); });
  }
  return voids_ ? list_voids() : Status::kOk;
}

// What turns the diagram into what was found, which is the diagram from now on. reported_ and current_ are in the
// order of births, so one merge finds it.
void RipsWindow::list_changes(std::vector<RipsChange>& changes) {
  const size_t begin = changes.size();
  entering_.clear();
  elders_.report(names_, changes, entering_);
  auto now = current_.begin();
  auto before = reported_.begin();
  while (now != current_.end() && before != reported_.end()) {
    if (*now == *before) {
      ++now, ++before;  // as nearly all
    } else if (born_before(*before, *now)) {
      changes.push_back({ChangeKind::kRemoved, *before++});
    } else if (born_before(*now, *before)) {
      entering_.push_back({ChangeKind::kAdded, *now++});
    } else {
      entering_.push_back({ChangeKind::kMoved, *now++, *before++});
    }
  }
  for (; before != reported_.end(); ++before) changes.push_back({ChangeKind::kRemoved, *before});
  for (; now != current_.end(); ++now) entering_.push_back({ChangeKind::kAdded, *now});
  changes.insert(changes.end(), entering_.begin(), entering_.end());
  for (size_t at = begin; at < changes.size(); ++at) {
    size_t& count = reported_counts_[static_cast<size_t>(changes[at].pair.dimension)];
    if (changes[at].kind == ChangeKind::kAdded) ++count;
    if (changes[at].kind == ChangeKind::kRemoved) --count;
  }
  std::swap(reported_, current_);
}

bool RipsWindow::edge_before(uint32_t a, uint32_t b) const {
  const SpecialEdge& left = loops_->lunes.specials()[a];
  const SpecialEdge& right = loops_->lunes.specials()[b];
  if (left.length != right.length) return left.length < right.length;
  if (left.younger != right.younger) return rows_.younger(right.younger, left.younger);
  return rows_.younger(right.older, left.older);
}

// Edges seldom change: what is touched leaves the order, is sorted by itself and merged back.
void RipsWindow::update_order() {
  const std::vector<SpecialEdge>& specials = loops_->lunes.specials();
  std::erase_if(order_, [&](uint32_t s) { return specials[s].touched; });
  fresh_.clear();
  for (const uint32_t s : loops_->lunes.touched()) {
    const LuneKind kind = specials[s].kind;
    if (kind == LuneKind::kEmpty || kind == LuneKind::kSeveralComponents) fresh_.push_back(s);
  }
  const auto before = [this](uint32_t a, uint32_t b) { return edge_before(a, b); };
  std::sort(fresh_.begin(), fresh_.end(), before);
  merged_.resize(order_.size() + fresh_.size());
  std::merge(order_.begin(), order_.end(), fresh_.begin(), fresh_.end(), merged_.begin(), before);
  std::swap(order_, merged_);
  loops_->lunes.clear_touched();
}

void RipsWindow::list_loops() {
  const std::vector<SpecialEdge>& specials = loops_->lunes.specials();
  const auto id_of = [&](Slot slot) { return names_[slot]; };
  for (const Candidate& candidate : loops_->reduction.candidates()) {
    const SpecialEdge& birth = specials[candidate.birth];
    RipsPair pair{.dimension = 1, .birth = birth.length};
    pair.birth_points[0] = id_of(birth.younger);
    pair.birth_points[1] = id_of(birth.older);
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

Status RipsWindow::list_voids() {
  if (const Status status = voids_->compute(present_voids_); status != Status::kOk) return status;
  const auto id_of = [this](Slot slot) { return slot == kNoSlot ? kNoPoint : names_[slot]; };
  for (const Void& found : present_voids_) {
    RipsPair& pair =
        current_.emplace_back(RipsPair{.dimension = 2, .birth = found.birth, .death = found.death});
    std::transform(std::begin(found.birth_points), std::end(found.birth_points), pair.birth_points, id_of);
    std::transform(std::begin(found.death_points), std::end(found.death_points), pair.death_points, id_of);
  }
  return Status::kOk;
}

RipsStatistics RipsWindow::statistics() const {
  RipsStatistics statistics{};
  statistics.bytes = DistanceRows::predict_bytes(rows_.capacity(), rows_.dimension()) +
                     (order_.capacity() + fresh_.capacity() + merged_.capacity()) * sizeof(uint32_t) +
                     (reported_.capacity() + current_.capacity()) * sizeof(RipsPair) +
                     entering_.capacity() * sizeof(RipsChange) + names_.capacity() * sizeof(PointId) +
                     elders_.bytes();
  if (spanning_) {
    statistics.bytes += spanning_->bytes();
    statistics.columns = columns_;
    return statistics;
  }
  statistics.hubbed = loops_->lunes.hubbed();
  statistics.specials = loops_->lunes.special_count();
  statistics.candidates = loops_->reduction.candidates().size();
  statistics.relations = loops_->reduction.relations();
  statistics.bytes += loops_->lunes.bytes() + loops_->reduction.bytes();
  statistics.columns = loops_->reduction.columns();
  statistics.pivots = loops_->reduction.pivots();
  if (voids_) {
    statistics.bytes += voids_->bytes() + present_voids_.capacity() * sizeof(Void);
    statistics.columns += voids_->columns();
  }
  return statistics;
}

void RipsWindow::verify() {
  rows_.verify();
  elders_.verify();
  if (spanning_) {
    if (spanning_->refresh()) spanning_->verify();
    return;
  }
  const bool flushed = loops_->lunes.flush();
  if (flushed) loops_->lunes.verify();
}

}  // namespace tda::rips
