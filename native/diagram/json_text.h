// Text of JSON on its way out: bytes appended to one buffer, numbers as JavaScript's Number::toString writes them.
//
// Number::toString [ECMA-262, 6.1.6.1.20] prints the shortest digits that read back as the same double, the closest
// to it where several are as short; so does std::to_chars in scientific form. What differs is only where the point goes:
//
//   digits d1..dk, value = 0.d1..dk x 10^n      k <= n <= 21    d1..dk 0..0            1e+20 -> 100000000000000000000
//                                               0 < n < k       d1..dn . dn+1..dk
//                                               -6 < n <= 0     0. 0..0 d1..dk         1e-6 -> 0.000001
//                                               otherwise       d1.d2..dk e (n-1)      1e+21, 1e-7
//   (J1) size() <= capacity(); what text() returned is valid until the next change.
// Cost: 5 ns an integer, 30 to 50 ns a fraction (measured); amortised O(1) a byte, no zeroing.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "native/base/assert.h"

namespace tda {

class JsonText {
 public:
  void add(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void add(char byte) {
    *room(1) = byte;
    size_ += 1;
  }
  // REQUIRES: number is finite. -0 is written as 0.
  void add_number(double number) {
    char* const at = room(kNumberMax);
    size_ += static_cast<size_t>(write_number(at, number) - at);
  }
  void clear() {
    size_ = 0;
    if (capacity_ <= kKeptBytes) return;
    bytes_.reset();
    capacity_ = 0;
  }
  std::string_view text() const { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }

 private:
  static constexpr size_t kKeptBytes = size_t{1} << 23;
  static constexpr size_t kNumberMax = 32;  // the longest is -d.dddddddddddddddde-308, 24

  char* room(size_t count) {
    if (size_ + count > capacity_) grow(size_ + count);
    return bytes_.get() + size_;
  }

  void grow(size_t wanted) {
    const size_t capacity = std::max({wanted, 2 * capacity_, size_t{4096}});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  static char* write_number(char* at, double number) {
    TDA_ASSERT(std::isfinite(number));
    if (std::fabs(number) <
        9007199254740992.0) {  // every integer below has at most 16 digits: all are printed
      const auto integer = static_cast<int64_t>(number);
      if (static_cast<double>(integer) == number) return std::to_chars(at, at + kNumberMax, integer).ptr;
    }
    if (number < 0) *at++ = '-';
    char scientific[kNumberMax];
    const char* const end = std::to_chars(scientific, scientific + sizeof scientific, std::fabs(number),
                                          std::chars_format::scientific)
                                .ptr;
    return place_point(at, scientific, end);
  }

  // From d.ddde[+-]xx to where JavaScript has the point.
  static char* place_point(char* at, const char* scientific, const char* end) {
    char digits[kNumberMax];
    int count = 0;
    digits[count++] = *scientific++;
    if (*scientific == '.') {
      for (++scientific; *scientific != 'e'; ++scientific) digits[count++] = *scientific;
    }
    int exponent = 0;
    const char* const exponent_text = scientific + (scientific[1] == '+' ? 2 : 1);
    std::from_chars(exponent_text, end, exponent);
    const int point = exponent + 1;
    const auto put = [&at](const char* from, int bytes) {
      std::memcpy(at, from, static_cast<size_t>(bytes));
      at += bytes;
    };
    const auto zeros = [&at](int bytes) {
      std::memset(at, '0', static_cast<size_t>(bytes));
      at += bytes;
    };
    if (count <= point && point <= 21) {
      put(digits, count);
      zeros(point - count);
    } else if (0 < point && point <= 21) {
      put(digits, point);
      *at++ = '.';
      put(digits + point, count - point);
    } else if (-6 < point && point <= 0) {
      put("0.", 2);
      zeros(-point);
      put(digits, count);
    } else {
      put(digits, 1);
      if (count > 1) {
        *at++ = '.';
        put(digits + 1, count - 1);
      }
      *at++ = 'e';
      *at++ = exponent < 0 ? '-' : '+';
      at = std::to_chars(at, at + 8, std::abs(exponent)).ptr;
    }
    return at;
  }

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace tda
