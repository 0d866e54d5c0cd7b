#include "native/diagram/row_buffer.h"

#include <gtest/gtest.h>

namespace tda {
namespace {

TEST(RowBuffer, keeps_rows_in_order_while_it_grows) {
  RowBuffer rows;
  for (size_t row = 0; row < 1000; ++row) {
    double* numbers = rows.add(3);
    for (size_t at = 0; at < 3; ++at) numbers[at] = double(3 * row + at);
  }
  ASSERT_EQ(rows.size(), 3000u);
  for (size_t at = 0; at < rows.size(); ++at) ASSERT_EQ(rows.numbers()[at], double(at));
}

TEST(RowBuffer, keeps_the_memory_of_ordinary_results_only) {
  RowBuffer rows;
  rows.add(1000);
  rows.clear();
  EXPECT_EQ(rows.size(), 0u);
  EXPECT_GE(rows.capacity(), 1000u);
  rows.add(size_t{1} << 21);
  rows.clear();
  EXPECT_EQ(rows.capacity(), 0u);
  rows.add(1)[0] = 5;
  EXPECT_EQ(rows.numbers()[0], 5);
}

}  // namespace
}  // namespace tda
