#include "native/rips/reduction.h"

#include <algorithm>
#include <bit>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr size_t kWordBits = 64;
constexpr uint64_t kFreeKey = static_cast<uint64_t>(-1);
constexpr size_t kMemoMin = 1024;

Slot find_root(std::vector<Slot>& parent, Slot v) {
  while (parent[v] != v) v = parent[v] = parent[parent[v]];
  return v;
}

uint64_t key_of(Slot x, Slot y) { return x < y ? uint64_t{x} << 16 | y : uint64_t{y} << 16 | x; }
size_t home_of(uint64_t key, size_t slots) {
  return static_cast<size_t>((key * 0x9E3779B97F4A7C15ULL) >> 40) & (slots - 1);
}

}  // namespace

void Reduction::run(const std::vector<uint32_t>& order) {
  memo_size_ = 0;
  relations_ = 0;
  memo_.assign(std::max(memo_.size(), kMemoMin), {kFreeKey, 0});
  grow_tree(order);
  words_ = (candidates_.size() + kWordBits - 1) / kWordBits;
  vectors_.clear();
  reduced_.resize(candidates_.size() * words_);
  relation_.resize(words_);
  // Each relation starts with hubs far apart in memory: ask for all of them first.
  for (const uint32_t special : order) {
    const SpecialEdge& edge = lunes_.specials()[special];
    for (const Slot middle : edge.middles) {
      lunes_.prefetch_hub(edge.older, middle);
      lunes_.prefetch_hub(edge.younger, middle);
    }
  }
  for (const uint32_t special : order) {
    const SpecialEdge& edge = lunes_.specials()[special];
    if (edge.kind != LuneKind::kSeveralComponents) continue;
    for (size_t j = 1; j < edge.apexes.size(); ++j) reduce(edge, special, j);
  }
}

// Kruskal along the edges with empty lunes; those that close a cycle are the candidates.
void Reduction::grow_tree(const std::vector<uint32_t>& order) {
  tree_.clear();
  candidates_.clear();
  parent_.resize(rows_.capacity());
  for (size_t slot = 0; slot < parent_.size(); ++slot) parent_[slot] = static_cast<Slot>(slot);
  for (const uint32_t special : order) {
    const SpecialEdge& edge = lunes_.specials()[special];
    if (edge.kind != LuneKind::kEmpty) continue;
    const Slot a = find_root(parent_, edge.older), b = find_root(parent_, edge.younger);
    if (a == b) {
      candidates_.push_back({special, kNoSpecial, kNoSlot});
      remember(edge.older, edge.younger, static_cast<Annotation>(candidates_.size()));
      continue;
    }
    parent_[a] = b;
    tree_.push_back({edge.length, edge.older, edge.younger});
    remember(edge.older, edge.younger, 0);
  }
}

void Reduction::reduce(const SpecialEdge& edge, uint32_t special, size_t component) {
  ++relations_;
  std::fill(relation_.begin(), relation_.end(), 0);
  for (const Slot end : {edge.older, edge.younger}) {
    add(annotate(end, edge.middles.front()), relation_.data());
    add(annotate(end, edge.middles[component]), relation_.data());
  }
  for (size_t word = words_; word-- > 0;) {
    while (relation_[word] != 0) {
      const size_t pivot =
          word * kWordBits + kWordBits - 1 - static_cast<size_t>(std::countl_zero(relation_[word]));
      uint64_t* owner = reduced_.data() + pivot * words_;
      Candidate& candidate = candidates_[pivot];
      if (candidate.death == kNoSpecial) {
        std::copy(relation_.begin(), relation_.begin() + static_cast<std::ptrdiff_t>(word + 1), owner);
        candidate.death = special;
        candidate.apex = edge.apexes[component];
        return;
      }
      for (size_t k = 0; k <= word; ++k)
        relation_[k] ^= owner[k];  // A1: the owner has nothing above its pivot
    }
  }
}

// Depth first without recursion: a chain of hubs can be as long as there are edges.
Reduction::Annotation Reduction::annotate(Slot x, Slot y) {
  Annotation value = 0;
  if (known(x, y, value)) return value;
  pending_.assign(1, {x, y});
  while (!pending_.empty()) {
    const auto [a, b] = pending_.back();
    const Slot hub = lunes_.hub(a, b);
    TDA_ASSERT(hub != kNoSlot);  // edges with empty lunes are known from the start
    Annotation left = 0, right = 0;
    const bool left_known = known(a, hub, left), right_known = known(hub, b, right);
    if (left_known && right_known) {
      pending_.pop_back();
      value = sum(left, right);
      remember(a, b, value);
      continue;
    }
    if (!left_known) pending_.emplace_back(a, hub);
    if (!right_known) pending_.emplace_back(hub, b);
    TDA_ASSERT(pending_.size() <= rows_.size() * rows_.size());
  }
  return value;
}

Reduction::Annotation Reduction::sum(Annotation a, Annotation b) {
  if (a == b) return 0;
  if (a == 0) return b;
  if (b == 0) return a;
  const size_t begin = vectors_.size();
  vectors_.resize(begin + words_, 0);
  add(a, vectors_.data() + begin);
  add(b, vectors_.data() + begin);
  return static_cast<Annotation>(candidates_.size() + 1 + begin / words_);
}

void Reduction::add(Annotation annotation, uint64_t* vector) const {
  if (annotation == 0) return;
  const size_t at = annotation - 1;
  if (at < candidates_.size()) {
    vector[at / kWordBits] ^= uint64_t{1} << (at % kWordBits);
    return;
  }
  const uint64_t* other = vectors_.data() + (at - candidates_.size()) * words_;
  for (size_t k = 0; k < words_; ++k) vector[k] ^= other[k];
}

bool Reduction::known(Slot x, Slot y, Annotation& value) const {
  const uint64_t key = key_of(x, y);
  for (size_t at = home_of(key, memo_.size());; at = (at + 1) & (memo_.size() - 1)) {
    if (memo_[at].key == key) {
      value = memo_[at].value;
      return true;
    }
    if (memo_[at].key == kFreeKey) return false;
  }
}

void Reduction::remember(Slot x, Slot y, Annotation value) {
  if (2 * (memo_size_ + 1) > memo_.size()) rehash(2 * memo_.size());
  const uint64_t key = key_of(x, y);
  size_t at = home_of(key, memo_.size());
  while (memo_[at].key != kFreeKey && memo_[at].key != key) at = (at + 1) & (memo_.size() - 1);
  memo_size_ += memo_[at].key == kFreeKey;
  memo_[at] = {key, value};
}

void Reduction::rehash(size_t slots) {
  std::vector<Memo> old(slots, {kFreeKey, 0});
  old.swap(memo_);
  memo_size_ = 0;
  for (const Memo& memo : old) {
    if (memo.key == kFreeKey) continue;
    size_t at = home_of(memo.key, memo_.size());
    while (memo_[at].key != kFreeKey) at = (at + 1) & (memo_.size() - 1);
    memo_[at] = memo;
    ++memo_size_;
  }
}

uint64_t Reduction::bytes() const {
  return tree_.capacity() * sizeof(TreeEdge) + candidates_.capacity() * sizeof(Candidate) +
         parent_.capacity() * sizeof(Slot) +
         (vectors_.capacity() + reduced_.capacity() + relation_.capacity()) * sizeof(uint64_t) +
         memo_.capacity() * sizeof(Memo) + pending_.capacity() * sizeof(pending_[0]);
}

}  // namespace tda::rips
