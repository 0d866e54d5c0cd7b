#include "native/rips/reduction.h"

#include <algorithm>
#include <bit>

#include "native/base/assert.h"

namespace tda::rips {
namespace {

constexpr size_t kWordBits = 64;
constexpr uint32_t kFreeKey = static_cast<uint32_t>(-1);  // no edge: its ends would be equal
constexpr uint32_t kUnknown = static_cast<uint32_t>(-1);
constexpr size_t kPlacesMin = 1024;
constexpr size_t kNodesKept = 3;  // nodes for each that the last run needed

Slot find_root(std::vector<Slot>& parent, Slot v) {
  while (parent[v] != v) v = parent[v] = parent[parent[v]];
  return v;
}

uint32_t key_of(Slot x, Slot y) { return x < y ? uint32_t{x} << 16 | y : uint32_t{y} << 16 | x; }
size_t home_of(uint32_t key, size_t places) {
  return static_cast<size_t>((key * 0x9E3779B97F4A7C15ULL) >> 40) & (places - 1);
}

}  // namespace

bool Reduction::run(const std::vector<uint32_t>& order, uint64_t bytes_max) {
  relations_ = 0;
  begin_run();
  sort_out(order);
  grow_tree();
  words_ = (candidates_.size() + kWordBits - 1) / kWordBits;
  // Annotations that are sums are about as many as candidates; relations kept are no more.
  if (2 * uint64_t{candidates_.size()} * words_ * sizeof(uint64_t) > bytes_max) return false;
  vectors_.clear();
  reduced_.resize(candidates_.size() * words_);
  relation_.resize(words_);
  list_nodes();
  const NodeIndex* ends = ends_.data();
  for (const uint32_t special : several_) {
    const size_t components = lunes_.components(special).middles.size();
    for (size_t j = 1; j < components; ++j) reduce(special, j, ends);
    ends += 2 * components;
  }
  columns_ += relations_;
  return true;
}

// Without a branch: which of the two an edge is, nothing could foresee.
void Reduction::sort_out(const std::vector<uint32_t>& order) {
  empty_.resize(order.size());
  several_.resize(order.size());
  size_t empty = 0, several = 0;
  for (const uint32_t special : order) {
    const LuneKind kind = lunes_.specials()[special].kind;
    empty_[empty] = several_[several] = special;
    empty += static_cast<size_t>(kind == LuneKind::kEmpty);
    several += static_cast<size_t>(kind == LuneKind::kSeveralComponents);
  }
  empty_.resize(empty);
  several_.resize(several);
}

// Kruskal along the edges with empty lunes; those that close a cycle are the candidates.
void Reduction::grow_tree() {
  tree_.clear();
  candidates_.clear();
  parent_.resize(rows_.capacity());
  for (size_t slot = 0; slot < parent_.size(); ++slot) parent_[slot] = static_cast<Slot>(slot);
  const auto know = [this](uint32_t special, const SpecialEdge& edge, Annotation value) {
    Node& node = nodes_[node_at(links_[special][0], edge.older, edge.younger)];
    node.run = run_;
    node.value = value;
  };
  for (const uint32_t special : empty_) {
    const SpecialEdge& edge = lunes_.specials()[special];
    const Slot a = find_root(parent_, edge.older), b = find_root(parent_, edge.younger);
    if (a == b) {
      candidates_.push_back({special, kNoSpecial, kNoSlot});
      know(special, edge, static_cast<Annotation>(candidates_.size()));
      continue;
    }
    parent_[a] = b;
    tree_.push_back({edge.length, edge.older, edge.younger});
    know(special, edge, 0);
  }
}

// Every edge whose annotation a relation leads to.
void Reduction::list_nodes() {
  ends_.clear();
  listed_.clear();
  for (const uint32_t special : several_) {
    const SpecialEdge& edge = lunes_.specials()[special];
    size_t at = 0;
    for (const Slot middle : lunes_.components(special).middles) {
      for (const Slot end : {edge.older, edge.younger}) {
        ends_.push_back(at < links_[special].size() ? node_at(links_[special][at], end, middle)
                                                    : node_of(end, middle));
        list_node(ends_.back());
        ++at;
      }
    }
  }
  for (size_t n = 0; n < listed_.size(); ++n) {
    const NodeIndex at = listed_[n];
    const Slot x = nodes_[at].x, y = nodes_[at].y, hub = lunes_.hub(x, y);
    TDA_ASSERT(hub != kNoSlot);  // edges with empty lunes are known from the start
    if (nodes_[at].hub != hub) {
      const NodeIndex left = node_of(x, hub), right = node_of(hub, y);
      nodes_[at].hub = hub;
      nodes_[at].left = left;
      nodes_[at].right = right;
    }
    list_node(nodes_[at].left);
    list_node(nodes_[at].right);
  }
}

void Reduction::list_node(NodeIndex at) {
  Node& node = nodes_[at];
  if (node.run == run_) return;
  node.run = run_;
  node.value = kUnknown;
  listed_.push_back(at);
  lunes_.prefetch_hub(node.x, node.y);
}

// Links lead nowhere once nodes are given up.
void Reduction::begin_run() {
  links_.resize(lunes_.specials().size());
  const size_t needed = listed_.size() + tree_.size() + candidates_.size();
  ++run_;
  if (run_ != 0 && nodes_.size() <= kNodesKept * needed + kPlacesMin && !places_.empty()) return;
  run_ = std::max(run_, uint32_t{1});  // new nodes are of run 0
  nodes_.clear();
  places_.assign(std::max(places_.size(), kPlacesMin), {kFreeKey, 0});
}

// `ends`: the nodes from both ends of the edge to the middle of its first component, then of the second, ...
void Reduction::reduce(uint32_t special, size_t component, const NodeIndex* ends) {
  ++relations_;
  std::fill(relation_.begin(), relation_.end(), 0);
  for (const size_t at : {size_t{0}, size_t{1}, 2 * component, 2 * component + 1}) {
    add(evaluate(ends[at]), relation_.data());
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
        candidate.apex = lunes_.components(special).apexes[component];
        return;
      }
      ++pivots_;
      for (size_t k = 0; k <= word; ++k)
        relation_[k] ^= owner[k];  // A1: the owner has nothing above its pivot
    }
  }
}

// Depth first without recursion: a chain of hubs can be as long as there are edges.
Reduction::Annotation Reduction::evaluate(NodeIndex node) {
  if (nodes_[node].value != kUnknown) return nodes_[node].value;
  pending_.assign(1, node);
  while (!pending_.empty()) {
    Node& top = nodes_[pending_.back()];
    const Annotation left = nodes_[top.left].value, right = nodes_[top.right].value;
    if (left != kUnknown && right != kUnknown) {
      if (top.value == kUnknown) top.value = sum(left, right);
      pending_.pop_back();
      continue;
    }
    if (left == kUnknown) pending_.push_back(top.left);
    if (right == kUnknown) pending_.push_back(top.right);
    TDA_ASSERT(pending_.size() <= 2 * nodes_.size());
  }
  return nodes_[node].value;
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

Reduction::NodeIndex Reduction::node_of(Slot x, Slot y) {
  const uint32_t key = key_of(x, y);
  size_t at = home_of(key, places_.size());
  for (; places_[at].key != kFreeKey; at = (at + 1) & (places_.size() - 1)) {
    if (places_[at].key == key) return places_[at].node;
  }
  const NodeIndex node = static_cast<NodeIndex>(nodes_.size());
  places_[at] = {key, node};
  nodes_.push_back({x, y, kNoSlot, 0, 0, kUnknown, 0});
  if (2 * nodes_.size() > places_.size()) rehash(2 * places_.size());
  return node;
}

Reduction::NodeIndex Reduction::node_at(NodeIndex& link, Slot x, Slot y) {
  const bool leads = link < nodes_.size() && key_of(nodes_[link].x, nodes_[link].y) == key_of(x, y);
  return leads ? link : link = node_of(x, y);
}

void Reduction::rehash(size_t places) {
  places_.assign(places, {kFreeKey, 0});
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const uint32_t key = key_of(nodes_[n].x, nodes_[n].y);
    size_t at = home_of(key, places);
    while (places_[at].key != kFreeKey) at = (at + 1) & (places - 1);
    places_[at] = {key, static_cast<NodeIndex>(n)};
  }
}

uint64_t Reduction::bytes() const {
  return tree_.capacity() * sizeof(GraphEdge) + candidates_.capacity() * sizeof(Candidate) +
         parent_.capacity() * sizeof(Slot) +
         (vectors_.capacity() + reduced_.capacity() + relation_.capacity()) * sizeof(uint64_t) +
         nodes_.capacity() * sizeof(Node) + places_.capacity() * sizeof(Place) +
         links_.capacity() * sizeof(Links) + (empty_.capacity() + several_.capacity()) * sizeof(uint32_t) +
         (ends_.capacity() + pending_.capacity() + listed_.capacity()) * sizeof(NodeIndex);
}

}  // namespace tda::rips
