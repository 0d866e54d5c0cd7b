// Question: what does one slide (one point out, one in, diagram and changes) cost in a full Rips window?
// Sketch:   at W = 1000 in R^3 some 70 000 edges are unsettled, at about 1 ns each: 0.1 ms; 1000 new edges;
// 2000
//           special edges to order and a few hundred relations of a few hundred bits: 0.2 ms together.
// If not:   look at the counts printed with the times, then at the phases with a profiler.
//
//   tda_rips_bench [--cloud uniform|embedding|circle|lattice|...|all] [--window N] [--slides N] [--dimension
//   D]
//                  [--metric euclidean|manhattan|chebyshev|cosine|correlation] [--max-dimension 0|1|2] [--seed
//                  N] [--dump DIRECTORY --dump-windows K] [--batch-threads N] [--verify-every N]
// One JSON object per line and cloud on stdout; cpu...Ms is processor time, for machines that are shared.
// Before the clock starts, the first full window is compared with batch cohomology when it is small enough (N
// <= 300). --verify-every checks all invariants and the diagram after every N slides, off the clock: the long form
// of the soak test (O(N^4), so for windows of a hundred or two). --dump writes K windows spread over the run, one point a line, for other programs
// (benchmarks/peers/rips_peers.py).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "native/rips/batch.h"
#include "native/rips/rips_window.h"
#include "test/native/support/clouds.h"

namespace {

using namespace tda::rips;

struct Options {
  std::string cloud = "all";
  std::string metric = "euclidean";
  size_t window = 1000;
  size_t slides = 500;
  size_t dimension = 3;
  int max_dimension = 1;
  uint64_t seed = 1;
  std::string dump;
  size_t dump_windows = 5;
  size_t batch_threads = 0;
  size_t verify_every = 0;
};

[[noreturn]] void usage(const std::string& message) {
  std::fprintf(stderr, "tda_rips_bench: %s; the head of benchmarks/native/rips_bench.cc lists the options\n",
               message.c_str());
  std::exit(2);
}

Options parse(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int k = 1; k < argc; k += 2) {
    const std::string name = argv[k];
    if (name.rfind("--", 0) != 0) usage("expected an option, found " + name);
    if (k + 1 == argc) usage(name + " needs a value");
    given[name.substr(2)] = argv[k + 1];
  }
  Options options;
  const auto take = [&](const char* name, auto&& set) {
    const auto found = given.find(name);
    if (found == given.end()) return;
    set(found->second);
    given.erase(found);
  };
  const auto number = [](auto& field) {
    return [&field](const std::string& text) {
      char* end = nullptr;
      const unsigned long long value = std::strtoull(text.c_str(), &end, 10);
      if (end == text.c_str() || *end != '\0') usage("not a number: " + text);
      field = static_cast<std::remove_reference_t<decltype(field)>>(value);
    };
  };
  take("cloud", [&](const std::string& text) { options.cloud = text; });
  take("metric", [&](const std::string& text) { options.metric = text; });
  take("dump", [&](const std::string& text) { options.dump = text; });
  take("window", number(options.window));
  take("slides", number(options.slides));
  take("dimension", number(options.dimension));
  take("max-dimension", number(options.max_dimension));
  take("seed", number(options.seed));
  take("dump-windows", number(options.dump_windows));
  take("batch-threads", number(options.batch_threads));
  take("verify-every", number(options.verify_every));
  if (!given.empty()) usage("unknown option --" + given.begin()->first);
  return options;
}

void fail(const std::string& message) {
  std::fprintf(stderr, "tda_rips_bench: %s\n", message.c_str());
  std::exit(1);
}

using Bars = std::vector<std::pair<int, std::pair<double, double>>>;

// The window's diagram against compute_batch on the same points. Milliseconds of the latter, distances
// included.
double check(const RipsWindow& window, const std::vector<std::vector<double>>& points,
             const Options& options) {
  std::vector<double> flat;
  for (const std::vector<double>& point : points) flat.insert(flat.end(), point.begin(), point.end());
  Distances distances;
  Distances::Place place;
  BatchResult result;
  BatchOptions batch;
  batch.max_dimension = options.max_dimension;
  batch.threads = static_cast<unsigned>(std::max<size_t>(1, options.batch_threads));
  const auto begin = std::chrono::steady_clock::now();
  if (distances.from_points(flat, options.dimension, {.metric = *metric_of(options.metric), .weights = {}},
                            place) != tda::Status::kOk)
    fail("points refused");
  if (compute_batch(distances, batch, result) != tda::Status::kOk) fail("batch refused");
  const double batch_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  Bars expected, found;
  for (const BatchPair& pair : result.pairs) expected.push_back({pair.dimension, {pair.birth, pair.death}});
  for (const RipsPair& pair : window.diagram()) {
    found.push_back({pair.dimension, {static_cast<double>(pair.birth), static_cast<double>(pair.death)}});
  }
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  if (expected != found) fail("the window's diagram differs from batch persistence of the same points");
  return batch_ms;
}

// PATH.points: one point a line. PATH.bars: birth and death of one H1 bar a line.
void dump(const std::vector<std::vector<double>>& points, const RipsWindow& window, const std::string& path) {
  std::ofstream file(path + ".points");
  file.precision(17);
  for (const std::vector<double>& point : points) {
    for (size_t axis = 0; axis < point.size(); ++axis) file << (axis == 0 ? "" : " ") << point[axis];
    file << '\n';
  }
  std::ofstream bars(path + ".bars");
  bars.precision(9);
  for (const RipsPair& pair : window.diagram()) {
    if (pair.dimension == 1) bars << pair.birth << ' ' << pair.death << '\n';
  }
  if (!file.flush() || !bars.flush()) fail("cannot write " + path);
}

void run(const std::string& cloud, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const std::optional<Metric> metric = metric_of(options.metric);
  if (!metric) usage("no metric " + options.metric);
  RipsConfig config{.window_max = options.window,
                    .dimension = options.dimension,
                    .metric = {.metric = *metric, .weights = {}}};
  config.max_dimension = options.max_dimension;
  if (RipsWindow::check_config(config) != tda::Status::kOk)
    usage("window, dimension or max-dimension out of range");
  RipsWindow window(config);
  tda::test::Cloud source(cloud, options.dimension, options.seed);
  std::vector<std::vector<double>> points;
  std::vector<RipsChange> changes;
  const auto fill_begin = Clock::now();
  while (points.size() < options.window) {
    points.push_back(source.next());
    if (window.append(points.back()) != tda::Status::kOk) fail("point refused");
  }
  if (window.emit(changes) != tda::Status::kOk) fail("out of memory");
  const double fill_ms = std::chrono::duration<double, std::milli>(Clock::now() - fill_begin).count();
  if (options.window <= 300) check(window, points, options);

  std::vector<double> times, cpu_times;
  uint64_t changed = 0, relations = 0, hubbed = 0, dumped = 0;
  double checksum = 0;
  for (size_t slide = 0; slide < options.slides; ++slide) {
    points.erase(points.begin());
    points.push_back(source.next());
    changes.clear();
    const auto begin = Clock::now();
    const std::clock_t cpu_begin = std::clock();
    if (window.evict() != tda::Status::kOk || window.append(points.back()) != tda::Status::kOk)
      fail("point refused");
    if (window.emit(changes) != tda::Status::kOk) fail("out of memory");
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    cpu_times.push_back(1e3 * static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC);
    if (options.verify_every > 0 && (slide + 1) % options.verify_every == 0) {
      window.verify();
      check(window, points, options);
    }
    changed += changes.size();
    for (const RipsChange& change : changes) checksum += static_cast<double>(change.pair.birth);
    relations += window.statistics().relations;
    hubbed += window.statistics().hubbed;
    if (!options.dump.empty() && dumped < options.dump_windows &&
        (slide + 1) * options.dump_windows >= (dumped + 1) * options.slides) {
      const std::string name = cloud + "-" + std::to_string(options.window) + "-" + std::to_string(dumped++);
      dump(points, window, options.dump + "/" + name);
    }
  }
  const double batch_ms = options.batch_threads > 0 ? check(window, points, options) : 0;
  double sum = 0, cpu_sum = 0;
  for (const double time : times) sum += time;
  for (const double time : cpu_times) cpu_sum += time;
  std::sort(times.begin(), times.end());
  std::sort(cpu_times.begin(), cpu_times.end());
  const auto at_share = [](const std::vector<double>& sorted, double share) {
    return sorted.empty() ? 0.0 : sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
  };
  const auto percentile = [&](double share) { return at_share(times, share); };
  const double count = static_cast<double>(std::max<size_t>(1, options.slides));
  const RipsStatistics statistics = window.statistics();
  std::printf(
      "{\"suite\":\"rips\",\"case\":\"%s\",\"window\":%zu,\"dimension\":%zu,\"maxDimension\":%d,\"slides\":%"
      "zu,"
      "\"fillMs\":%.3f,\"meanMs\":%.4f,\"p50Ms\":%.4f,\"p90Ms\":%.4f,\"p99Ms\":%.4f,\"maxMs\":%.4f,"
      "\"cpuMeanMs\":%.4f,\"cpuP50Ms\":%.4f,\"cpuP99Ms\":%.4f,"
      "\"relations\":%.1f,\"hubbed\":%.0f,\"specials\":%zu,\"candidates\":%zu,\"pairsChanged\":%.2f,"
      "\"bytes\":%llu,"
      "\"batchMs\":%.3f,\"checksum\":%.9g}\n",
      cloud.c_str(), options.window, options.dimension, options.max_dimension, options.slides, fill_ms,
      sum / count, percentile(0.5), percentile(0.9), percentile(0.99), percentile(1), cpu_sum / count,
      at_share(cpu_times, 0.5), at_share(cpu_times, 0.99), static_cast<double>(relations) / count,
      static_cast<double>(hubbed) / count, statistics.specials, statistics.candidates,
      static_cast<double>(changed) / count, static_cast<unsigned long long>(statistics.bytes), batch_ms,
      checksum);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.cloud != "all") {
    const std::vector<std::string> names = tda::test::cloud_names();
    if (std::find(names.begin(), names.end(), options.cloud) == names.end())
      usage("no cloud " + options.cloud);
    run(options.cloud, options);
    return 0;
  }
  for (const char* cloud : {"uniform", "embedding", "circle", "lattice"}) run(cloud, options);
  return 0;
}
