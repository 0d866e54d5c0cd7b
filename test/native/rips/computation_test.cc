// A batch computation that is watched and stopped from other threads; every kind of input; what it may take.
#include "native/rips/computation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

namespace tda::rips {
namespace {

BatchInput cloud(size_t points) {
  BatchInput input;
  input.dimension = 3;
  for (size_t k = 0; k < 3 * points; ++k) input.numbers.push_back(std::sin(static_cast<double>(k * k)));
  return input;
}

TEST(Computation, every_kind_of_input_gives_the_same_pairs) {
  BatchInput points;
  points.dimension = 1;
  points.numbers = {0, 1, 3};
  BatchInput lower;
  lower.kind = InputKind::kLower;
  lower.numbers = {1, 3, 2};
  BatchInput full;
  full.kind = InputKind::kFull;
  full.numbers = {0, 1, 3, 1, 0, 2, 3, 2, 0};
  BatchInput sparse;
  sparse.kind = InputKind::kSparse;
  sparse.points = 3;
  sparse.rows = {1, 2};
  sparse.columns = {0, 1};
  sparse.numbers = {1, 2};
  for (const BatchInput& input : {points, lower, full, sparse}) {
    EXPECT_EQ(input.size(), 3U);
    Computation computation(input, {});
    BatchResult result;
    Distances::Place place;
    ASSERT_EQ(computation.run(result, place), Status::kOk);
    ASSERT_EQ(result.pairs.size(), 3U);
    EXPECT_EQ(result.pairs[0].death, 1);
    EXPECT_EQ(result.pairs[1].death, 2);
    EXPECT_TRUE(std::isinf(result.pairs[2].death));
    EXPECT_LE(computation.least_bytes(), computation.most_bytes());
  }
}

TEST(Computation, runs_once) {
  Computation computation(cloud(5), {});
  BatchResult result;
  Distances::Place place;
  EXPECT_EQ(computation.run(result, place), Status::kOk);
  EXPECT_EQ(computation.run(result, place), Status::kEngineBusy);
}

TEST(Computation, ends_when_cancelled_before_and_during) {
  BatchOptions options;
  options.max_dimension = 3;
  BatchResult result;
  Distances::Place place;
  Computation before(cloud(400), options);
  before.cancel();
  EXPECT_EQ(before.run(result, place), Status::kCancelled);

  options.threads = 2;
  Computation during(cloud(400), options);
  Status status = Status::kOk;
  std::thread runner([&] { status = during.run(result, place); });
  while (during.progress().dimension < 2) std::this_thread::yield();
  during.cancel();
  runner.join();
  EXPECT_EQ(status, Status::kCancelled);
  EXPECT_TRUE(result.pairs.empty());
}

TEST(Computation, refuses_what_cannot_fit_before_it_computes) {
  BatchOptions options;
  options.memory_max_bytes = 100'000;
  BatchResult result;
  Distances::Place place;
  Computation large(cloud(1000), options);
  EXPECT_GT(large.least_bytes(), options.memory_max_bytes);
  EXPECT_EQ(large.run(result, place), Status::kMemoryLimit);
  // The distances fit and the edges do not.
  options.memory_max_bytes = 150 * 150 * sizeof(float) + 20'000;
  EXPECT_EQ(Computation(cloud(150), options).run(result, place), Status::kMemoryLimit);

  BatchInput many;
  many.kind = InputKind::kSparse;
  many.points = size_t{1} << 40;
  options.max_dimension = 5;
  Computation unnumbered(many, options);
  EXPECT_FALSE(unnumbered.fits());
  EXPECT_EQ(unnumbered.run(result, place), Status::kInvalidArgument);
}

TEST(Computation, keeps_what_was_refused) {
  BatchInput input = cloud(4);
  input.numbers[7] = std::numeric_limits<double>::quiet_NaN();
  Computation computation(input, {});
  BatchResult result;
  Distances::Place place;
  EXPECT_EQ(computation.run(result, place), Status::kNonFinitePoint);
  EXPECT_EQ(place.row, 2U);
  EXPECT_EQ(computation.input().size(), 4U);
}

}  // namespace
}  // namespace tda::rips
