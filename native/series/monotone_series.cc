#include "native/series/monotone_series.h"

#include <algorithm>

namespace tda {

namespace {
constexpr size_t kNodesMin = 16;
}

MonotoneSeries::MonotoneSeries(Direction direction, size_t samples_max)
    : negated_(direction == Direction::kSuperlevel), nodes_max_((samples_max + 1) / 2 + 1) {
  TDA_ASSERT(samples_max > 0 && samples_max <= size_t{1} << 30);
}

void MonotoneSeries::start_at(PointId start) {
  TDA_ASSERT(first_ == next_);
  first_ = next_ = start;
}

void MonotoneSeries::append(std::span<const double> values) {
  if (values.empty()) return;
  negated_ ? append_run<true>(values) : append_run<false>(values);
}

template <bool kNegated>
void MonotoneSeries::append_run(std::span<const double> values) {
  auto value = values.begin();
  if (first_ == next_) {  // a series starts like the end of a fall
    last_ = kNegated ? -*value : *value;
    falling_ = true;
    tail_is_node_ = false;
    ++next_;
    ++value;
  }
  double last = last_;
  bool falling = falling_;
  At at = static_cast<At>(next_);
  for (; value != values.end(); ++value, ++at) {
    const double sample = kNegated ? -*value : *value;
    if (sample < last) {
      if (!falling) {
        nodes_[back_].peak = at - 1;
        peak_ = {last, at - 1};
        tail_is_node_ = false;
        falling = true;
      }
    } else if (falling) {
      add_minimum(at - 1, last);
      falling = false;
    }
    last = sample;
  }
  next_ += at - static_cast<At>(next_);
  last_ = last;
  falling_ = falling;
}

// While the series falls, its newest sample is a minimum too.
void MonotoneSeries::settle() {
  if (first_ == next_ || !falling_) return;
  add_minimum(static_cast<At>(next_ - 1), last_);
  tail_is_node_ = true;
}

void MonotoneSeries::add_minimum(At at, double value) {
  if (tail_is_node_) {
    if (nodes_[back_].birth != at) lower_tail(at, value);
    return;
  }
  if (size_ == capacity_) grow();
  const Slot top = back_;
  back_ = size_ == 0 ? front_ : after(back_);
  size_ += 1;
  minima_ += 1;
  nodes_[back_] = {.value = value,
                   .left_max = 0,
                   .right_max = kInfinity,
                   .birth = at,
                   .left_max_at = at,
                   .right_max_at = at,
                   .peak = at,
                   .left = kNone,
                   .hung = kNone,
                   .next_hung = kNone,
                   .reported = kNotReported};
  dirty_.insert(back_);
  if (size_ > 1) attach(back_, top, peak_);
}

void MonotoneSeries::lower_tail(At at, double value) {
  Node& tail = nodes_[back_];
  if (tail.reported != kNotReported) {
    tail_removal_ = Removal{tail.birth, tail.reported};
    tail.reported = kNotReported;
  }
  tail.value = value;
  tail.birth = at;
  dirty_.insert(back_);
  if (tail.left == kNone || nodes_[tail.left].value <= value) return;
  const Slot top = tail.left;
  TDA_ASSERT(nodes_[top].hung == back_);  // S3: the newest node heads its list
  nodes_[top].hung = tail.next_hung;
  attach(back_, top, {tail.left_max, tail.left_max_at});
}

// Pops the nodes larger than `slot` off the stack that ends at `top` and hangs `slot` on the one that stays.
// REQUIRES: `largest` is the largest sample between `top` and `slot`.
void MonotoneSeries::attach(Slot slot, Slot top, Side largest) {
  Node& node = nodes_[slot];
  while (top != kNone && nodes_[top].value > node.value) {
    Node& popped = nodes_[top];
    popped_ += 1;
    popped.right_max = largest.value;
    popped.right_max_at = largest.at;
    if (popped.left == kNone) {
      dirty_.insert(top);
      top = kNone;
      break;
    }
    if (popped.left_max > largest.value) {
      dirty_.insert(top);  // only then is its death another one
      largest = {popped.left_max, popped.left_max_at};
    }
    top = popped.left;
  }
  node.left = top;
  node.next_hung = kNone;
  if (top == kNone) return;
  node.left_max = largest.value;
  node.left_max_at = largest.at;
  node.next_hung = nodes_[top].hung;
  nodes_[top].hung = slot;
}

void MonotoneSeries::evict_to(PointId first, double first_value) {
  TDA_ASSERT(first_ <= first && first <= next_);
  if (first == first_) return;
  settle();
  if (first == next_) {
    clear();
    first_ = first;
    return;
  }
  const At at = static_cast<At>(first);
  while (front_ != back_ && static_cast<int32_t>(nodes_[front_].peak - at) <= 0) retire_front();
  if (static_cast<int32_t>(at - nodes_[front_].birth) > 0) truncate_front(at, outward(first_value));
  first_ = first;
}

void MonotoneSeries::lose_left(Slot slot) {
  Node& node = nodes_[slot];
  if (node.left_max <= node.right_max) dirty_.insert(slot);  // it died on the left until now
  node.left = kNone;
}

// The window's first sample is at the front's peak or past it.
void MonotoneSeries::retire_front() {
  const Node& node = nodes_[front_];
  if (node.reported != kNotReported) removals_.push_back({node.birth, node.reported});
  for (Slot slot = node.hung; slot != kNone; slot = nodes_[slot].next_hung) lose_left(slot);
  dirty_.erase(front_);
  front_ = after(front_);
  size_ -= 1;
}

// The window's first sample is on the front's ascending run, and takes its place.
void MonotoneSeries::truncate_front(At at, double value) {
  Node& node = nodes_[front_];
  if (node.reported != kNotReported) removals_.push_back({node.birth, node.reported});
  node.reported = kNotReported;
  node.birth = at;
  node.value = value;
  dirty_.insert(front_);
  while (node.hung != kNone && nodes_[node.hung].value < value) {
    const Node& head = nodes_[node.hung];
    node.right_max = head.left_max;
    node.right_max_at = head.left_max_at;
    const Slot next = head.next_hung;
    lose_left(node.hung);
    node.hung = next;
  }
}

void MonotoneSeries::clear() {
  while (size_ > 0) {
    const Node& node = nodes_[front_];
    if (node.reported != kNotReported) removals_.push_back({node.birth, node.reported});
    dirty_.erase(front_);
    front_ = after(front_);
    size_ -= 1;
  }
  tail_is_node_ = false;
}

void MonotoneSeries::grow() {
  const size_t wanted = std::min(nodes_max_, std::max(kNodesMin, capacity_ + size_t{capacity_} / 2));
  TDA_ASSERT(wanted > capacity_);
  auto nodes = std::make_unique_for_overwrite<Node[]>(wanted);
  IndexSet dirty(wanted);
  const auto moved = [&](Slot slot) {
    return slot == kNone ? kNone : slot >= front_ ? slot - front_ : slot + capacity_ - front_;
  };
  for (Slot slot = 0; slot < capacity_; ++slot) {  // the ring is full: every slot is a node
    Node& node = nodes[moved(slot)] = nodes_[slot];
    node.left = moved(node.left);
    node.hung = moved(node.hung);
    node.next_hung = moved(node.next_hung);
    if (dirty_.contains(slot)) dirty.insert(moved(slot));
  }
  nodes_ = std::move(nodes);
  dirty_ = std::move(dirty);
  front_ = 0;
  back_ = size_ == 0 ? 0 : size_ - 1;
  capacity_ = static_cast<Slot>(wanted);
}

SeriesChange MonotoneSeries::removal_change(const Removal& removal) const {
  SeriesChange change{ChangeKind::kRemoved, id_of(removal.birth), std::nullopt, 0, kInfinity};
  if (removal.reported != kReportedEssential) {
    change.death = id_of(removal.birth + static_cast<At>(removal.reported));
    change.death_value = 0;
  }
  return change;
}

SeriesChange MonotoneSeries::pair_change(ChangeKind kind, const Node& node) const {
  SeriesChange change{kind, id_of(node.birth), std::nullopt, outward(node.value), kInfinity};
  if (!essential(node)) {
    const Side death = death_of(node);
    change.death = id_of(death.at);
    change.death_value = outward(death.value);
  }
  return change;
}

size_t MonotoneSeries::bytes() const {
  return sizeof(*this) + capacity_ * sizeof(Node) + dirty_.bytes() + removals_.capacity() * sizeof(Removal);
}

void MonotoneSeries::verify() {
  settle();
  TDA_ASSERT(size_ <= capacity_ && capacity_ <= nodes_max_);
  TDA_ASSERT((size_ == 0) == (first_ == next_));
  Slot slot = front_;
  for (Slot seen = 0; seen < size_; ++seen, slot = after(slot)) {
    const Node& node = nodes_[slot];
    TDA_ASSERT(id_of(node.birth) >= first_ && id_of(node.birth) < next_);  // S1
    if (slot != back_) {
      TDA_ASSERT(static_cast<int32_t>(node.peak - node.birth) >= 0);
      TDA_ASSERT(static_cast<int32_t>(nodes_[after(slot)].birth - node.peak) > 0);
    }
    if (node.left != kNone) {  // S2
      TDA_ASSERT(nodes_[node.left].value <= node.value);
      TDA_ASSERT(static_cast<int32_t>(nodes_[node.left].birth - node.birth) < 0);
    }
    size_t hung = 0;
    for (Slot at = node.hung; at != kNone; at = nodes_[at].next_hung, ++hung) {  // S3
      TDA_ASSERT(nodes_[at].left == slot && hung <= size_);
      const Slot next = nodes_[at].next_hung;
      TDA_ASSERT(next == kNone || (nodes_[next].value > nodes_[at].value &&
                                   static_cast<int32_t>(nodes_[next].birth - nodes_[at].birth) < 0));
    }
    TDA_ASSERT(dirty_.contains(slot) || node.reported == report_of(node));  // S4
  }
  size_t without_right = 0;
  slot = front_;
  for (Slot seen = 0; seen < size_; ++seen, slot = after(slot))
    without_right += nodes_[slot].right_max == kInfinity;
  size_t on_stack = 0;
  for (Slot at = size_ == 0 ? kNone : back_; at != kNone; at = nodes_[at].left, ++on_stack) {
    TDA_ASSERT(nodes_[at].right_max == kInfinity);  // S2
  }
  TDA_ASSERT(on_stack == without_right);
  for (size_t at = 0; at + 1 < removals_.size(); ++at) {  // S5
    TDA_ASSERT(static_cast<int32_t>(removals_[at].birth - removals_[at + 1].birth) < 0);
  }
}

}  // namespace tda
