// Every kernel on every instruction set against the definition, on ranges of every length around a block.
#include "native/rips/row_kernels.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace tda::rips {
namespace {

constexpr const char* kTargets[] = {"baseline", "avx2", "avx512"};

class RowKernels : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!force_kernel_target(GetParam())) GTEST_SKIP() << "this machine or build has no " << GetParam();
    ASSERT_EQ(kernel_target(), GetParam());
    std::mt19937_64 random(7);
    for (std::vector<float>& row : rows_) {
      row.resize(kSize);
      for (float& value : row) value = static_cast<float>(random() % 16) / 16;
    }
  }
  void TearDown() override {
    for (const char* target : kTargets) force_kernel_target(target);  // the widest there is
  }

  static constexpr size_t kSize = 300;
  std::vector<float> rows_[4];
};

std::vector<std::pair<size_t, size_t>> ranges() {
  std::vector<std::pair<size_t, size_t>> list;
  for (const size_t begin : {0U, 1U, 17U, 100U}) {
    for (size_t length = 0; length <= 200; length += length < 20 ? 1 : 13)
      list.emplace_back(begin, begin + length);
  }
  return list;
}

TEST_P(RowKernels, oracle_collect_and_outside) {
  for (const auto& [begin, end] : ranges()) {
    for (const float limit : {0.0F, 0.3F, 0.5F, 2.0F}) {
      std::vector<Slot> below, outside;
      for (size_t i = begin; i < end; ++i) {
        if (!(rows_[0][i] < limit && rows_[1][i] < 0.7F)) continue;
        below.push_back(static_cast<Slot>(i));
        if (rows_[2][i] >= 0.75F) outside.push_back(static_cast<Slot>(i));
      }
      const RowLimit a{rows_[0].data(), limit}, b{rows_[1].data(), 0.7F}, c{rows_[2].data(), 0.75F};
      std::vector<Slot> found(kSize);
      found.resize(collect_below(a, b, begin, end, found.data()));
      ASSERT_EQ(found, below) << begin << " to " << end;
      found.resize(kSize);
      found.resize(collect_outside(a, b, c, begin, end, found.data()));
      ASSERT_EQ(found, outside) << begin << " to " << end;
    }
  }
}

TEST_P(RowKernels, oracle_last_below) {
  for (const auto& [begin, end] : ranges()) {
    for (const float limit : {0.1F, 0.2F, 0.4F, 2.0F}) {
      RowLimit limits[4];
      for (size_t k = 0; k < 4; ++k) limits[k] = {rows_[k].data(), limit};
      Slot expected = kNoSlot;
      for (size_t i = begin; i < end; ++i) {
        bool all = true;
        for (const std::vector<float>& row : rows_) all = all && row[i] < limit;
        if (all) expected = static_cast<Slot>(i);
      }
      ASSERT_EQ(last_below(limits, begin, end), expected) << begin << " to " << end;
    }
  }
}

// In the plane: ends at (-1/2, 0) and (1/2, 0). The rank is the depth in the spindle, s^2 + (r + sqrt(3)/2)^2
// <= 1.
TEST_P(RowKernels, oracle_most_central_is_the_deepest_in_the_spindle) {
  std::mt19937_64 random(8);
  for (const size_t count : {1U, 5U, 16U, 40U, 130U}) {
    for (int round = 0; round < 20; ++round) {
      std::vector<float> x(count), y(count), x2(count), y2(count);
      double best = 1e9;
      for (size_t i = 0; i < count; ++i) {
        const double s = static_cast<double>(random() % 2001) / 1000 - 1,
                     r = static_cast<double>(random() % 1000) / 1000;
        x[i] = static_cast<float>(std::hypot(s + 0.5, r));
        y[i] = static_cast<float>(std::hypot(s - 0.5, r));
        x2[i] = x[i] * x[i];
        y2[i] = y[i] * y[i];
        const double outside = s * s + (r + std::sqrt(3) / 2) * (r + std::sqrt(3) / 2) - 1;
        if (outside < best && x[i] < 1 && y[i] < 1) best = outside;
      }
      int32_t score = 0;
      const Slot found = most_central(x.data(), y.data(), 1, Centrality::kSpindle, 0, count, score);
      ASSERT_EQ(found == kNoSlot, best == 1e9);
      ASSERT_EQ(found == kNoSlot, score == 0);
      if (found == kNoSlot) continue;
      ASSERT_TRUE(x[found] < 1 && y[found] < 1);
      int32_t squared_score = 0;
      ASSERT_EQ(most_central(x2.data(), y2.data(), 1, Centrality::kSpindleSquared, 0, count, squared_score),
                found);
      ASSERT_EQ(squared_score, score);
      // Inside the spindle exactly when some point is.
      const double a = double{x[found]} * double{x[found]}, b = double{y[found]} * double{y[found]};
      const double depth = (a + b) * (a + b) - 8 * (a + b) + 4 + 3 * (a - b) * (a - b);
      if (std::abs(best) > 1e-3) ASSERT_EQ(depth > 0 && a + b < 1, best < 0) << best;
    }
  }
}

TEST_P(RowKernels, oracle_most_central_by_the_farther_end) {
  for (const auto& [begin, end] : ranges()) {
    Slot expected = kNoSlot;
    for (size_t i = begin; i < end; ++i) {
      const float farther = std::max(rows_[0][i], rows_[1][i]);
      if (farther >= 0.5F) continue;
      if (expected == kNoSlot || farther < std::max(rows_[0][expected], rows_[1][expected])) {
        expected = static_cast<Slot>(i);
      }
    }
    int32_t score = 0;
    ASSERT_EQ(most_central(rows_[0].data(), rows_[1].data(), 0.5F, Centrality::kFarther, begin, end, score),
              expected);
  }
}

TEST_P(RowKernels, oracle_last_smallest_and_strike_within) {
  constexpr float kStruck = std::numeric_limits<float>::infinity();
  for (const auto& [begin, end] : ranges()) {
    Slot expected = kNoSlot;
    for (size_t i = begin; i < end; ++i) {
      if (expected == kNoSlot || rows_[0][i] <= rows_[0][expected]) expected = static_cast<Slot>(i);
    }
    ASSERT_EQ(last_smallest(rows_[0].data(), begin, end), expected) << begin << " to " << end;
    for (const float above : {-1.0F, 0.25F, 0.75F}) {
      std::vector<float> reach = rows_[0], struck = rows_[0];
      for (size_t i = begin; i < end; ++i) {
        if (reach[i] > above && rows_[1][i] <= reach[i]) struck[i] = kStruck;
      }
      strike_within(reach.data(), rows_[1].data(), above, begin, end);
      ASSERT_EQ(reach, struck) << begin << " to " << end << " above " << above;
    }
  }
  const std::vector<float> far(40, kStruck);
  ASSERT_EQ(last_smallest(far.data(), 3, 40), 39);
}

INSTANTIATE_TEST_SUITE_P(Targets, RowKernels, testing::ValuesIn(kTargets));

}  // namespace
}  // namespace tda::rips
