// Windows without an engine.
#include <algorithm>
#include <limits>

#include "binding/calls.h"
#include "binding/convert.h"

namespace tda::binding {

namespace {

// The right to use a window; ENGINE_BUSY when another thread has it.
class WindowLease {
 public:
  WindowLease(SlidingWindow& window, const char* call) : window_(window) {
    if (window_.busy().test_and_set(std::memory_order_acquire)) check(Status::kEngineBusy, call);
  }
  ~WindowLease() { window_.busy().clear(std::memory_order_release); }
  WindowLease(const WindowLease&) = delete;
  WindowLease& operator=(const WindowLease&) = delete;

 private:
  SlidingWindow& window_;
};

}  // namespace

Napi::Value window_create(const Napi::CallbackInfo& info) {
  auto ring = thing_from<PointRing>(info[0], "stream", "windowCreate");
  const WindowSpec spec = window_from(info[1], "window");
  if (check_window(spec, ring->config()) != Status::kOk) {
    fail(Status::kInvalidArgument,
         spec.by_time() ? "windowCreate: a window by time needs a stream with ordered timestamps"
                        : "windowCreate: a window of " + std::to_string(spec.count) +
                              " points over a stream of at most " + std::to_string(ring->capacity()) +
                              "; create the stream with a larger capacity");
  }
  return to_number(info.Env(), registry().add(std::make_shared<SlidingWindow>(std::move(ring), spec)));
}

Napi::Value window_advance(const Napi::CallbackInfo& info) {
  const auto window = thing_from<SlidingWindow>(info[0], "window", "windowAdvance");
  const PointId until = integer_from(info[1], "until");
  const PointId first = is_absent(info[2]) ? 0 : integer_from(info[2], "first");
  const WindowLease lease(*window, "windowAdvance");
  check_range(window->advance(until, first), until, window->next(), *window->ring(), "windowAdvance");
  Napi::Array bounds = Napi::Array::New(info.Env(), 2);
  bounds.Set(uint32_t{0}, to_number(info.Env(), window->first()));
  bounds.Set(uint32_t{1}, to_number(info.Env(), window->next()));
  return bounds;
}

Napi::Value window_push(const Napi::CallbackInfo& info) {
  const auto window = thing_from<SlidingWindow>(info[0], "window", "windowPush");
  const PointBatch batch{.values = doubles_from(info[1], "values"),
                         .timestamps = optional_doubles_from(info[2], "timestamps"),
                         .offsets = {},
                         .indices = {}};
  const std::span<double> evicted = doubles_from(info[3], "evicted");
  const std::span<double> evicted_timestamps = optional_doubles_from(info[4], "evictedTimestamps");
  PointRing& ring = *window->ring();
  const WindowLease lease(*window, "windowPush");
  window->forget_evicted();
  check_append(ring.append(batch), ring, batch, "windowPush");
  const PointId before = window->first();
  check(window->advance(ring.next()), "windowPush");
  const auto left = static_cast<size_t>(window->first() - before);
  size_t copied = std::min(left, evicted.size() / ring.config().dimension);
  if (!evicted_timestamps.empty()) copied = std::min(copied, evicted_timestamps.size());
  double* const timestamps = evicted_timestamps.empty() ? nullptr : evicted_timestamps.data();
  check(ring.read(before, before + copied, {evicted.data(), timestamps, nullptr, nullptr}), "windowPush");
  return to_number(info.Env(), left);
}

Napi::Value window_push_one(const Napi::CallbackInfo& info) {
  const auto window = thing_from<SlidingWindow>(info[0], "window", "windowPushOne");
  if (!info[1].IsNumber()) fail(Status::kInvalidArgument, "windowPushOne: expected a number");
  const double value = info[1].As<Napi::Number>().DoubleValue();
  const PointBatch batch{.values = {&value, 1}, .timestamps = {}, .offsets = {}, .indices = {}};
  PointRing& ring = *window->ring();
  const WindowLease lease(*window, "windowPushOne");
  window->forget_evicted();
  check_append(ring.append(batch), ring, batch, "windowPushOne");
  const PointId before = window->first();
  check(window->advance(ring.next()), "windowPushOne");
  const bool left = window->first() > before;  // at most one: without timestamps a window is by count
  return Napi::Number::New(info.Env(),
                           left ? ring.value(0, before) : std::numeric_limits<double>::quiet_NaN());
}

Napi::Value window_release(const Napi::CallbackInfo& info) {
  return release_from<SlidingWindow>(info, "window", "windowRelease");
}

}  // namespace tda::binding
