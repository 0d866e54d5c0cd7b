#include "native/records/flat_json.h"

#include <bit>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <type_traits>

#include "native/base/assert.h"

namespace tda {

namespace {

// A place in the text. Every step answers whether the text goes on as the grammar wants [RFC 8259].
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }
  bool is_at(char byte) const { return at_ != end_ && *at_ == byte; }
  bool take(char byte) {
    if (!is_at(byte)) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  // Between quotes; unusual with an escape, a control character or anything beyond ASCII.
  bool take_text(std::string_view& text) {
    if (!take('"')) return false;
    const char* const begin = at_;
    for (; at_ != end_ && *at_ != '"'; ++at_) {
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte < 0x20 || byte >= 0x80 || byte == '\\') return false;
    }
    text = {begin, static_cast<size_t>(at_ - begin)};
    return take('"');
  }
  bool take_number(std::string_view& number) {
    const char* const begin = at_;
    take('-');
    if (!take('0') && !take_digits()) return false;
    if (take('.') && !take_digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!take_digits()) return false;
    }
    number = {begin, static_cast<size_t>(at_ - begin)};
    return true;
  }

 private:
  bool take_digits() {
    const char* const begin = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != begin;
  }

  const char* at_;
  const char* end_;
};

// The double closest to the text; false beyond the range, and where the library cannot read doubles.
template <class Number>
bool to_double(std::string_view text, Number& number) {
  if constexpr (requires(const char* at) { std::from_chars(at, at, number); }) {
    return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
  } else {
    return false;
  }
}

size_t index_of(std::string_view name, std::span<const std::string> names) {
  size_t index = 0;
  while (index < names.size() && names[index] != name) ++index;
  return index;
}

bool skip_other(Cursor& cursor) {
  std::string_view ignored;
  if (cursor.is_at('"')) return cursor.take_text(ignored);
  return cursor.take("true") || cursor.take("false") || cursor.take("null") || cursor.take_number(ignored);
}

}  // namespace

bool read_flat_json(std::string_view text, std::span<const std::string> names, std::span<double> numbers) {
  TDA_ASSERT(!names.empty() && names.size() <= kFlatFieldsMax && numbers.size() == names.size());
  Cursor cursor(text);
  uint64_t found = 0;
  cursor.skip_space();
  if (!cursor.take('{')) return false;
  do {
    std::string_view name;
    std::string_view number;
    cursor.skip_space();
    if (!cursor.take_text(name)) return false;
    cursor.skip_space();
    if (!cursor.take(':')) return false;
    cursor.skip_space();
    const size_t field = index_of(name, names);
    if (field == names.size()) {
      if (!skip_other(cursor)) return false;
    } else {
      if (!cursor.take_number(number) || !to_double(number, numbers[field])) return false;
      found |= uint64_t{1} << field;
    }
    cursor.skip_space();
  } while (cursor.take(','));
  if (!cursor.take('}')) return false;
  cursor.skip_space();
  return cursor.done() && std::popcount(found) == static_cast<int>(names.size());
}

}  // namespace tda
