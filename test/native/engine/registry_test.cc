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

}  // namespace
}  // namespace tda
