#include "native/rips/elders.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr GraphEdge kNever = {std::numeric_limits<float>::infinity(), kNoSlot, kNoSlot};
constexpr GraphEdge kNoPair = {0, kNoSlot, kNoSlot};

bool has_pair(const GraphEdge& death) { return death.length != 0; }

bool same(const GraphEdge& a, const GraphEdge& b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

}  // namespace

Elders::Elders(const DistanceRows& rows)
    : rows_(rows),
      age_of_(rows.ages()),
      elder_(rows.capacity()),
      reported_pairs_(rows.capacity()),
      reported_oldest_(rows.oldest()) {}

void Elders::begin() {
  age_of_ = rows_.ages();
  for (size_t age = 0; age < rows_.size(); ++age) elder_[age] = static_cast<Slot>(age);
  deaths_.assign(rows_.size(), kNever);
  if (rows_.points() == rows_.size()) return;
  for (size_t age = 0; age < rows_.size(); ++age) {
    if (rows_.vacant(rows_.slot_of(rows_.oldest() + age))) deaths_[age] = kNoPair;
  }
}

// Points that left come first, being the eldest. A death that names one of them has changed, whoever has its slot now.
void Elders::report(std::span<const PointId> names, std::vector<RipsChange>& removed,
                    std::vector<RipsChange>& entering) {
  const size_t capacity = rows_.capacity();
  const size_t oldest_slot = static_cast<size_t>(reported_oldest_ % capacity);
  const Ages age_then(capacity, oldest_slot);
  const size_t known = reported_deaths_.size();
  const size_t left = static_cast<size_t>(std::min<Sequence>(rows_.oldest() - reported_oldest_, known));
  const auto slot_of = [&](size_t age) {
    const size_t slot = oldest_slot + age;
    return slot < capacity ? slot : slot - capacity;
  };
  for (size_t age = 0; age < left; ++age) {
    if (has_pair(reported_deaths_[age]))
      removed.push_back({ChangeKind::kRemoved, reported_pairs_[slot_of(age)]});
  }
  reported_deaths_.resize(std::max(known, left + deaths_.size()), kNoPair);
  for (size_t age = 0; age < deaths_.size(); ++age) {
    const GraphEdge& before = reported_deaths_[left + age];
    const GraphEdge& now = deaths_[age];
    const bool names_left = age_then(before.older) < left;
    if (same(before, now) & !names_left) continue;  // as nearly all
    const Slot slot = rows_.slot_of(rows_.oldest() + age);
    RipsPair& reported = reported_pairs_[slot];
    if (!has_pair(now)) {
      if (has_pair(before)) removed.push_back({ChangeKind::kRemoved, reported});
      continue;
    }
    const RipsPair pair = pair_of(slot, now, names);
    if (!has_pair(before)) {
      entering.push_back({ChangeKind::kAdded, pair});
    } else if (pair != reported) {
      entering.push_back({ChangeKind::kMoved, pair, reported});
    }
    reported = pair;
  }
  std::swap(reported_deaths_, deaths_);
  reported_oldest_ = rows_.oldest();
}

RipsPair Elders::pair_of(Slot slot, const GraphEdge& death, std::span<const PointId> names) {
  RipsPair pair;
  pair.birth_points[0] = names[slot];
  pair.death = death.length;
  if (death.older == kNoSlot) return pair;
  pair.death_points[0] = names[death.younger];
  pair.death_points[1] = names[death.older];
  return pair;
}

void Elders::list(std::span<const PointId> names, std::vector<RipsPair>& pairs) const {
  for (size_t age = 0; age < deaths_.size(); ++age) {
    if (has_pair(deaths_[age]))
      pairs.push_back(pair_of(rows_.slot_of(rows_.oldest() + age), deaths_[age], names));
  }
}

void Elders::list_reported(std::vector<RipsPair>& pairs) const {
  for (size_t age = 0; age < reported_deaths_.size(); ++age) {
    if (has_pair(reported_deaths_[age]))
      pairs.push_back(reported_pairs_[(reported_oldest_ + age) % rows_.capacity()]);
  }
}

void Elders::verify() const {
  for (size_t age = 0; age < reported_deaths_.size(); ++age) {
    const RipsPair& pair = reported_pairs_[(reported_oldest_ + age) % rows_.capacity()];
    if (has_pair(reported_deaths_[age]))
      TDA_ASSERT(pair.dimension == 0 && pair.death == reported_deaths_[age].length);
  }
}

uint64_t Elders::bytes() const {
  return elder_.capacity() * sizeof(Slot) +
         (deaths_.capacity() + reported_deaths_.capacity()) * sizeof(GraphEdge) +
         reported_pairs_.capacity() * sizeof(RipsPair);
}

}  // namespace tda::rips
