// Distances against their definitions, and what cannot have one.
#include "native/rips/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tda::rips {
namespace {

// One distance by way of prepare_point and distances_to.
float distance(const MetricSpec& spec, const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> axes(a.size()), query(a.size());
  EXPECT_EQ(prepare_point(spec, a, axes), Status::kOk);
  EXPECT_EQ(prepare_point(spec, b, query), Status::kOk);
  float out = -1;
  EXPECT_TRUE(distances_to(spec.metric, axes.data(), 1, a.size(), query.data(), 1, &out));
  return out;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < a.size(); ++k) ab += a[k] * b[k], aa += a[k] * a[k], bb += b[k] * b[k];
  return 1 - ab / std::sqrt(aa * bb);
}

TEST(Metric, oracle_definitions) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    const size_t dimension = 2 + random() % 6;
    std::vector<double> a(dimension), b(dimension), weights(dimension);
    for (size_t k = 0; k < dimension; ++k) {
      a[k] = static_cast<double>(random() % 1000) / 100 - 5;
      b[k] = static_cast<double>(random() % 1000) / 100 - 5;
      weights[k] = static_cast<double>(1 + random() % 4) / 2;
    }
    if (round % 2 == 0) weights.clear();
    double square = 0, sum = 0, largest = 0;
    std::vector<double> wa = a, wb = b;
    for (size_t k = 0; k < dimension; ++k) {
      if (!weights.empty()) wa[k] *= weights[k], wb[k] *= weights[k];
      const double delta = std::abs(wa[k] - wb[k]);
      square += delta * delta;
      sum += delta;
      largest = std::max(largest, delta);
    }
    EXPECT_FLOAT_EQ(distance({Metric::kEuclidean, weights}, a, b), static_cast<float>(std::sqrt(square)));
    EXPECT_FLOAT_EQ(distance({Metric::kManhattan, weights}, a, b), static_cast<float>(sum));
    EXPECT_FLOAT_EQ(distance({Metric::kChebyshev, weights}, a, b), static_cast<float>(largest));
    EXPECT_NEAR(distance({Metric::kCosine, weights}, a, b), cosine(wa, wb), 1e-6);
    double mean_a = 0, mean_b = 0;
    for (size_t k = 0; k < dimension; ++k) mean_a += wa[k], mean_b += wb[k];
    for (size_t k = 0; k < dimension; ++k) {
      wa[k] -= mean_a / static_cast<double>(dimension);
      wb[k] -= mean_b / static_cast<double>(dimension);
    }
    EXPECT_NEAR(distance({Metric::kCorrelation, weights}, a, b), cosine(wa, wb), 1e-6);
  }
}

TEST(Metric, law_symmetric_and_zero_on_itself) {
  std::mt19937_64 random(4);
  for (const Metric metric :
       {Metric::kEuclidean, Metric::kManhattan, Metric::kChebyshev, Metric::kCosine, Metric::kCorrelation}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<double> a(4), b(4);
      for (double& x : a) x = static_cast<double>(random()) * 1e-19;
      for (double& x : b) x = static_cast<double>(random()) * 1e-19;
      EXPECT_EQ(distance({metric, {}}, a, b), distance({metric, {}}, b, a));
      EXPECT_EQ(distance({metric, {}}, a, a), 0.0F);
    }
  }
}

TEST(Metric, blocks_and_strides_change_nothing) {
  constexpr size_t kPoints = 700, kStride = 720;
  std::mt19937_64 random(5);
  std::vector<double> axes(3 * kStride), query = {0.5, 0.25, 0.125};
  for (double& x : axes) x = static_cast<double>(random() % 4096) / 4096;
  std::vector<float> out(kPoints);
  ASSERT_TRUE(distances_to(Metric::kEuclidean, axes.data(), kStride, 3, query.data(), kPoints, out.data()));
  for (size_t i = 0; i < kPoints; ++i) {
    const std::vector<double> point = {axes[i], axes[kStride + i], axes[2 * kStride + i]};
    ASSERT_EQ(out[i], distance({Metric::kEuclidean, {}}, point, query)) << i;
  }
}

TEST(Metric, what_has_no_distance_is_refused) {
  std::vector<double> out(2);
  EXPECT_EQ(prepare_point({}, std::vector<double>{1, std::nan("")}, out), Status::kNonFinitePoint);
  EXPECT_EQ(prepare_point({Metric::kEuclidean, {1e200, 1}}, std::vector<double>{1e200, 1}, out),
            Status::kDistanceOverflow);
  EXPECT_EQ(prepare_point({Metric::kCosine, {}}, std::vector<double>{0, -0.0}, out), Status::kNonFinitePoint);
  EXPECT_EQ(prepare_point({Metric::kCorrelation, {}}, std::vector<double>{0.1, 0.1}, out),
            Status::kNonFinitePoint);
  EXPECT_EQ(prepare_point({Metric::kCosine, {}}, std::vector<double>{1e-310, 1e-320}, out), Status::kOk);
  EXPECT_NEAR(std::hypot(out[0], out[1]), 1, 1e-12);
  const std::vector<double> far = {1e39};
  float distance = 0;
  const std::vector<double> zero = {0.0};
  EXPECT_FALSE(distances_to(Metric::kEuclidean, far.data(), 1, 1, zero.data(), 1, &distance));
  EXPECT_EQ(check({Metric::kEuclidean, {1}}, 2), Status::kInvalidArgument);
  EXPECT_EQ(check({Metric::kEuclidean, {1, -1}}, 2), Status::kInvalidArgument);
  EXPECT_EQ(check({}, 0), Status::kInvalidArgument);
}

TEST(Metric, names) {
  EXPECT_EQ(metric_of("euclidean"), Metric::kEuclidean);
  EXPECT_EQ(metric_of("correlation"), Metric::kCorrelation);
  EXPECT_EQ(metric_of("Euclidean"), std::nullopt);
}

}  // namespace
}  // namespace tda::rips
