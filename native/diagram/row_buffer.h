// Rows of doubles on their way out of an engine (see update.h). Grows by doubling and keeps its memory for
// the next use, up to kKeptDoubles.
//
//   (B1) size() <= capacity(); what add() returned is valid until the next add() or clear().
// Cost: amortised O(row), no zeroing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace tda {

class RowBuffer {
 public:
  // Room for `count` more doubles, not set. May throw std::bad_alloc and is unchanged then.
  double* add(size_t count) {
    if (size_ + count > capacity_) grow(size_ + count);
    double* row = numbers_.get() + size_;
    size_ += count;
    return row;
  }
  void clear() {
    size_ = 0;
    if (capacity_ <= kKeptDoubles) return;
    numbers_.reset();
    capacity_ = 0;
  }
  std::span<const double> numbers() const { return {numbers_.get(), size_}; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }

 private:
  static constexpr size_t kKeptDoubles = size_t{1} << 20;  // 8 MiB

  void grow(size_t wanted) {
    const size_t capacity = std::max({wanted, 2 * capacity_, size_t{256}});
    auto numbers = std::make_unique_for_overwrite<double[]>(capacity);
    std::copy_n(numbers_.get(), size_, numbers.get());
    numbers_ = std::move(numbers);
    capacity_ = capacity;
  }

  std::unique_ptr<double[]> numbers_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace tda
