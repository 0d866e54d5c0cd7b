// Exact sublevel persistence (H0) of a scalar series in a first-in first-out window, and superlevel as the
// same on -f.
//
// Samples are ordered by (value, id). For a sample i let l(i), r(i) be the nearest smaller sample on either
// side, and ML(i), MR(i) the largest sample strictly between l(i) and i, i and r(i). Then
//     death(i) = max(f(i), min(ML(i), MR(i))),      a side without a smaller sample counting as +infinity,
// and only local minima have death(i) > f(i). So only local minima are kept, one node each, in the order of
// their ids, and between neighbours the position of the peak:
//
//     :    .                   .
//     :   / \      .          / \      .         evicted: what is left of the colon
//     :  /   \    / \    .   /   \    /          node 0 (the front) stands for the window's first sample
//     : /     \  /   \  / \ /     \  /
//     :/       \/     \/   v       \/           nodes 1, 2, 3, 4 are minima
//     0        1      2    3       4
//
// *Appending* looks for turning points. A new minimum n pops every larger node j off the stack of suffix
// minima: j has found r(j), and MR(j) is the largest peak between j and n. The node s that stays on top of
// the stack owns l(n), which lies on the ascending run that starts at s, and ML(n) is the largest peak
// between s and n. The stack is the chain of `left` links from the newest node. While the series still falls,
// the newest sample is a node that is moved in place.
//
// *Evicting*: n hangs in a list of s. Nodes that were hung later are smaller and have an earlier l, so as the
// window's first sample a climbs the run of s, the heads of the list lose their left side one after the
// other: f(head) < f(a). The head that went last owns r(a), and its ML is the largest sample between a and
// r(a): a is itself a minimum of the window as long as it lies on an ascending run, and the front node stands
// for it. Past the peak the front node is gone.
//
//   (S1) Node births ascend, peaks lie between them, and each node is a local minimum of the window, the
//        newest sample of a falling series, or (the front node only) the window's first sample on an
//        ascending run.
//   (S2) `left` of a node is an older node with a smaller (value, id); kNone for those whose l has left the
//        window or never was. Along the chain of `left` from the newest node lie exactly the nodes without
//        right side.
//   (S3) A list runs from the newest node to the oldest, values ascend, and its members are exactly the nodes
//        whose `left` is its owner.
//   (S4) A node outside `dirty_` was last reported as it is now.
//   (S5) A removal in the log names a birth that no node has; log births ascend and precede the window's
//        first sample, the one of the tail apart.
//
// Cost: amortised O(1) a sample; O(changed nodes) a report, which comes out in the order of births. A node is
// 56 bytes; there are at most (samples + 1) / 2 + 1.
// Source: our own. The pairing is that of the elder rule (Edelsbrunner, Harer: Computational Topology, 2010,
// VII.1); nearest smaller values by a stack (Berkman, Schieber, Vishkin: J. Algorithms 14, 1993).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "native/base/assert.h"
#include "native/base/index_set.h"
#include "native/base/types.h"
#include "native/diagram/update.h"

namespace tda {

enum class Direction : uint8_t { kSublevel, kSuperlevel };

// A pair, or what happened to it. The values of a removed pair are not known here: whoever holds the points
// has them.
struct SeriesChange {
  ChangeKind kind;
  PointId birth;
  std::optional<PointId> death;  // nothing for the essential class
  double birth_value;
  double death_value;
};

class MonotoneSeries {
 public:
  // At most `samples_max` samples are between first() and next() at any time; at most 2^30.
  MonotoneSeries(Direction direction, size_t samples_max);

  PointId first() const { return first_; }
  PointId next() const { return next_; }

  // The first sample to come gets id `start`. REQUIRES: empty.
  void start_at(PointId start);
  // Appends samples next(), next() + 1, ... with these values. Amortised O(samples).
  void append(std::span<const double> values);
  // Lets the samples before `first` leave; `first_value` is the value of `first`, if that is not next().
  // REQUIRES: first() <= first <= next(). Amortised O(1), nothing is done per sample.
  void evict_to(PointId first, double first_value);

  // Calls sink(SeriesChange) for every pair that differs from the last report, in the order of births, and
  // takes the present diagram as reported. A pair removed and added again unchanged in between does not
  // appear.
  template <class Sink>
  void report(Sink&& sink);
  // Pairs in the diagram at the last report.
  size_t pairs_reported() const { return pairs_reported_; }

  // Calls sink(SeriesChange) with kind kAdded for every pair of the present diagram, in the order of births.
  // O(nodes).
  template <class Sink>
  void diagram(Sink&& sink);

  // Since construction: minima that entered, and how often one was popped off the stack.
  uint64_t minima() const { return minima_; }
  uint64_t popped() const { return popped_; }
  size_t bytes() const;
  // Checks S1 to S5 in O(nodes). For tests, after each step.
  void verify();

 private:
  using Slot = uint32_t;
  using At = uint32_t;  // the low half of a PointId; at most 2^30 ids are in play
  static constexpr Slot kNone = ~Slot{0};
  static constexpr int32_t kNotReported = 0;
  static constexpr int32_t kReportedEssential = std::numeric_limits<int32_t>::min();

  struct Node {
    double value;      // f, negated for superlevel
    double left_max;   // ML; means something while `left` is not kNone
    double right_max;  // MR; +infinity while r is not found
    At birth;
    At left_max_at;
    At right_max_at;
    At peak;           // the largest sample between this node and the next one; not set for the newest node
    Slot left;         // owner of l
    Slot hung;         // newest node whose l lies on this one's ascending run
    Slot next_hung;    // the next older one in the same list
    int32_t reported;  // kNotReported, kReportedEssential or death - birth
  };
  struct Removal {
    At birth;
    int32_t reported;
  };
  struct Side {
    double value;
    At at;
  };

  static bool essential(const Node& node) { return node.left == kNone && node.right_max == kInfinity; }
  // The side that decides; equal values are decided by the smaller id, which is the left one.
  // REQUIRES: !essential.
  static Side death_of(const Node& node) {
    if (node.left != kNone && node.left_max <= node.right_max) return {node.left_max, node.left_max_at};
    return {node.right_max, node.right_max_at};
  }
  static int32_t report_of(const Node& node) {
    if (essential(node)) return kReportedEssential;
    const Side death = death_of(node);
    return death.value == node.value ? kNotReported : static_cast<int32_t>(death.at - node.birth);
  }

  PointId id_of(At at) const {
    return first_ +
           static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(at - static_cast<At>(first_))));
  }
  double outward(double value) const { return negated_ ? -value : value; }
  Slot after(Slot slot) const { return slot + 1 == capacity_ ? 0 : slot + 1; }

  template <bool kNegated>
  void append_run(std::span<const double> values);
  void add_minimum(At at, double value);
  void lower_tail(At at, double value);
  void attach(Slot slot, Slot top, Side largest);
  void settle();
  void lose_left(Slot slot);
  void retire_front();
  void truncate_front(At at, double value);
  void clear();
  void grow();
  SeriesChange removal_change(const Removal& removal) const;
  SeriesChange pair_change(ChangeKind kind, const Node& node) const;

  const bool negated_;
  const size_t nodes_max_;
  PointId first_ = 0;
  PointId next_ = 0;

  std::unique_ptr<Node[]> nodes_;
  Slot capacity_ = 0;
  Slot front_ = 0;  // oldest node
  Slot back_ = 0;   // newest node
  Slot size_ = 0;

  double last_ = 0;            // the newest sample
  bool falling_ = true;        // no sample has followed a lower one since the last minimum
  bool tail_is_node_ = false;  // the newest node stands for the current fall
  Side peak_{0, 0};            // the newest peak

  IndexSet dirty_;
  std::vector<Removal> removals_;
  std::optional<Removal> tail_removal_;  // a reported newest minimum that fell further
  uint64_t minima_ = 0;
  uint64_t popped_ = 0;
  size_t pairs_reported_ = 0;
};

template <class Sink>
void MonotoneSeries::report(Sink&& sink) {
  settle();
  for (const Removal& removal : removals_) sink(removal_change(removal));
  pairs_reported_ -= removals_.size();
  removals_.clear();
  const auto report_tail_removal = [&] {
    sink(removal_change(*tail_removal_));
    pairs_reported_ -= 1;
    tail_removal_.reset();
  };
  const auto visit = [&](size_t slot) {
    dirty_.erase(slot);
    Node& node = nodes_[slot];
    if (tail_removal_ && static_cast<int32_t>(node.birth - tail_removal_->birth) > 0) report_tail_removal();
    const int32_t now = report_of(node);
    if (now == node.reported) return;
    if (now == kNotReported) {
      sink(removal_change({node.birth, node.reported}));
      pairs_reported_ -= 1;
    } else if (node.reported == kNotReported) {
      sink(pair_change(ChangeKind::kAdded, node));
      pairs_reported_ += 1;
    } else {
      sink(pair_change(ChangeKind::kMoved, node));
    }
    node.reported = now;
  };
  for (size_t slot = dirty_.next(front_); slot != IndexSet::kNone; slot = dirty_.next(slot + 1)) visit(slot);
  for (size_t slot = dirty_.next(0); slot != IndexSet::kNone; slot = dirty_.next(slot + 1)) visit(slot);
  if (tail_removal_) report_tail_removal();
}

template <class Sink>
void MonotoneSeries::diagram(Sink&& sink) {
  settle();
  Slot slot = front_;
  for (Slot seen = 0; seen < size_; ++seen, slot = after(slot)) {
    if (report_of(nodes_[slot]) != kNotReported) sink(pair_change(ChangeKind::kAdded, nodes_[slot]));
  }
}

}  // namespace tda
