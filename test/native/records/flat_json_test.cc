#include "native/records/flat_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tda {
namespace {

const std::vector<std::string> kNames = {"a", "long name"};

bool reads(std::string_view text, double a, double b) {
  double numbers[2] = {};
  return read_flat_json(text, kNames, numbers) && numbers[0] == a && numbers[1] == b;
}

bool unusual(std::string_view text) {
  double numbers[2] = {};
  return !read_flat_json(text, kNames, numbers);
}

TEST(FlatJson, reads_fields_in_any_order_among_others) {
  EXPECT_TRUE(reads(R"({"a":1,"long name":-2.5e3})", 1, -2500));
  EXPECT_TRUE(
      reads(" {\t\"x\" : \"y\" , \"long name\" : 0.1 ,\r\n\"b\":null,\"c\":true,\"d\":false,\"a\":1E+2} ",
            100, 0.1));
  EXPECT_TRUE(reads(R"({"a":1,"a":3,"long name":4})", 3, 4));
  double number[1] = {};
  EXPECT_TRUE(read_flat_json(R"({"a":-0})", std::span(kNames).first(1), number));
  EXPECT_TRUE(std::signbit(number[0]));
}

TEST(FlatJson, leaves_everything_unusual_to_the_parser) {
  for (const char* text : {"",
                           "{",
                           "{}",
                           "[]",
                           "1",
                           R"({"a":1})",
                           R"({"a":1,"long name":2)",
                           R"({"a":1,"long name":2}})",
                           R"({"a":1,"long name":2,})",
                           R"({"a":01,"long name":2})",
                           R"({"a":+1,"long name":2})",
                           R"({"a":.5,"long name":2})",
                           R"({"a":1.,"long name":2})",
                           R"({"a":1e,"long name":2})",
                           R"({"a":0x1,"long name":2})",
                           R"({"a":"1","long name":2})",
                           R"({"a":null,"long name":2})",
                           R"({"a":NaN,"long name":2})",
                           R"({"a":1e999,"long name":2})",
                           R"({"a":1,"long name":2,"b":[]})",
                           R"({"a":1,"long name":2,"b":{}})",
                           R"({"\u0061":1,"a":1,"long name":2})",
                           R"({"a":1 "long name":2})",
                           "{\"a\":1,\"long name\":2,\"b\":\"\xc3\xa9\"}",
                           "{\"a\":1,\"long name\":2,\"b\":\"\x01\"}",
                           R"({"a":1,"long name":2,"b":tru})",
                           R"({"a":1,"long name":-})"}) {
    EXPECT_TRUE(unusual(text)) << text;
  }
}

}  // namespace
}  // namespace tda
