// Which edges of a sliding window have an empty lune, and which have one of several components.
//
// Edges are ordered by (length, younger end, older end). The lune of e = xy holds the points whose edges to
// x and to y both come before e; it is the vertex set of the link of e as e enters, and two members are
// joined when the edge between them comes before e. Entering, e changes H0 or H1 only if its lune is empty
// (an edge of the relative neighbourhood graph) or has several components; of half a million edges that is a
// few thousand. The others carry a certificate of "one component" that outlasts most of what happens:
//
//   settled   A *hub*, a member younger than e's older end, in the spindle around e: adjacent to every point
//             a lune of e can ever hold, so e is never looked at again. The spindle holds the points within
//             |e| of the whole lune, s^2 + (r + sqrt(3)/2)^2 <= 1 at distance s along and r across from the
//             middle of a unit edge; a margin keeps rounding and ties out. Euclidean geometry only. In any
//             geometry a hub may also be a *copy* of y, the younger end, that is younger than x and older than
//             y: a member c is as far from it as from y, and where that length ties with e, c is older than x,
//             so that the edge from c to the copy has the older younger end and comes before e too. Points
//             that leave in order of age never take a settling hub with them; remove() looks for those that
//             do.
//   hubbed    A hub, and for each member not adjacent to it a *bridge*, a member adjacent to both, that
//             outlives the member or e. Where only an older hub or bridge exists, the certificate expires
//             with it.
//   special   Everything else: empty, several components, or one without a certificate. Looked at again
//             whenever its lune gains or loses a member.
//
// (L1) The hub of a settled or hubbed edge is live and in its lune; hub(x, y) is a lune member for every edge
//      within the threshold whose lune is not empty, once flush() has run.
// (L2) Every edge within the threshold is in exactly one of the three states.
// (L3) All members of a settled or hubbed edge are in one component, until the certificate expires.
// (L4) A special edge that is not dirty knows the components of its lune.
//
// A new point p is the youngest, so on existing edges "p in the lune" and "p adjacent to c" are a plain `<`.
// Cost of a step: O(hubbed edges + special edges) comparisons, O(W) for the new edges whose hub is inherited
// from a neighbour of p, and one pass over two rows for each edge to be looked at. Memory: 2 W^2 bytes for
// hubs, 12 bytes an unsettled edge. Figures are in benchmarks/RESULTS.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "native/rips/distance_rows.h"

namespace tda::rips {

enum class LuneKind : uint8_t { kFree, kEmpty, kOneComponent, kSeveralComponents };

struct SpecialEdge {
  float length = 0;
  Slot older = kNoSlot;
  Slot younger = kNoSlot;
  LuneKind kind = LuneKind::kFree;  // kFree: no edge, the entry is waiting for reuse
  bool dirty = false;               // to be looked at by flush()
  bool queued = false;              // in the list of flush(), whether dirty still or not
  bool touched = false;             // changed since clear_touched()
};

// The components of a special edge's lune, apart from the edge: every step reads all special edges, but few lunes.
struct Components {
  std::vector<Slot> apexes;   // the youngest member of each, youngest first
  std::vector<Slot> middles;  // the most central member of each, in the same order
};

class LuneIndex {
 public:
  // Keeps the reference. `threshold`: longer edges do not exist. `apexes_max`: how many components the
  // special edges may have together.
  LuneIndex(const DistanceRows& rows, float threshold, uint64_t apexes_max);

  // The newest point of `rows` has just been appended.
  void insert();
  // The oldest point of `rows` is about to be evicted.
  void evict();
  // A live point is about to be removed out of turn, or moved: what was certified with its help is to be
  // looked at again, O(W^2) here and a pass over rows per such edge in flush(): ten to a hundred times the
  // cost of a step.
  void remove(Slot gone);
  // A live point has been given new distances, after remove(). The same cost.
  void place(Slot slot);
  // Looks at the dirty edges, so that L1 and L4 hold for all. Many steps may pass between two flushes. False
  // when apexes_max is reached; the edges that are left stay dirty, and a later flush may succeed.
  [[nodiscard]] bool flush();

  const std::vector<SpecialEdge>& specials() const { return specials_; }
  // REQUIRES: flushed.
  const Components& components(uint32_t special) const { return components_[special]; }
  // Entries of specials() that changed, whatever they hold now, each once.
  const std::vector<uint32_t>& touched() const { return touched_; }
  void clear_touched();
  // A lune member of the edge ab, or kNoSlot for an empty lune.
  Slot hub(Slot a, Slot b) const { return hubs_[size_t{a} * stride_ + b]; }

  void prefetch_hub(Slot a, Slot b) const { prefetch(&hubs_[size_t{a} * stride_ + b]); }

  size_t hubbed() const { return hubbed_count_; }
  size_t special_count() const { return specials_.size() - free_.size(); }
  uint64_t bytes() const;
  static uint64_t predict_bytes(size_t capacity);
  // Checks L1-L4 from scratch. REQUIRES: flushed. O(W^4); for tests.
  void verify() const;

 private:
  struct Hubbed {
    float length;
    Slot younger;
    Slot hub;
    Slot expiry;  // the point whose eviction ends the certificate, or kNoSlot
  };
  struct Edge {
    Slot older;
    Slot younger;
    float length;
  };

  void meet_hubbed(Slot newest);
  void disturb(Slot point);
  bool still_hubbed(Slot older, Hubbed& edge, Slot newest);
  void meet_specials(Slot newest);
  template <typename Concerned>
  std::span<const uint32_t> list_specials(Concerned concerned);
  void add_edges(Slot newest);
  bool inherit(const Edge& edge, const Slot* nearest, size_t count);
  bool certify_around(const Edge& edge, Slot hub);
  void classify(const Edge& edge, uint32_t special);
  bool certify(const Edge& edge);
  Slot most_central_in(const Edge& edge, Sequence begin, Sequence end) const;
  void find_components(const Edge& edge, Components& components);
  void collect_members(const Edge& edge);
  Slot youngest_bridge(const Edge& edge, Slot hub, Slot member) const;

  bool adjacent(const Edge& edge, Slot a, Slot b) const;
  bool settles(float to_x, float to_y, float length) const;
  void set_hub(Slot a, Slot b, Slot hub) {
    hubs_[size_t{a} * stride_ + b] = hubs_[size_t{b} * stride_ + a] = hub;
  }
  void add_hubbed(const Edge& edge, Slot hub, Slot expiry);
  void expire_with(Slot point, Slot older, Slot younger);
  template <typename Item>
  void give_up(std::vector<Item>& list);
  uint32_t add_special(const Edge& edge);
  void touch(uint32_t special);
  void make_dirty(uint32_t special);
  void free_special(uint32_t special);

  const DistanceRows& rows_;
  float threshold_;
  uint64_t apexes_max_;
  uint64_t apexes_ = 0;  // of all special edges
  Geometry geometry_;
  size_t stride_;
  std::vector<Slot> hubs_;                   // capacity x capacity
  std::vector<std::vector<Hubbed>> hubbed_;  // by slot of the older end, longest first
  // Edges by the point their certificate expires with.
  std::vector<std::vector<std::pair<Slot, Slot>>> expiring_;
  std::vector<SpecialEdge> specials_;
  std::vector<Components> components_;  // of the special edge with the same index
  std::vector<uint32_t> free_;
  std::vector<uint32_t> dirty_;  // each entry of specials_ at most once
  std::vector<uint32_t> touched_;
  size_t hubbed_count_ = 0;
  uint64_t list_bytes_ = 0;          // of the lists in hubbed_, expiring_ and components_
  std::vector<uint32_t> concerned_;  // scratch of list_specials
  std::vector<Slot> gained_;         // scratch of meet_hubbed: places in a list of hubbed_
  std::vector<Slot> members_;        // scratch: the lune at hand, oldest first
  std::vector<Slot> exceptions_;     // scratch of certify_around
  std::vector<Slot> waiting_;        // scratch of find_components
  std::vector<Slot> frontier_;
};

}  // namespace tda::rips
