// compute_batch against whole-matrix reduction, against published diagrams, and at its gates.
#include "native/rips/batch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "native/base/types.h"
#include "test/native/support/naive_rips.h"

namespace tda::rips {
namespace {

using test::naive_bars;
using test::NaiveBar;
using test::NaiveDistances;

Distances stored(const NaiveDistances& matrix) {
  std::vector<double> full(matrix.values.begin(), matrix.values.end());
  Distances distances;
  Distances::Place place;
  EXPECT_EQ(distances.from_full(full, place), Status::kOk);
  return distances;
}

std::vector<NaiveBar> bars_of(const BatchResult& result) {
  std::vector<NaiveBar> bars;
  for (const BatchPair& pair : result.pairs) {
    bars.push_back({pair.dimension, static_cast<float>(pair.birth), static_cast<float>(pair.death)});
  }
  std::sort(bars.begin(), bars.end());
  return bars;
}

BatchResult batch(const Distances& distances, const BatchOptions& options) {
  BatchResult result;
  EXPECT_EQ(compute_batch(distances, options, result), Status::kOk);
  return result;
}

NaiveDistances random_matrix(std::mt19937_64& random, size_t n, int lengths) {
  NaiveDistances matrix(n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) {
      const auto draw = static_cast<float>(random() % static_cast<uint64_t>(lengths));
      matrix.set(i, j, draw + 1);
    }
  }
  return matrix;
}

float diameter(const NaiveDistances& matrix, const uint32_t* vertices, size_t count) {
  float largest = 0;
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = 0; b < a; ++b) largest = std::max(largest, matrix.at(vertices[a], vertices[b]));
  }
  return largest;
}

TEST(Batch, oracle_equals_whole_matrix_reduction_over_several_fields) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    const size_t n = 1 + random() % 8;
    const NaiveDistances matrix = random_matrix(random, n,
                                                round % 3 == 0   ? 3
                                                : round % 3 == 1 ? 12
                                                                 : 1'000'000);
    const Distances dense = stored(matrix);
    BatchOptions options;
    options.max_dimension = static_cast<int>(random() % 4);
    options.modulus = std::vector<uint32_t>{2, 3, 5, 331}[random() % 4];
    if (random() % 2 == 0)
      options.threshold = static_cast<double>(matrix.values[random() % matrix.values.size()]);
    const auto threshold = static_cast<float>(options.threshold);
    const std::vector<NaiveBar> expected =
        naive_bars(matrix, threshold, options.max_dimension, options.modulus);
    const BatchResult result = batch(dense, options);
    ASSERT_EQ(bars_of(result), expected) << "round " << round;
    ASSERT_EQ(bars_of(batch(dense.thinned(kNever), options)), expected) << "sparse, round " << round;
    for (const BatchPair& pair : result.pairs) {
      const size_t count = static_cast<size_t>(pair.dimension) + 1;
      ASSERT_EQ(diameter(matrix, &result.vertices[pair.birth_begin], count), static_cast<float>(pair.birth));
      if (std::isinf(pair.death)) continue;
      ASSERT_EQ(diameter(matrix, &result.vertices[pair.death_begin], count + 1),
                static_cast<float>(pair.death));
    }
  }
}

// A representative must vanish on the boundary of every triangle (tetrahedron) that has entered before the
// class dies.
TEST(Batch, law_representatives_are_cocycles_until_death) {
  std::mt19937_64 random(2);
  int classes = 0;
  for (int round = 0; round < 60; ++round) {
    const size_t n = 9;
    const NaiveDistances matrix = random_matrix(random, n, round % 2 == 0 ? 4 : 100'000);
    BatchOptions options;
    options.modulus = round % 3 == 0 ? 2 : 5;
    options.representatives = true;
    const BatchResult result = batch(stored(matrix), options);
    for (const BatchPair& pair : result.pairs) {
      if (pair.dimension != 1) continue;
      ++classes;
      std::map<std::pair<size_t, size_t>, uint32_t> value;
      for (uint64_t k = pair.cocycle_begin; k < pair.cocycle_end; ++k) {
        const uint32_t* edge =
            &result.cocycle_vertices[pair.cocycle_vertices_begin + 2 * (k - pair.cocycle_begin)];
        value[{edge[0], edge[1]}] = result.coefficients[k];
      }
      ASSERT_FALSE(value.empty());
      for (uint32_t c = 0; c < n; ++c) {
        for (uint32_t b = 0; b < c; ++b) {
          for (uint32_t a = 0; a < b; ++a) {
            const uint32_t triangle[3] = {c, b, a};
            if (static_cast<double>(diameter(matrix, triangle, 3)) >= pair.death) continue;
            const uint32_t sum = value[{c, b}] + value[{b, a}] + options.modulus - value[{c, a}];
            ASSERT_EQ(sum % options.modulus, 0U);
          }
        }
      }
    }
  }
  EXPECT_GT(classes, 50);
}

TEST(Batch, law_threads_do_not_change_a_bit) {
  std::mt19937_64 random(3);
  std::vector<double> points(3 * 120);
  for (double& value : points) value = static_cast<double>(random() % 4096) / 256;
  Distances distances;
  Distances::Place place;
  ASSERT_EQ(distances.from_points(points, 3, {}, place), Status::kOk);
  BatchOptions options;
  options.max_dimension = 2;
  options.representatives = true;
  const BatchResult one = batch(distances, options);
  options.threads = 3;
  const BatchResult three = batch(distances, options);
  EXPECT_EQ(bars_of(one), bars_of(three));
  EXPECT_EQ(one.vertices, three.vertices);
  EXPECT_EQ(one.cocycle_vertices, three.cocycle_vertices);
}

TEST(Batch, shape_small_published_answers) {
  // A cycle graph on 18 vertices with path distances: H1 (1,6), H2 five times (6,7), H3 (7,8), whatever the
  // field.
  NaiveDistances cycle(18);
  for (size_t i = 0; i < 18; ++i) {
    for (size_t j = 0; j < i; ++j) cycle.set(i, j, static_cast<float>(std::min(i - j, 18 - (i - j))));
  }
  for (const uint32_t modulus : {2U, 7U}) {
    BatchOptions options;
    options.max_dimension = 3;
    options.modulus = modulus;
    std::vector<NaiveBar> expected(17, {0, 0, 1});
    expected.push_back({0, 0, kNever});
    expected.push_back({1, 1, 6});
    for (int k = 0; k < 5; ++k) expected.push_back({2, 6, 7});
    expected.push_back({3, 7, 8});
    EXPECT_EQ(bars_of(batch(stored(cycle), options)), expected);
  }
  // The icosahedron's graph: a sphere from 1 to 2.
  NaiveDistances icosahedron(12);
  const double golden = (1 + std::sqrt(5.0)) / 2;
  std::vector<std::array<double, 3>> corners;
  for (const double a : {-1.0, 1.0}) {
    for (const double b : {-golden, golden}) {
      corners.push_back({0, a, b});
      corners.push_back({a, b, 0});
      corners.push_back({b, 0, a});
    }
  }
  for (size_t i = 0; i < 12; ++i) {
    for (size_t j = 0; j < i; ++j) {
      double square = 0;
      for (size_t k = 0; k < 3; ++k)
        square += (corners[i][k] - corners[j][k]) * (corners[i][k] - corners[j][k]);
      icosahedron.set(i, j, square < 5 ? 1.0F : square < 12 ? 2.0F : 3.0F);
    }
  }
  BatchOptions options;
  options.max_dimension = 2;
  std::vector<NaiveBar> expected(11, {0, 0, 1});
  expected.push_back({0, 0, kNever});
  expected.push_back({2, 1, 2});
  EXPECT_EQ(bars_of(batch(stored(icosahedron), options)), expected);
  options.threshold = 1;
  expected.back().death = kNever;
  EXPECT_EQ(bars_of(batch(stored(icosahedron), options)), expected);
  options.threshold = 0.5;
  EXPECT_EQ(bars_of(batch(stored(icosahedron), options)), std::vector<NaiveBar>(12, {0, 0, kNever}));
}

TEST(Batch, degenerate_inputs_have_defined_answers) {
  Distances distances;
  Distances::Place place;
  for (const size_t n : {0U, 1U, 2U, 5U}) {
    ASSERT_EQ(distances.from_points(std::vector<double>(2 * n, 7.0), 2, {}, place), Status::kOk);
    EXPECT_EQ(bars_of(batch(distances, {})), std::vector<NaiveBar>(n == 0 ? 0 : 1, {0, 0, kNever})) << n;
  }
  ASSERT_EQ(distances.from_full(std::vector<double>{0, kInfinity, kInfinity, 0}, place), Status::kOk);
  EXPECT_EQ(batch(distances, {}).pairs.size(), 2U) << "never connected: two essential components";
  ASSERT_EQ(distances.from_sparse(3, std::vector<SparseDistance>{{0, 1, 2.0}}, place), Status::kOk);
  EXPECT_EQ(batch(distances, {}).pairs.size(), 3U);
}

TEST(Batch, bad_inputs_are_refused_with_their_place) {
  Distances distances;
  Distances::Place place;
  const double nan = std::nan("");
  EXPECT_EQ(distances.from_full(std::vector<double>{0, 1, 2, 0}, place), Status::kInvalidArgument);
  EXPECT_EQ(place.row, 1U);
  EXPECT_EQ(distances.from_full(std::vector<double>{0, 1, 1, 3}, place), Status::kInvalidArgument);
  EXPECT_EQ(place.column, 1U);
  EXPECT_EQ(distances.from_full(std::vector<double>{0, nan, nan, 0}, place), Status::kNonFinitePoint);
  EXPECT_EQ(distances.from_full(std::vector<double>{0, -1, -1, 0}, place), Status::kInvalidArgument);
  EXPECT_EQ(distances.from_full(std::vector<double>{0, 1}, place), Status::kInvalidArgument);
  EXPECT_EQ(distances.from_lower(std::vector<double>{1, 2}, place), Status::kInvalidArgument);
  EXPECT_EQ(distances.from_points(std::vector<double>{1, 2, 3}, 2, {}, place), Status::kWrongDimension);
  EXPECT_EQ(distances.from_points(std::vector<double>{1, nan}, 1, {}, place), Status::kNonFinitePoint);
  EXPECT_EQ(distances.from_points(std::vector<double>{-1e39, 1e39}, 1, {}, place), Status::kDistanceOverflow);
  EXPECT_EQ(distances.from_sparse(2, std::vector<SparseDistance>{{0, 1, 1.0}, {1, 0, 2.0}}, place),
            Status::kInvalidArgument);
  EXPECT_EQ(distances.from_sparse(2, std::vector<SparseDistance>{{0, 2, 1.0}}, place),
            Status::kInvalidArgument);

  ASSERT_EQ(distances.from_points(std::vector<double>{0, 1, 2}, 1, {}, place), Status::kOk);
  BatchResult result;
  for (const uint32_t modulus : {0U, 1U, 4U, 32'771U}) {
    BatchOptions options;
    options.modulus = modulus;
    EXPECT_EQ(compute_batch(distances, options, result), Status::kInvalidArgument);
  }
  BatchOptions options;
  options.max_dimension = -1;
  EXPECT_EQ(compute_batch(distances, options, result), Status::kInvalidArgument);
  options = {};
  options.threshold = nan;
  EXPECT_EQ(compute_batch(distances, options, result), Status::kInvalidArgument);
}

TEST(Batch, cancelling_and_the_memory_limit_end_it_without_a_result) {
  std::mt19937_64 random(5);
  const Distances distances = stored(random_matrix(random, 60, 1'000'000));
  BatchResult result;
  std::atomic<bool> cancel{true};
  BatchOptions options;
  options.max_dimension = 2;
  options.cancel = &cancel;
  EXPECT_EQ(compute_batch(distances, options, result), Status::kCancelled);
  EXPECT_TRUE(result.pairs.empty());
  options.cancel = nullptr;
  options.memory_max_bytes = 60'000;
  EXPECT_EQ(compute_batch(distances, options, result), Status::kMemoryLimit);
  EXPECT_TRUE(result.pairs.empty());
  EXPECT_GT(predict_batch_bytes(1000, 2), predict_batch_bytes(1000, 1));
}

// Published diagrams lie outside the repository.
std::filesystem::path data_directory() {
  const char* set = std::getenv("TDA_DATA");
  const std::filesystem::path root =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(__FILE__).parent_path() / "../../../../shared/data";
  return root / "persistence";
}

std::vector<double> numbers_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (char& c : text) c = c == ',' ? ' ' : c;
  std::istringstream stream(text);
  std::vector<double> numbers;
  for (double number; stream >> number;) numbers.push_back(number);
  return numbers;
}

// GUDHI's `p dim birth death`, bars of one dimension and of positive length.
std::vector<std::pair<double, double>> gudhi_bars(const std::filesystem::path& path, int dimension) {
  std::ifstream file(path);
  std::vector<std::pair<double, double>> bars;
  for (std::string line; std::getline(file, line);) {
    int p, d;
    std::string birth, death;
    std::istringstream words(line);
    if (!(words >> p >> d >> birth >> death)) continue;  // the heading
    if (d == dimension && birth != death) bars.emplace_back(std::stod(birth), std::stod(death));
  }
  return bars;
}

double apart(double value, double printed) { return value == printed ? 0 : std::abs(value - printed); }

// Each bar against the nearest published one that is left; six significant digits are printed.
void expect_printed(const BatchResult& result, int dimension,
                    std::vector<std::pair<double, double>> expected) {
  for (const BatchPair& pair : result.pairs) {
    if (pair.dimension != dimension) continue;
    const auto distance = [&](const auto& bar) {
      return std::max(apart(pair.birth, bar.first), apart(pair.death, bar.second));
    };
    const auto found = std::min_element(expected.begin(), expected.end(), [&](const auto& a, const auto& b) {
      return distance(a) < distance(b);
    });
    ASSERT_TRUE(found != expected.end() && distance(*found) < 1e-5)
        << "(" << pair.birth << ", " << pair.death << ") in dimension " << dimension;
    expected.erase(found);
  }
  EXPECT_TRUE(expected.empty()) << expected.size() << " published bars of dimension " << dimension
                                << " not found";
}

class Published : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(data_directory())) {
      GTEST_SKIP() << "no published vectors at " << data_directory()
                   << "; set TDA_DATA to the folder that has them";
    }
  }
};

TEST_F(Published, sphere_3_192) {
  Distances distances;
  Distances::Place place;
  const std::vector<double> lower =
      numbers_of(data_directory() / "ripser/sphere_3_192.lower_distance_matrix");
  ASSERT_EQ(distances.from_lower(lower, place), Status::kOk);
  BatchOptions options;
  options.max_dimension = 2;
  const BatchResult result = batch(distances, options);
  for (int dimension = 0; dimension <= 2; ++dimension) {
    const auto expected =
        gudhi_bars(data_directory() / "ripser-benchmark/sphere_3_192.gudhi.out.txt", dimension);
    expect_printed(result, dimension, expected);
  }
}

TEST_F(Published, o3_1024) {
  Distances distances;
  Distances::Place place;
  const std::vector<double> points = numbers_of(data_directory() / "ripser/o3_1024.txt");
  ASSERT_EQ(points.size(), 1024U * 9);
  ASSERT_EQ(distances.from_points(points, 9, {}, place), Status::kOk);
  BatchOptions options;
  options.max_dimension = 2;
  options.threshold = 1.8;
  const BatchResult result = batch(distances, options);
  for (int dimension = 0; dimension <= 2; ++dimension) {
    const auto expected = gudhi_bars(data_directory() / "ripser-benchmark/o3_1024.gudhi.out.txt", dimension);
    expect_printed(result, dimension, expected);
  }
}

TEST_F(Published, random_50_in_16_dimensions) {
  Distances distances;
  Distances::Place place;
  const std::vector<double> full = numbers_of(data_directory() / "random_50_16_distmat.txt");
  ASSERT_EQ(distances.from_full(full, place), Status::kOk);
  BatchOptions options;
  options.max_dimension = 4;
  const BatchResult result = batch(distances, options);
  const std::vector<size_t> published = {50, 39, 16, 5, 3};
  for (int dimension = 0; dimension <= 4; ++dimension) {
    const auto count = std::count_if(result.pairs.begin(), result.pairs.end(),
                                     [&](const BatchPair& pair) { return pair.dimension == dimension; });
    EXPECT_EQ(static_cast<size_t>(count), published[static_cast<size_t>(dimension)])
        << "dimension " << dimension;
  }
}

TEST_F(Published, projective_plane_over_three_fields) {
  Distances distances;
  Distances::Place place;
  const std::vector<double> full = numbers_of(data_directory() / "ripser/projective_plane.csv");
  ASSERT_EQ(distances.from_full(full, place), Status::kOk);
  for (const uint32_t modulus : {2U, 3U, 331U}) {
    BatchOptions options;
    options.max_dimension = 2;
    options.modulus = modulus;
    const std::vector<std::pair<double, double>> one = {{1, 2}};
    expect_printed(batch(distances, options), 1, modulus == 2 ? one : decltype(one)());
    expect_printed(batch(distances, options), 2, modulus == 2 ? one : decltype(one)());
    options.threshold = 1;
    if (modulus == 2) expect_printed(batch(distances, options), 1, {{1, kInfinity}});
  }
}

}  // namespace
}  // namespace tda::rips
