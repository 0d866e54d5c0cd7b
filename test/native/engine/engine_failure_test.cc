// What an engine makes of our own mistakes and of missing memory. Linked with the core as it is shipped,
// where a failed assertion throws, and with an operator new that fails on request.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "native/engine/engine.h"
#include "test/native/support/inputs.h"

namespace {

constexpr size_t kNever = ~size_t{0};
thread_local size_t allocations_until_failure = kNever;

void* allocate(size_t bytes) {
  if (allocations_until_failure != kNever && allocations_until_failure-- == 0) {
    allocations_until_failure = kNever;
    throw std::bad_alloc();
  }
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace tda {

struct EngineTestAccess {
  // Breaks R2: an emission would have to move the hold back, which asserts.
  static void break_hold(Engine& engine) { engine.hold_.advance(engine.next_ + 1000); }
};

struct PointRingTestAccess {
  // Breaks R5: the directory claims more blocks than there can be.
  static void break_directory(PointRing& ring) { ring.end_block_ += 100; }
};

namespace {

const EngineConfig kConfig{.window = {.count = 300}, .slide = {.count = 10}, .snapshot_every = 3};

TEST(EngineFailure, a_failed_assertion_poisons_one_engine_and_no_other) {
  std::shared_ptr<PointRing> ring;
  std::shared_ptr<Engine> broken, sound;
  ASSERT_EQ(PointRing::create({.capacity = 1000}, ring), Status::kOk);
  ASSERT_EQ(Engine::create(ring, kConfig, broken), Status::kOk);
  ASSERT_EQ(Engine::create(ring, kConfig, sound), Status::kOk);
  const auto values = test::make_series(test::named_series()[0], 100, 1);
  ASSERT_EQ(ring->append({values, {}, {}, {}}), Status::kOk);
  EngineTestAccess::break_hold(*broken);

  EngineResults results;
  EXPECT_EQ(EngineLease(broken)->advance(50, &results), Status::kInternal);
  EXPECT_EQ(results.changes.size(), 0u);
  EXPECT_EQ(results.emissions.size(), 0u);
  EXPECT_EQ(EngineLease(broken)->advance(50, &results), Status::kInternal);
  EXPECT_EQ(EngineLease(broken)->diagram(results), Status::kInternal);
  EXPECT_EQ(EngineLease(sound)->advance(100, &results), Status::kOk);
  EXPECT_EQ(results.emissions.size(), 10 * kEmissionStride);
}

TEST(EngineFailure, a_broken_ring_takes_nothing_more_and_can_still_be_read) {
  std::shared_ptr<PointRing> ring;
  ASSERT_EQ(PointRing::create({.capacity = 1000}, ring), Status::kOk);
  const double value = 5;
  ASSERT_EQ(ring->append({{&value, 1}, {}, {}, {}}), Status::kOk);
  PointRingTestAccess::break_directory(*ring);
  EXPECT_EQ(ring->append({{&value, 1}, {}, {}, {}}), Status::kInternal);
  EXPECT_EQ(ring->append({{&value, 1}, {}, {}, {}}), Status::kInternal);
  EXPECT_EQ(ring->next(), 1u);
  double copy = 0;
  EXPECT_EQ(ring->read(0, 1, {&copy, nullptr, nullptr, nullptr}), Status::kOk);
  EXPECT_EQ(copy, 5);
}

// Each allocation of a run fails once. A ring that could not grow is as before and goes on; an engine answers
// kMemoryLimit from then on, without results.
TEST(EngineFailure, exhaustive_every_allocation_fails_once) {
  const auto values = test::make_series(test::named_series()[0], 1200, 1);
  bool completed = false;
  size_t refused_appends = 0, refused_engines = 0, refused_creations = 0;
  for (size_t failing = 0; !completed; ++failing) {
    ASSERT_LT(failing, 10000u);
    std::shared_ptr<PointRing> ring;
    std::shared_ptr<Engine> engine;
    EngineResults results;
    allocations_until_failure = failing;
    Status status = PointRing::create({.capacity = 1000}, ring);
    if (status == Status::kOk) status = Engine::create(ring, kConfig, engine);
    if (status != Status::kOk) {
      EXPECT_EQ(status, Status::kMemoryLimit);
      ++refused_creations;
      continue;
    }
    EngineLease lease(engine);
    for (size_t at = 0; at < values.size(); at += 100) {
      const PointBatch batch{std::span(values).subspan(at, 100), {}, {}, {}};
      status = ring->append(batch);
      if (status != Status::kOk) {
        EXPECT_EQ(status, Status::kMemoryLimit);
        EXPECT_EQ(ring->next(), at);
        ring->verify();
        ++refused_appends;
        ASSERT_EQ(ring->append(batch), Status::kOk);
      }
      status = lease->advance(at + 100, &results);
      if (status == Status::kOk) continue;
      EXPECT_EQ(status, Status::kMemoryLimit);
      EXPECT_EQ(results.changes.size() + results.emissions.size() + results.snapshots.size(), 0u);
      EXPECT_EQ(lease->advance(at + 100, &results), Status::kMemoryLimit);
      EXPECT_EQ(lease->diagram(results), Status::kMemoryLimit);
      ++refused_engines;
      break;
    }
    completed = allocations_until_failure != kNever;
    allocations_until_failure = kNever;
  }
  EXPECT_GT(refused_creations, 2u);
  EXPECT_GT(refused_appends, 5u);
  EXPECT_GT(refused_engines, 5u);
}

}  // namespace
}  // namespace tda
