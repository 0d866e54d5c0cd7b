// Which column has a simplex as its pivot: an open-addressing hash table that only grows.
//
// Linear probing over a power of two, at most half full. Keys are simplex indices, hashed by Fibonacci's
// constant.
//
// Cost: O(1) expected per call, 16 bytes a slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "native/rips/simplex_index.h"

namespace tda::rips {

class PivotTable {
 public:
  struct Owner {
    uint32_t column;
    uint32_t coefficient;
  };

  PivotTable() : slots_(size_t{1} << kFirstBits) {}

  std::optional<Owner> find(SimplexIndex key) const {
    for (size_t at = slot_of(key);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].key == key) return slots_[at].owner;
      if (slots_[at].key == kEmpty) return std::nullopt;
    }
  }

  // REQUIRES: the key is new.
  void insert(SimplexIndex key, Owner owner) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    size_t at = slot_of(key);
    while (slots_[at].key != kEmpty) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {key, owner};
    ++size_;
  }

  uint64_t bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  static constexpr SimplexIndex kEmpty = -1;
  static constexpr int kFirstBits = 10;
  struct Slot {
    SimplexIndex key = kEmpty;
    Owner owner = {0, 0};
  };

  size_t slot_of(SimplexIndex key) const {
    return static_cast<size_t>((static_cast<uint64_t>(key) * 0x9E3779B97F4A7C15ULL) >> shift_);
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    --shift_;
    size_ = 0;
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) insert(slot.key, slot.owner);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
  int shift_ = 64 - kFirstBits;
};

}  // namespace tda::rips
