// Named point clouds, shared by tests and benchmarks. One seed decides every coordinate.
//
//   uniform     in the unit cube
//   embedding   a delay embedding of two incommensurate sines with noise, one step per point
//   circle      a noisy circle of radius 1 in the first two coordinates
//   lattice     integer points of a small grid in random order: ties everywhere, duplicates
//   collinear   integer points on a line
//   duplicates  a handful of points over and over
//   drift       a random walk
//   clusters    tight groups far apart
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <string>
#include <vector>

namespace tda::test {

inline std::vector<std::string> cloud_names() {
  return {"uniform", "embedding", "circle", "lattice", "collinear", "duplicates", "drift", "clusters"};
}

class Cloud {
 public:
  Cloud(std::string name, size_t dimension, uint64_t seed)
      : name_(std::move(name)), dimension_(dimension), random_(seed), walk_(dimension, 0.0) {}

  std::vector<double> next() {
    std::vector<double> point(dimension_, 0.0);
    const double step = static_cast<double>(count_++);
    if (name_ == "uniform") {
      for (double& x : point) x = uniform();
    } else if (name_ == "embedding") {
      history_.push_back(std::sin(step * 0.1) + 0.6 * std::sin(step * 0.1 * std::numbers::sqrt2) +
                         0.05 * normal());
      constexpr size_t kDelay = 12;
      for (size_t k = 0; k < dimension_; ++k) {
        const size_t back = std::min(history_.size() - 1, k * kDelay);
        point[k] = history_[history_.size() - 1 - back];
      }
    } else if (name_ == "circle") {
      const double angle = 2 * std::numbers::pi * uniform();
      point[0] = std::cos(angle);
      if (dimension_ > 1) point[1] = std::sin(angle);
      for (double& x : point) x += 0.1 * normal();
    } else if (name_ == "lattice") {
      for (double& x : point) x = static_cast<double>(random_() % 4);
    } else if (name_ == "collinear") {
      const double at = static_cast<double>(random_() % 20);
      for (double& x : point) x = at;
      point[0] += 1;
    } else if (name_ == "duplicates") {
      const uint64_t which = random_() % 5;
      for (size_t k = 0; k < dimension_; ++k) point[k] = static_cast<double>((which * (k + 3)) % 7);
    } else if (name_ == "drift") {
      for (size_t k = 0; k < dimension_; ++k) point[k] = walk_[k] += 0.1 * normal();
    } else {
      const double centre = static_cast<double>(random_() % 4);
      for (double& x : point) x = 0.8 * centre + 0.05 * normal();
      point[0] -= centre * centre * 0.3;
    }
    return point;
  }

 private:
  // Own transforms: the standard library's distributions differ between platforms.
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform() + 0x1p-60));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

  std::string name_;
  size_t dimension_;
  std::mt19937_64 random_;
  std::vector<double> walk_;
  std::vector<double> history_;
  uint64_t count_ = 0;
};

}  // namespace tda::test
