// Streams: the shared point rings.
#include <algorithm>
#include <vector>

#include "binding/calls.h"
#include "binding/convert.h"

namespace tda::binding {

Napi::Value stream_create(const Napi::CallbackInfo& info) {
  const Napi::Object options = object_from(info[0], "options");
  const Napi::Value unordered = options.Get("unorderedTimestamps");
  const Napi::Value first = options.Get("first");
  const RingConfig config{
      .dimension = integer_from(options.Get("dimension"), "dimension", 1, kDimensionMax),
      .capacity = integer_from(options.Get("capacity"), "capacity", 1, kRingCapacityMax),
      .timestamps = boolean_from(options.Get("timestamps"), "timestamps"),
      .timestamps_ordered = is_absent(unordered) || !boolean_from(unordered, "unorderedTimestamps"),
      .log_positions = boolean_from(options.Get("logPositions"), "logPositions"),
      .first = is_absent(first) ? 0 : integer_from(first, "first")};
  std::shared_ptr<PointRing> ring;
  check(PointRing::create(config, ring), "streamCreate");
  return to_number(info.Env(), registry().add(std::move(ring)));
}

Napi::Value stream_append(const Napi::CallbackInfo& info) {
  const auto ring = thing_from<PointRing>(info[0], "stream", "streamAppend");
  const PointBatch batch{.values = doubles_from(info[1], "values"),
                         .timestamps = optional_doubles_from(info[2], "timestamps"),
                         .offsets = optional_doubles_from(info[3], "offsets"),
                         .indices = optional_uint32s_from(info[4], "indices")};
  check_append(ring->append(batch), *ring, batch, "streamAppend");
  return to_number(info.Env(), ring->next());
}

Napi::Value stream_refusals(const Napi::CallbackInfo& info) {
  const auto ring = thing_from<PointRing>(info[0], "stream", "streamRefusals");
  const std::span<const double> values = doubles_from(info[1], "values");
  const size_t dimension = ring->config().dimension;
  if (values.size() % dimension != 0) check(Status::kWrongDimension, "streamRefusals");
  std::vector<Status> refusals(values.size() / dimension, Status::kOk);
  ring->mark_refusals(values, refusals);
  if (std::ranges::all_of(refusals, [](Status one) { return one == Status::kOk; })) return info.Env().Null();
  Napi::Uint8Array codes = Napi::Uint8Array::New(info.Env(), refusals.size());
  std::ranges::transform(refusals, codes.Data(), [](Status one) { return static_cast<uint8_t>(one); });
  return codes;
}

Napi::Value stream_read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto ring = thing_from<PointRing>(info[0], "stream", "streamRead");
  const PointId first = integer_from(info[1], "first");
  const PointId end = integer_from(info[2], "end");
  if (first > end || first < ring->oldest() || end > ring->next()) {
    fail(Status::kPointNotRetained, "streamRead: points [" + std::to_string(first) + ", " +
                                        std::to_string(end) + ") asked for, points [" +
                                        std::to_string(ring->oldest()) + ", " + std::to_string(ring->next()) +
                                        ") are retained");
  }
  const RingConfig& config = ring->config();
  const size_t points = static_cast<size_t>(end - first);
  Napi::Object columns = Napi::Object::New(env);
  PointRing::Columns out{};
  const auto doubles = [&](const char* name, size_t count) {
    Napi::Float64Array array = Napi::Float64Array::New(env, count);
    columns.Set(name, array);
    return array.Data();
  };
  out.values = doubles("values", points * config.dimension);
  columns.Set("timestamps", env.Null());
  columns.Set("offsets", env.Null());
  columns.Set("indices", env.Null());
  if (config.timestamps) out.timestamps = doubles("timestamps", points);
  if (config.log_positions) {
    out.offsets = doubles("offsets", points);
    Napi::Uint32Array indices = Napi::Uint32Array::New(env, points);
    columns.Set("indices", indices);
    out.indices = indices.Data();
  }
  check(ring->read(first, end, out), "streamRead");
  return columns;
}

Napi::Value stream_state(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto ring = thing_from<PointRing>(info[0], "stream", "streamState");
  Napi::Object state = Napi::Object::New(env);
  state.Set("first", to_number(env, ring->oldest()));
  state.Set("next", to_number(env, ring->next()));
  state.Set("capacity", to_number(env, ring->capacity()));
  state.Set("bytes", to_number(env, ring->bytes()));
  return state;
}

Napi::Value stream_release(const Napi::CallbackInfo& info) {
  return release_from<PointRing>(info, "stream", "streamRelease");
}

}  // namespace tda::binding
