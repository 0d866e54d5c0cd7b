#include "native/diagram/json_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace tda {
namespace {

std::string text_of(double number) {
  JsonText text;
  text.add_number(number);
  return std::string(text.text());
}

TEST(JsonText, known_numbers_read_as_javascript_writes_them) {
  EXPECT_EQ(text_of(0.0), "0");
  EXPECT_EQ(text_of(-0.0), "0");
  EXPECT_EQ(text_of(-1.5), "-1.5");
  EXPECT_EQ(text_of(1e20), "100000000000000000000");
  EXPECT_EQ(text_of(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(text_of(1e21), "1e+21");
  EXPECT_EQ(text_of(1.5e300), "1.5e+300");
  EXPECT_EQ(text_of(1e-6), "0.000001");
  EXPECT_EQ(text_of(1.25e-6), "0.00000125");
  EXPECT_EQ(text_of(1e-7), "1e-7");
  EXPECT_EQ(text_of(-1.25e-7), "-1.25e-7");
  EXPECT_EQ(text_of(5e-324), "5e-324");
  EXPECT_EQ(text_of(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(text_of(9007199254740992.0), "9007199254740992");
  EXPECT_EQ(text_of(0.1 + 0.2), "0.30000000000000004");
}

TEST(JsonText, law_every_number_reads_back_as_itself) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const double number = std::bit_cast<double>(random());
    if (!std::isfinite(number)) continue;
    const std::string text = text_of(number);
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), number) << text;
    ASSERT_LE(text.size(), 25u);
  }
}

TEST(JsonText, keeps_its_bytes_while_it_grows_and_the_memory_of_ordinary_texts_only) {
  JsonText text;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    text.add_number(i);
    text.add(',');
    expected += std::to_string(i) + ',';
  }
  EXPECT_EQ(text.text(), expected);
  text.clear();
  EXPECT_EQ(text.size(), 0u);
  EXPECT_GE(text.capacity(), expected.size());
  text.add(std::string(size_t{1} << 24, 'x'));
  text.clear();
  EXPECT_EQ(text.capacity(), 0u);
}

}  // namespace
}  // namespace tda
