// Many threads on one stream. Run under ThreadSanitizer, where a race is a failure even when the result is
// right.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "native/engine/registry.h"
#include "test/native/support/inputs.h"

namespace tda {
namespace {

constexpr size_t kPoints = 60000;

std::vector<double> run_alone(const std::vector<double>& values, const EngineConfig& config) {
  std::shared_ptr<PointRing> ring;
  std::shared_ptr<Engine> engine;
  EXPECT_EQ(PointRing::create({.capacity = values.size()}, ring), Status::kOk);
  EXPECT_EQ(ring->append({values, {}, {}, {}}), Status::kOk);
  EXPECT_EQ(Engine::create(ring, config, engine), Status::kOk);
  EngineResults results;
  EXPECT_EQ(EngineLease(engine)->advance(values.size(), &results), Status::kOk);
  return {results.changes.numbers().begin(), results.changes.numbers().end()};
}

// One writer, three scales, two workers on each scale, a reader and an observer. A worker that finds an
// engine busy goes on to the next. Whatever the interleaving, the changes of each scale are those of a single
// thread.
TEST(Threads, simulation_writer_and_workers_over_one_ring) {
  const auto values = test::make_series(test::named_series()[1], kPoints, 11);
  const size_t windows[] = {50, 700, 3000};
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(PointRing::create({.capacity = 4000}, ring), Status::kOk);
  struct Scale {
    EngineConfig config;
    Handle handle = 0;
    std::vector<double> changes;  // written under the lease only
  };
  Registry handles;
  std::vector<Scale> scales(3);
  for (size_t at = 0; at < scales.size(); ++at) {
    scales[at].config = {.window = {.count = windows[at]}, .slide = {.count = 7 + at}};
    std::shared_ptr<Engine> engine;
    ASSERT_EQ(Engine::create(ring, scales[at].config, engine), Status::kOk);
    scales[at].handle = handles.add(engine);
  }

  std::atomic<size_t> done{0}, busy{0}, full{0};
  const auto writer = [&] {
    test::Random random(3);
    for (size_t at = 0; at < kPoints;) {
      const size_t count = std::min(kPoints - at, 1 + random.below(200));
      const Status status = ring->append({std::span(values).subspan(at, count), {}, {}, {}});
      if (status == Status::kOk) {
        at += count;
      } else {
        ASSERT_EQ(status, Status::kCapacityExceeded);
        ++full;
        std::this_thread::yield();
      }
    }
  };
  const auto worker = [&] {
    EngineResults results;
    while (done < scales.size()) {
      for (Scale& scale : scales) {
        const auto engine = handles.find<Engine>(scale.handle);
        const EngineLease lease(engine);
        if (!lease) {
          ++busy;
          continue;
        }
        const PointId before = engine->state().next;
        const PointId until = ring->next();
        if (until == before) continue;
        ASSERT_EQ(lease->advance(until, &results), Status::kOk);
        const auto rows = results.changes.numbers();
        scale.changes.insert(scale.changes.end(), rows.begin(), rows.end());
        if (until == kPoints) ++done;
      }
      std::this_thread::yield();
    }
  };
  const auto reader = [&] {
    std::vector<double> copy(4000);
    while (done < scales.size()) {
      const PointId first = ring->oldest();
      const PointId end = ring->next();
      if (end - first > copy.size()) continue;
      if (ring->read(first, end, {copy.data(), nullptr, nullptr, nullptr}) != Status::kOk) continue;
      for (PointId id = first; id < end; ++id) ASSERT_EQ(copy[id - first], values[id]);
    }
  };
  const auto observer = [&] {
    while (done < scales.size()) {
      for (const Scale& scale : scales) {
        const auto engine = handles.find<Engine>(scale.handle);
        ASSERT_LE(engine->state().next, kPoints);
        if (engine->state().sequence % 64 == 0) engine->request_snapshot();
      }
      std::this_thread::yield();
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(writer);
  for (size_t at = 0; at < 3; ++at) threads.emplace_back(worker);
  threads.emplace_back(reader);
  threads.emplace_back(observer);
  for (std::thread& thread : threads) thread.join();

  ring->verify();
  for (const Scale& scale : scales) {
    const auto expected = run_alone(values, scale.config);
    ASSERT_EQ(scale.changes.size(), expected.size());
    EXPECT_EQ(std::memcmp(scale.changes.data(), expected.data(), expected.size() * sizeof(double)), 0);
  }
  RecordProperty("busy", static_cast<int>(busy));
  RecordProperty("full", static_cast<int>(full));
}

TEST(Threads, one_of_two_writers_at_once_is_refused_and_nothing_is_torn) {
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(PointRing::create({.dimension = 2, .capacity = 1000}, ring), Status::kOk);
  std::atomic<size_t> written{0};
  const auto writer = [&](double mark) {
    const std::vector<double> batch(64, mark);
    for (size_t at = 0; at < 2000; ++at) {
      const Status status = ring->append({batch, {}, {}, {}});
      if (status == Status::kOk) {
        written += 32;
      } else {
        ASSERT_EQ(status, Status::kEngineBusy);
      }
    }
  };
  std::thread one(writer, 1.0), two(writer, 2.0);
  one.join(), two.join();
  EXPECT_EQ(ring->next(), written);
  const PointHold hold(ring, 0);
  for (PointId id = (hold.position() + 31) / 32 * 32; id + 32 <= ring->next(); id += 32) {
    for (PointId at = id; at < id + 32; ++at) ASSERT_EQ(ring->value(1, at), ring->value(0, id));
  }
}

TEST(Threads, engines_come_and_go_while_the_stream_runs) {
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(PointRing::create({.capacity = 2000}, ring), Status::kOk);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    const auto values = test::make_series(test::named_series()[0], 100, 1);
    while (!stop) {
      const Status status = ring->append({values, {}, {}, {}});
      ASSERT_TRUE(status == Status::kOk || status == Status::kCapacityExceeded);
    }
  });
  EngineResults results;
  for (size_t at = 0; at < 300; ++at) {
    std::shared_ptr<Engine> engine;
    ASSERT_EQ(Engine::create(ring, {.window = {.count = 100}, .slide = {.count = 10}}, engine), Status::kOk);
    EngineLease lease(engine);
    for (size_t step = 0; step < 3; ++step) ASSERT_EQ(lease->advance(ring->next(), &results), Status::kOk);
    lease->verify();
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace tda
