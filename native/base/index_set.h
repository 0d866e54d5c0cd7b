// A set of integers below a fixed bound, visited in ascending order.
//
//   level 1    [ 0 1 0 ... ]              one bit says whether a word below has any
//   level 0    [ 0...0 ][ 0110...0 ][ 0...0 ] ...      one bit a member, 64 a word
//
//   (I1) A bit above level 0 is set exactly when the word under it is not zero.
// Cost: insert and erase O(1) (at most one word a level), the next member in O(levels);
// bound / 8 bytes and little more.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tda {

class IndexSet {
 public:
  static constexpr size_t kNone = ~size_t{0};

  explicit IndexSet(size_t bound = 0) {
    do {
      bound = (bound + 63) / 64;
      levels_.emplace_back(bound == 0 ? 1 : bound, uint64_t{0});
    } while (bound > 1);
  }

  void insert(size_t index) {
    for (auto& level : levels_) {
      uint64_t& word = level[index / 64];
      const uint64_t before = word;
      word |= uint64_t{1} << (index % 64);
      if (before != 0) return;
      index /= 64;
    }
  }

  void erase(size_t index) {
    for (auto& level : levels_) {
      uint64_t& word = level[index / 64];
      word &= ~(uint64_t{1} << (index % 64));
      if (word != 0) return;
      index /= 64;
    }
  }

  bool contains(size_t index) const { return (levels_[0][index / 64] >> (index % 64) & 1) != 0; }

  // The smallest member >= index, or kNone.
  size_t next(size_t index) const {
    for (size_t height = 0; height < levels_.size(); ++height) {
      const auto& level = levels_[height];
      if (index / 64 >= level.size()) return kNone;
      const uint64_t rest = level[index / 64] >> (index % 64);
      if (rest != 0) {
        index += static_cast<size_t>(std::countr_zero(rest));
        while (height-- > 0)
          index = index * 64 + static_cast<size_t>(std::countr_zero(levels_[height][index]));
        return index;
      }
      index = index / 64 + 1;
    }
    return kNone;
  }

  size_t bytes() const {
    size_t words = 0;
    for (const auto& level : levels_) words += level.capacity();
    return words * sizeof(uint64_t);
  }

 private:
  std::vector<std::vector<uint64_t>> levels_;
};

}  // namespace tda
