#include "native/engine/registry.h"

#include <gtest/gtest.h>

namespace tda {
namespace {

std::shared_ptr<PointRing> make_ring() {
  std::shared_ptr<PointRing> ring;
  EXPECT_EQ(PointRing::create({.capacity = 4}, ring), Status::kOk);
  return ring;
}

TEST(Registry, a_handle_names_one_kind_of_thing_and_is_never_given_again) {
  Registry registry;
  const Handle first = registry.add(make_ring());
  EXPECT_NE(registry.find<PointRing>(first), nullptr);
  EXPECT_EQ(registry.find<Engine>(first), nullptr);
  EXPECT_FALSE(registry.release<Engine>(first));
  EXPECT_TRUE(registry.release<PointRing>(first));
  EXPECT_FALSE(registry.release<PointRing>(first));
  EXPECT_EQ(registry.find<PointRing>(first), nullptr);
  EXPECT_NE(registry.add(make_ring()), first);
  EXPECT_EQ(registry.size(), 1u);
}

TEST(Registry, an_engine_outlives_the_handle_of_its_stream) {
  Registry registry;
  const auto ring = make_ring();
  const Handle stream = registry.add(ring);
  std::shared_ptr<Engine> engine;
  ASSERT_EQ(Engine::create(ring, {.window = {.count = 2}, .slide = {.count = 1}}, engine), Status::kOk);
  const Handle handle = registry.add(engine);
  EXPECT_TRUE(registry.release<PointRing>(stream));
  EXPECT_EQ(EngineLease(registry.find<Engine>(handle))->advance(0, nullptr), Status::kOk);
}

TEST(Registry, ten_thousand_engines_come_and_go) {
  Registry registry;
  const auto ring = make_ring();
  const double values[] = {2, 1, 3};
  ASSERT_EQ(ring->append({values, {}, {}, {}}), Status::kOk);
  const EngineConfig config{.window = {.count = 2}, .slide = {.count = 1}};
  EngineResults results;
  for (size_t at = 0; at < 10000; ++at) {
    std::shared_ptr<Engine> engine;
    ASSERT_EQ(Engine::create(ring, config, engine), Status::kOk);
    const Handle handle = registry.add(std::move(engine));
    const auto in_use = registry.find<Engine>(handle);
    ASSERT_TRUE(registry.release<Engine>(handle));
    ASSERT_EQ(EngineLease(in_use)->advance(3, &results), Status::kOk);  // H2: it lives while it is used
  }
  EXPECT_EQ(registry.size(), 0u);
  EXPECT_EQ(ring->oldest_held(), ring->next());  // every hold was given back
}

}  // namespace
}  // namespace tda
