// Delay embeddings of systems whose dimension is known, and of series that have none.
#include "native/series/embedding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace tda {
namespace {

std::vector<double> henon(size_t count) {
  std::vector<double> values;
  double x = 0.1, y = 0.1;
  for (size_t step = 0; step < count + 100; ++step) {
    const double next = 1 - 1.4 * x * x + y;
    y = 0.3 * x;
    x = next;
    if (step >= 100) values.push_back(x);
  }
  return values;
}

std::vector<double> noise(size_t count) {
  std::mt19937_64 random(1);
  std::vector<double> values(count);
  for (double& value : values) value = static_cast<double>(random() >> 11) * 0x1p-53;
  return values;
}

TEST(Embedding, shape_the_henon_map_unfolds_in_two_coordinates) {
  std::vector<EmbeddingRow> rows;
  ASSERT_EQ(embedding_dimensions(henon(3000), 1, 4, rows), Status::kOk);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_GT(rows[0].false_share, 0.5);
  EXPECT_LT(rows[1].false_share, 0.01);
  EXPECT_LT(rows[0].cao_e1, 0.5);
  EXPECT_NEAR(rows[1].cao_e1, 1, 0.1);
  EXPECT_LT(rows[0].cao_e2, 0.5);
}

TEST(Embedding, shape_noise_never_unfolds_and_says_nothing_of_its_future) {
  const std::vector<double> values = noise(3000);
  std::vector<EmbeddingRow> rows;
  ASSERT_EQ(embedding_dimensions(values, 1, 6, rows), Status::kOk);
  for (const EmbeddingRow& row : rows) {
    EXPECT_GT(row.false_share, 0.05);
    EXPECT_NEAR(row.cao_e2, 1, 0.1);
  }
  std::vector<double> bits;
  ASSERT_EQ(mutual_information(values, 20, bits), Status::kOk);
  EXPECT_NEAR(bits[0], std::log2(14.0), 0.3);
  for (size_t delay = 1; delay <= 20; ++delay) EXPECT_LT(bits[delay], 0.03);
}

// What a strictly increasing change of scale leaves alone.
TEST(Embedding, law_mutual_information_depends_on_ranks_alone) {
  const std::vector<double> values = henon(500);
  std::vector<double> bent = values;
  for (double& value : bent) value = std::exp(3 * value);
  std::vector<double> bits, bent_bits;
  ASSERT_EQ(mutual_information(values, 10, bits), Status::kOk);
  ASSERT_EQ(mutual_information(bent, 10, bent_bits), Status::kOk);
  EXPECT_EQ(bits, bent_bits);
}

TEST(Embedding, law_scaling_by_a_power_of_two_changes_nothing) {
  const std::vector<double> values = henon(500);
  std::vector<EmbeddingRow> rows, scaled_rows;
  ASSERT_EQ(embedding_dimensions(values, 1, 3, rows), Status::kOk);
  for (const double factor : {0x1p-1000, 0x1p1000}) {
    std::vector<double> scaled = values;
    for (double& value : scaled) value *= factor;
    ASSERT_EQ(embedding_dimensions(scaled, 1, 3, scaled_rows), Status::kOk);
    for (size_t d = 0; d < rows.size(); ++d) {
      EXPECT_EQ(scaled_rows[d].false_share, rows[d].false_share);
      EXPECT_EQ(scaled_rows[d].cao_e1, rows[d].cao_e1);
    }
  }
}

TEST(Embedding, constant_series_are_one_point) {
  for (const double value : {0.0, 3.0, -1e300}) {
    const std::vector<double> values(100, value);
    std::vector<EmbeddingRow> rows;
    ASSERT_EQ(embedding_dimensions(values, 2, 3, rows), Status::kOk);
    for (const EmbeddingRow& row : rows) EXPECT_EQ(row.false_share, 0);
    std::vector<double> bits;
    ASSERT_EQ(mutual_information(values, 5, bits), Status::kOk);
    EXPECT_EQ(bits, std::vector<double>(6, 0.0));
  }
}

TEST(Embedding, gates) {
  std::vector<EmbeddingRow> rows;
  std::vector<double> bits;
  std::vector<double> values = noise(100);
  EXPECT_EQ(embedding_dimensions(values, 0, 1, rows), Status::kInvalidArgument);
  EXPECT_EQ(embedding_dimensions(values, 1, 0, rows), Status::kInvalidArgument);
  EXPECT_EQ(embedding_dimensions(values, 1, kEmbeddingDimensionMax + 1, rows), Status::kInvalidArgument);
  EXPECT_EQ(embedding_dimensions(values, 20, 1, rows), Status::kOk);
  EXPECT_EQ(embedding_dimensions(values, 21, 1, rows), Status::kInvalidArgument);
  EXPECT_EQ(mutual_information(values, 49, bits), Status::kOk);
  EXPECT_EQ(mutual_information(values, 50, bits), Status::kInvalidArgument);
  EXPECT_EQ(mutual_information(noise(19), 1, bits), Status::kInvalidArgument);
  values[7] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(mutual_information(values, 1, bits), Status::kNonFinitePoint);
  EXPECT_EQ(embedding_dimensions(values, 1, 1, rows), Status::kNonFinitePoint);
}

}  // namespace
}  // namespace tda
