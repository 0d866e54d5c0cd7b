// Named series, each hard in its own way, and a small generator that is the same on every platform.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tda::test {

// SplitMix64 (Steele, Lea, Flood 2014): tiny, well mixed, reproducible everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

struct NamedSeries {
  std::string name;
  std::function<double(size_t at, Random& random)> value;
};

inline std::vector<NamedSeries> named_series() {
  static double level = 0;
  return {
      {"noise", [](size_t, Random& random) { return random.unit(); }},
      {"walk", [](size_t at, Random& random) { return level = (at == 0 ? 0 : level) + random.unit() - 0.5; }},
      {"integer walk",
       [](size_t at, Random& random) { return level = (at == 0 ? 0 : level) + double(random.below(3)) - 1; }},
      {"three values", [](size_t, Random& random) { return double(random.below(3)); }},
      {"two values", [](size_t, Random& random) { return double(random.below(2)); }},
      {"zeroes of both signs", [](size_t, Random& random) { return random.below(2) ? 0.0 : -0.0; }},
      {"constant", [](size_t, Random&) { return 7.0; }},
      {"ascending", [](size_t at, Random&) { return double(at); }},
      {"descending", [](size_t at, Random&) { return -double(at); }},
      {"alternating", [](size_t at, Random&) { return double(at % 2); }},
      {"narrowing", [](size_t at, Random&) { return (at % 2 ? 1.0 : -1.0) / double(at % 97 + 1); }},
      {"widening", [](size_t at, Random&) { return (at % 2 ? 1.0 : -1.0) * double(at % 89); }},
      {"sawtooth", [](size_t at, Random&) { return double(at % 7); }},
      {"falling sawtooth", [](size_t at, Random&) { return double(7 - at % 7) - 0.25 * double(at / 7 % 5); }},
      {"sine and noise",
       [](size_t at, Random& random) { return std::sin(double(at) / 9) + random.unit() / 4; }},
      {"staircase", [](size_t at, Random& random) { return double(at / 4 % 6) + double(random.below(2)); }},
      {"huge and tiny",
       [](size_t, Random& random) {
         constexpr double kLevels[] = {1e-308, -1e-308, 5e-324, 1e308, -1e308, 0.0, 1.7976931348623157e308};
         return kLevels[random.below(7)];
       }},
  };
}

inline std::vector<double> make_series(const NamedSeries& series, size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<double> values(count);
  for (size_t at = 0; at < count; ++at) values[at] = series.value(at, random);
  return values;
}

}  // namespace tda::test
