#include "native/rips/lunes.h"

#include <algorithm>
#include <array>

namespace tda::rips {
namespace {

// Settling asks for this much of the spindle's polynomial; it is zero on the surface and about 0.25 in the
// middle. Rounding moves it by less than 1e-5 for lengths above kSettleMin, where floats keep their full
// precision.
constexpr double kSpindleMargin = 1e-4;
constexpr float kSettleMin = 1e-30F;
// No point of the spindle is farther from both ends together than those of its middle circle, 1.0353 |e|: it sees the
// edge at 150 degrees or more. Squared distances to the ends sum up to less than |e|^2. Some room for rounding.
constexpr float kSpindleDetour = 1.036F;
constexpr float kSpindleSquares = 1.001F;
// How many near neighbours of a new point are asked for their hubs.
constexpr size_t kNearest = 5;
// How many bridges of an edge are tried for other exceptions.
constexpr size_t kBridges = 8;
// How far ahead lists of edges are asked for.
constexpr size_t kAhead = 6;

template <typename Item>
size_t bytes_of(const std::vector<Item>& list) {
  return list.capacity() * sizeof(Item);
}
size_t bytes_of(const Components& lune) { return bytes_of(lune.apexes) + bytes_of(lune.middles); }

}  // namespace

LuneIndex::LuneIndex(const DistanceRows& rows, float threshold, uint64_t apexes_max)
    : rows_(rows),
      threshold_(threshold),
      apexes_max_(apexes_max),
      geometry_(geometry_of(rows.metric())),
      stride_(rows.capacity()),
      hubs_(rows.capacity() * rows.capacity(), kNoSlot),
      hubbed_(rows.capacity()),
      expiring_(rows.capacity()),
      gained_(rows.capacity()),
      members_(rows.capacity()) {}

void LuneIndex::insert() {
  const Slot newest = rows_.slot_of(rows_.next() - 1);
  meet_hubbed(newest);
  meet_specials(newest);
  add_edges(newest);
}

// Special edges that are concerned, a few of all, found without a branch. Entries that wait for reuse name slots, too.
template <typename Concerned>
std::span<const uint32_t> LuneIndex::list_specials(Concerned concerned) {
  concerned_.resize(specials_.size());
  size_t found = 0;
  for (uint32_t s = 0; s < specials_.size(); ++s) {
    concerned_[found] = s;
    found +=
        static_cast<size_t>(static_cast<int>(specials_[s].kind != LuneKind::kFree) & concerned(specials_[s]));
  }
  return {concerned_.data(), found};
}

void LuneIndex::evict() {
  const Slot gone = rows_.slot_of(rows_.oldest());
  hubbed_count_ -= hubbed_[gone].size();
  give_up(hubbed_[gone]);
  const float* distances = rows_.row(gone);
  const auto concerned = [&](const SpecialEdge& edge) {  // the oldest of all wins every tie
    return static_cast<int>(edge.older == gone) |
           (static_cast<int>(!edge.dirty) & static_cast<int>(distances[edge.older] <= edge.length) &
            static_cast<int>(distances[edge.younger] <= edge.length));
  };
  for (const uint32_t s : list_specials(concerned)) {
    if (specials_[s].older == gone) {
      free_special(s);
    } else {
      make_dirty(s);
    }
  }
  for (const auto& [older, younger] : expiring_[gone]) {
    std::vector<Hubbed>& list = hubbed_[older];
    const auto found = std::find_if(list.begin(), list.end(), [&, y = younger](const Hubbed& edge) {
      return edge.younger == y && edge.expiry == gone;
    });
    if (found == list.end()) continue;
    make_dirty(add_special({older, found->younger, found->length}));
    list.erase(found);
    --hubbed_count_;
  }
  give_up(expiring_[gone]);
}

void LuneIndex::remove(Slot gone) {
  hubbed_count_ -= hubbed_[gone].size();
  give_up(hubbed_[gone]);
  for (Sequence s = rows_.oldest(); s < rows_.sequence_of(gone); ++s) {
    std::vector<Hubbed>& list = hubbed_[rows_.slot_of(s)];
    hubbed_count_ -= std::erase_if(list, [&](const Hubbed& edge) { return edge.younger == gone; });
  }
  for (uint32_t s = 0; s < specials_.size(); ++s) {
    const SpecialEdge& edge = specials_[s];
    if (edge.kind != LuneKind::kFree && (edge.older == gone || edge.younger == gone)) free_special(s);
  }
  disturb(gone);
  // Of the edges with this hub only settled ones are not special by now.
  std::vector<std::pair<Slot, Slot>> special;
  for (const SpecialEdge& edge : specials_) {
    if (edge.kind != LuneKind::kFree) special.emplace_back(edge.older, edge.younger);
  }
  std::sort(special.begin(), special.end());
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    const Slot older = rows_.slot_of(s);
    for (Sequence t = s + 1; t < rows_.next() && older != gone; ++t) {
      const Slot younger = rows_.slot_of(t);
      const float length = rows_.at(older, younger);
      if (hub(older, younger) != gone || younger == gone || length > threshold_) continue;
      if (std::binary_search(special.begin(), special.end(), std::pair(older, younger))) continue;
      make_dirty(add_special({older, younger, length}));
    }
  }
}

void LuneIndex::place(Slot slot) {
  disturb(slot);
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    const Slot other = rows_.slot_of(s);
    const float length = rows_.at(slot, other);
    if (other == slot || length > threshold_) continue;
    const Edge edge = rows_.younger(slot, other) ? Edge{other, slot, length} : Edge{slot, other, length};
    make_dirty(add_special(edge));
  }
}

// Every edge that may have the point in its lune is to be looked at, but for settled ones, whose hub is
// adjacent to whatever comes or goes.
void LuneIndex::disturb(Slot point) {
  const float* distances = rows_.row(point);
  for (uint32_t s = 0; s < specials_.size(); ++s) {
    const SpecialEdge& edge = specials_[s];
    if (edge.kind == LuneKind::kFree || edge.dirty) continue;
    if (distances[edge.older] <= edge.length && distances[edge.younger] <= edge.length) make_dirty(s);
  }
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    const Slot older = rows_.slot_of(s);
    hubbed_count_ -= std::erase_if(hubbed_[older], [&](const Hubbed& edge) {
      if (!(distances[older] <= edge.length && distances[edge.younger] <= edge.length)) return false;
      make_dirty(add_special({older, edge.younger, edge.length}));
      return true;
    });
  }
}

bool LuneIndex::flush() {
  while (!dirty_.empty()) {
    const uint32_t s = dirty_.back();
    const SpecialEdge& edge = specials_[s];
    if (edge.kind != LuneKind::kFree && edge.dirty) {
      if (apexes_ > apexes_max_) return false;
      const Edge bare{edge.older, edge.younger, edge.length};
      if (certify(bare)) {
        free_special(s);
      } else {
        classify(bare, s);
      }
    }
    specials_[s].queued = false;
    dirty_.pop_back();
  }
  return true;
}

void LuneIndex::clear_touched() {
  for (const uint32_t s : touched_) specials_[s].touched = false;
  touched_.clear();
}

// Every hubbed edge whose lune gains the new point in a way that matters: where it is not adjacent to the hub or may
// settle the edge, which few of those that gain it are. What passes over the others has no branch, which nothing could
// foresee, and an edge shorter than the distance from its older end ends the list.
void LuneIndex::meet_hubbed(Slot newest) {
  const float* distances = rows_.row(newest);
  const float detour = geometry_ == Geometry::kLength       ? kSpindleDetour
                       : geometry_ == Geometry::kHalfSquare ? kSpindleSquares
                                                            : 0;
  for (Sequence s = rows_.oldest(); s + 1 < rows_.next(); ++s) {
    const Slot older = rows_.slot_of(s);
    const float to_older = distances[older];
    std::vector<Hubbed>& list = hubbed_[older];
    if (s + kAhead < rows_.next()) prefetch(hubbed_[rows_.slot_of(s + kAhead)].data());
    size_t found = 0;
    for (size_t i = 0; i < list.size() && to_older < list[i].length; ++i) {
      const Hubbed& edge = list[i];
      const float to_younger = distances[edge.younger];
      gained_[found] = static_cast<Slot>(i);
      const int matters = static_cast<int>(distances[edge.hub] >= edge.length) |
                          static_cast<int>(to_older + to_younger < detour * edge.length);
      found += static_cast<size_t>(static_cast<int>(to_younger < edge.length) & matters);
    }
    size_t erased = 0;
    for (size_t k = 0; k < found; ++k) {
      const size_t at = gained_[k] - erased;
      if (still_hubbed(older, list[at], newest)) continue;
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
      ++erased;
    }
    hubbed_count_ -= erased;
  }
}

// The new point is in the lune: does the certificate hold? If not, the edge has been settled or made special.
bool LuneIndex::still_hubbed(Slot older, Hubbed& edge, Slot newest) {
  const float* distances = rows_.row(newest);
  if (settles(distances[older], distances[edge.younger], edge.length)) {
    set_hub(older, edge.younger, newest);
    return false;
  }
  if (distances[edge.hub] < edge.length) return true;
  const Edge bare{older, edge.younger, edge.length};
  const Slot bridge = youngest_bridge(bare, edge.hub, newest);
  if (bridge == kNoSlot) {
    make_dirty(add_special(bare));
    return false;
  }
  if (rows_.younger(older, bridge) && (edge.expiry == kNoSlot || rows_.younger(edge.expiry, bridge))) {
    edge.expiry = bridge;
    expire_with(bridge, older, edge.younger);
  }
  return true;
}

void LuneIndex::meet_specials(Slot newest) {
  const float* distances = rows_.row(newest);
  const auto concerned = [&](const SpecialEdge& edge) {
    return static_cast<int>(!edge.dirty) & static_cast<int>(distances[edge.older] < edge.length) &
           static_cast<int>(distances[edge.younger] < edge.length);
  };
  for (const uint32_t s : list_specials(concerned)) make_dirty(s);
}

void LuneIndex::add_edges(Slot newest) {
  const float* distances = rows_.row(newest);
  std::array<Slot, kNearest> nearest;
  size_t found = 0;
  for (Sequence s = rows_.oldest(); s + 1 < rows_.next(); ++s) {
    const Slot other = rows_.slot_of(s);
    if (found == kNearest && distances[other] >= distances[nearest[found - 1]]) continue;
    size_t at = found < kNearest ? found++ : kNearest - 1;
    for (; at > 0 && distances[nearest[at - 1]] > distances[other]; --at) nearest[at] = nearest[at - 1];
    nearest[at] = other;
  }
  Slot copy = kNoSlot;  // the oldest copy of the new point among those younger than the older end
  for (Sequence s = rows_.next() - 1; s-- > rows_.oldest();) {
    const Slot older = rows_.slot_of(s);
    const Edge edge{older, newest, distances[older]};
    if (edge.length > threshold_) continue;
    if (edge.length > 0 && copy != kNoSlot) {
      set_hub(older, newest, copy);
      continue;
    }
    if (edge.length == 0 && rows_.equal(older, newest)) copy = older;
    if (inherit(edge, nearest.data(), found) || certify(edge)) continue;
    const uint32_t special = add_special(edge);
    if (apexes_ <= apexes_max_) {
      classify(edge, special);
    } else {
      make_dirty(special);  // flush() will report it
    }
  }
}

// A neighbour's edge to the same point runs nearly alongside, so its hub often settles a new edge too.
bool LuneIndex::inherit(const Edge& edge, const Slot* nearest, size_t count) {
  const float* from_younger = rows_.row(edge.younger);
  const float* from_older = rows_.row(edge.older);
  for (size_t k = 0; k < count; ++k) {
    if (nearest[k] == edge.older) continue;
    const Slot hub = hubs_[size_t{nearest[k]} * stride_ + edge.older];
    if (hub == kNoSlot || !rows_.younger(hub, edge.older)) continue;  // younger than a live point: live
    if (!(from_younger[hub] < edge.length)) continue;
    if (!settles(from_older[hub], from_younger[hub], edge.length)) continue;
    set_hub(edge.older, edge.younger, hub);
    return true;
  }
  return false;
}

// Tries the most central member for a hub, among those younger than the older end if there is one.
bool LuneIndex::certify(const Edge& edge) {
  if (edge.length < kSettleMin) return false;
  const Sequence older = rows_.sequence_of(edge.older);
  Slot hub = most_central_in(edge, older + 1, rows_.next());
  if (hub == kNoSlot) {
    hub = most_central_in(edge, rows_.oldest(), older);
    return hub != kNoSlot && certify_around(edge, hub);
  }
  if (!settles(rows_.at(edge.older, hub), rows_.at(edge.younger, hub), edge.length))
    return certify_around(edge, hub);
  set_hub(edge.older, edge.younger, hub);
  return true;
}

Slot LuneIndex::most_central_in(const Edge& edge, Sequence begin, Sequence end) const {
  const Centrality centrality = geometry_ == Geometry::kLength       ? Centrality::kSpindle
                                : geometry_ == Geometry::kHalfSquare ? Centrality::kSpindleSquared
                                                                     : Centrality::kFarther;
  Slot best = kNoSlot;
  int32_t best_score = 0;
  for (const SlotRange& run : rows_.slots_of(begin, end)) {
    int32_t score = 0;
    const Slot found = most_central(rows_.row(edge.older), rows_.row(edge.younger), edge.length, centrality,
                                    run.begin, run.end, score);
    if (score <= best_score) continue;
    best = found;
    best_score = score;
  }
  return best;
}

// Certifies an edge with the given hub, looking at nothing but the members that are not adjacent to it.
// REQUIRES: hub is in the lune.
bool LuneIndex::certify_around(const Edge& edge, Slot hub) {
  const float limit = edge.length, tied = including(edge.length);
  const float hub_tied = rows_.younger(edge.younger, hub) ? tied : limit;
  const Sequence older = rows_.sequence_of(edge.older), younger = rows_.sequence_of(edge.younger);
  exceptions_.resize(rows_.capacity());
  size_t count = 0;
  const auto collect = [&](Sequence begin, Sequence end, float below_older, float below_younger,
                           float below_hub) {
    for (const SlotRange& run : rows_.slots_of(begin, end)) {
      count += collect_outside({rows_.row(edge.older), below_older}, {rows_.row(edge.younger), below_younger},
                               {rows_.row(hub), below_hub}, run.begin, run.end, exceptions_.data() + count);
    }
  };
  collect(rows_.oldest(), older, tied, tied, hub_tied);
  collect(older + 1, younger, tied, limit, hub_tied);
  collect(younger + 1, rows_.next(), limit, limit, limit);
  Slot expiry = rows_.younger(hub, edge.older) ? kNoSlot : hub;
  // Whether the certificate need not end sooner for this bridge to this member.
  const auto lasts = [&](Slot bridge, Slot member) {
    return rows_.younger(bridge, edge.older) || rows_.younger(bridge, member) ||
           (expiry != kNoSlot && !rows_.younger(expiry, bridge));
  };
  std::array<Slot, kBridges> bridges;  // found so far: exceptions lie close together, and many share one
  size_t known = 0;
  for (size_t k = 0; k < count; ++k) {
    const Slot member = exceptions_[k];
    if (member == hub) continue;
    const auto bridged = [&](Slot bridge) { return adjacent(edge, bridge, member) && lasts(bridge, member); };
    const auto end = bridges.begin() + static_cast<std::ptrdiff_t>(std::min(known, kBridges));
    if (std::any_of(bridges.begin(), end, bridged)) continue;
    const Slot bridge = youngest_bridge(edge, hub, member);
    if (bridge == kNoSlot) return false;
    if (!lasts(bridge, member)) expiry = bridge;
    bridges[known++ % kBridges] = bridge;
  }
  add_hubbed(edge, hub, expiry);
  return true;
}

// Finds the state of an edge whose quick certificate failed. `special` is its entry, given up again where the
// youngest member will do for a hub after all: ties alone can make that the only way.
void LuneIndex::classify(const Edge& edge, uint32_t special) {
  collect_members(edge);
  touch(special);
  SpecialEdge& entry = specials_[special];
  Components& components = components_[special];
  entry.dirty = false;
  apexes_ -= components.apexes.size();
  list_bytes_ -= bytes_of(components);
  find_components(edge, components);
  list_bytes_ += bytes_of(components);
  apexes_ += components.apexes.size();
  switch (components.apexes.size()) {
    case 0:
      entry.kind = LuneKind::kEmpty;
      set_hub(edge.older, edge.younger, kNoSlot);
      return;
    case 1:
      if (certify_around(edge, members_.back())) {
        free_special(special);
        return;
      }
      entry.kind = LuneKind::kOneComponent;
      break;
    default: entry.kind = LuneKind::kSeveralComponents;
  }
  set_hub(edge.older, edge.younger, components.middles.front());
}

// Breadth first over members_, taking from those still waiting: near-linear where the lune graph is dense.
void LuneIndex::find_components(const Edge& edge, Components& components) {
  const float* from_older = rows_.row(edge.older);
  const float* from_younger = rows_.row(edge.younger);
  const auto reach = [&](Slot member) { return std::max(from_older[member], from_younger[member]); };
  components.apexes.clear();
  components.middles.clear();
  waiting_.assign(members_.begin(), members_.end());
  while (!waiting_.empty()) {
    const Slot apex = waiting_.back();  // the youngest left
    waiting_.pop_back();
    Slot middle = apex;
    frontier_.assign(1, apex);
    while (!frontier_.empty() && !waiting_.empty()) {
      const Slot from = frontier_.back();
      frontier_.pop_back();
      size_t kept = 0;
      for (const Slot other : waiting_) {
        if (adjacent(edge, from, other)) {
          frontier_.push_back(other);
          if (reach(other) < reach(middle)) middle = other;
        } else {
          waiting_[kept++] = other;
        }
      }
      waiting_.resize(kept);
    }
    components.apexes.push_back(apex);
    components.middles.push_back(middle);
  }
}

// The order of edges, spelled out for c against e = (older, younger): a tie with e at the older end is won by
// c older than e's younger end, a tie at the younger end by c older than e's older end.
void LuneIndex::collect_members(const Edge& edge) {
  const float limit = edge.length, tied = including(edge.length);
  const float* from_older = rows_.row(edge.older);
  const float* from_younger = rows_.row(edge.younger);
  const Sequence older = rows_.sequence_of(edge.older), younger = rows_.sequence_of(edge.younger);
  members_.resize(rows_.capacity());
  size_t count = 0;
  const auto collect = [&](Sequence begin, Sequence end, float below_older, float below_younger) {
    for (const SlotRange& run : rows_.slots_of(begin, end)) {
      count += collect_below({from_older, below_older}, {from_younger, below_younger}, run.begin, run.end,
                             members_.data() + count);
    }
  };
  collect(rows_.oldest(), older, tied, tied);
  collect(older + 1, younger, tied, limit);
  collect(younger + 1, rows_.next(), limit, limit);
  members_.resize(count);
}

// The youngest lune member adjacent to the hub and to another member, or kNoSlot.
Slot LuneIndex::youngest_bridge(const Edge& edge, Slot hub, Slot member) const {
  const float limit = edge.length, tied = including(edge.length);
  const Sequence older = rows_.sequence_of(edge.older), younger = rows_.sequence_of(edge.younger);
  const float hub_tied = rows_.younger(edge.younger, hub) ? tied : limit;
  const float member_tied = rows_.younger(edge.younger, member) ? tied : limit;
  const auto search = [&](Sequence begin, Sequence end, float below_older, float below_younger,
                          float below_hub, float below_member) {
    const RowLimit limits[4] = {{rows_.row(member), below_member},
                                {rows_.row(hub), below_hub},
                                {rows_.row(edge.older), below_older},
                                {rows_.row(edge.younger), below_younger}};
    const std::array<SlotRange, 2> runs = rows_.slots_of(begin, end);
    const Slot late = last_below(limits, runs[1].begin, runs[1].end);
    return late != kNoSlot ? late : last_below(limits, runs[0].begin, runs[0].end);
  };
  Slot found = search(younger + 1, rows_.next(), limit, limit, limit, limit);
  if (found == kNoSlot) found = search(older + 1, younger, tied, limit, hub_tied, member_tied);
  if (found == kNoSlot) found = search(rows_.oldest(), older, tied, tied, hub_tied, member_tied);
  return found;
}

bool LuneIndex::adjacent(const Edge& edge, Slot a, Slot b) const {
  const float distance = rows_.at(a, b);
  if (distance != edge.length) return distance < edge.length;
  return rows_.younger(edge.younger, a) && rows_.younger(edge.younger, b);
}

// With A and B the squared distances to the ends over |e|^2, S = A + B and D = A - B, the spindle is
// S < 1 and S^2 - 8 S + 4 + 3 D^2 >= 0.
bool LuneIndex::settles(float to_x, float to_y, float length) const {
  if (geometry_ == Geometry::kNone || length < kSettleMin) return false;
  // Fourth powers of a float fit a double, so there is no need to divide.
  double a = static_cast<double>(to_x), b = static_cast<double>(to_y), unit = static_cast<double>(length);
  if (geometry_ == Geometry::kLength) {
    a *= a;
    b *= b;
    unit *= unit;
  }
  const double s = a + b, d = a - b;
  return s < unit && s * s - 8 * s * unit + (4 - kSpindleMargin) * unit * unit + 3 * d * d >= 0;
}

void LuneIndex::add_hubbed(const Edge& edge, Slot hub, Slot expiry) {
  set_hub(edge.older, edge.younger, hub);
  std::vector<Hubbed>& list = hubbed_[edge.older];
  const auto at = std::upper_bound(list.begin(), list.end(), edge.length,
                                   [](float length, const Hubbed& other) { return length > other.length; });
  list_bytes_ -= bytes_of(list);
  list.insert(at, {edge.length, edge.younger, hub, expiry});
  list_bytes_ += bytes_of(list);
  ++hubbed_count_;
  if (expiry != kNoSlot) expire_with(expiry, edge.older, edge.younger);
}

void LuneIndex::expire_with(Slot point, Slot older, Slot younger) {
  auto& list = expiring_[point];
  list_bytes_ -= bytes_of(list);
  list.emplace_back(older, younger);
  list_bytes_ += bytes_of(list);
}

uint32_t LuneIndex::add_special(const Edge& edge) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(specials_.size()));
    specials_.emplace_back();
    components_.emplace_back();
  }
  const uint32_t special = free_.back();
  free_.pop_back();
  SpecialEdge& entry = specials_[special];
  entry.length = edge.length;
  entry.older = edge.older;
  entry.younger = edge.younger;
  entry.kind = LuneKind::kOneComponent;  // until it is classified
  entry.dirty = false;
  return special;
}

// The slot's next list may be far shorter.
template <typename Item>
void LuneIndex::give_up(std::vector<Item>& list) {
  list_bytes_ -= bytes_of(list);
  std::vector<Item>().swap(list);
}

void LuneIndex::touch(uint32_t special) {
  if (specials_[special].touched) return;
  specials_[special].touched = true;
  touched_.push_back(special);
}

void LuneIndex::make_dirty(uint32_t special) {
  SpecialEdge& edge = specials_[special];
  edge.dirty = true;
  if (edge.queued) return;
  edge.queued = true;
  dirty_.push_back(special);
}

void LuneIndex::free_special(uint32_t special) {
  touch(special);
  SpecialEdge& entry = specials_[special];
  entry.kind = LuneKind::kFree;
  entry.dirty = false;
  apexes_ -= components_[special].apexes.size();
  components_[special].apexes.clear();
  components_[special].middles.clear();
  free_.push_back(special);
}

uint64_t LuneIndex::bytes() const {
  const uint64_t sum = hubs_.capacity() * sizeof(Slot) + specials_.capacity() * sizeof(SpecialEdge) +
                       (free_.capacity() + dirty_.capacity() + touched_.capacity()) * sizeof(uint32_t);
  return sum + list_bytes_ + hubbed_.size() * sizeof(hubbed_[0]) + expiring_.size() * sizeof(expiring_[0]) +
         components_.size() * sizeof(components_[0]);
}

uint64_t LuneIndex::predict_bytes(size_t capacity) {
  // Every edge hubbed and expiring, in vectors that have just doubled.
  const uint64_t pairs = static_cast<uint64_t>(capacity) * capacity / 2;
  return static_cast<uint64_t>(capacity) * capacity * sizeof(Slot) +
         pairs * 2 * (sizeof(Hubbed) + sizeof(std::pair<Slot, Slot>));
}

void LuneIndex::verify() const {
  enum class State { kUnknown, kHubbed, kSpecial };
  std::vector<State> states(stride_ * stride_, State::kUnknown);
  std::vector<const SpecialEdge*> entries(stride_ * stride_, nullptr);
  const auto mark = [&](Slot older, Slot younger, State state) {
    TDA_ASSERT(rows_.younger(younger, older));
    State& known = states[size_t{older} * stride_ + younger];
    TDA_ASSERT(known == State::kUnknown);  // L2
    known = state;
  };
  size_t count = 0;
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    for (const Hubbed& edge : hubbed_[rows_.slot_of(s)]) {
      mark(rows_.slot_of(s), edge.younger, State::kHubbed);
      TDA_ASSERT(edge.hub == hub(rows_.slot_of(s), edge.younger));
      ++count;
    }
  }
  TDA_ASSERT(count == hubbed_count_);
  uint64_t apexes_found = 0;
  for (const Components& lune : components_) apexes_found += lune.apexes.size();
  TDA_ASSERT(apexes_found == apexes_);
  uint64_t list_bytes = 0;
  for (const auto& list : hubbed_) list_bytes += bytes_of(list);
  for (const auto& list : expiring_) list_bytes += bytes_of(list);
  for (const Components& lune : components_) list_bytes += bytes_of(lune);
  TDA_ASSERT(list_bytes == list_bytes_);
  for (const SpecialEdge& edge : specials_) {
    if (edge.kind == LuneKind::kFree) continue;
    TDA_ASSERT(!edge.dirty);
    mark(edge.older, edge.younger, State::kSpecial);
    entries[size_t{edge.older} * stride_ + edge.younger] = &edge;
  }
  LuneIndex scratch(rows_, threshold_, apexes_max_);
  Components expected;
  const std::vector<Slot>& apexes = expected.apexes;
  for (Sequence s = rows_.oldest(); s < rows_.next(); ++s) {
    for (Sequence t = s + 1; t < rows_.next(); ++t) {
      const Edge edge{rows_.slot_of(s), rows_.slot_of(t), rows_.at(rows_.slot_of(s), rows_.slot_of(t))};
      const size_t at = size_t{edge.older} * stride_ + edge.younger;
      if (edge.length > threshold_) {
        TDA_ASSERT(states[at] == State::kUnknown);
        continue;
      }
      scratch.collect_members(edge);
      scratch.find_components(edge, expected);
      const Slot member = hub(edge.older, edge.younger);
      TDA_ASSERT(member == hub(edge.younger, edge.older));
      const bool in_lune =
          std::find(scratch.members_.begin(), scratch.members_.end(), member) != scratch.members_.end();
      TDA_ASSERT(apexes.empty() ? member == kNoSlot : in_lune);  // L1
      if (states[at] == State::kSpecial) {
        const Components& known = components_[static_cast<size_t>(entries[at] - specials_.data())];
        TDA_ASSERT(known.apexes == apexes && known.middles == expected.middles);  // L4
        TDA_ASSERT((entries[at]->kind == LuneKind::kEmpty) == apexes.empty());
      } else {
        TDA_ASSERT(apexes.size() == 1);  // L3
      }
    }
  }
}

}  // namespace tda::rips
