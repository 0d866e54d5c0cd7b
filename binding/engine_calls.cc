// Engines: create, advance, ask.
#include "binding/calls.h"
#include "binding/convert.h"

namespace tda::binding {

namespace {

// Results live per thread and not per engine, for as long as it takes to copy them out; a thread keeps only
// the memory of ordinary ones.
class ThreadResults {
 public:
  ~ThreadResults() { of_this_thread().clear(); }
  EngineResults& operator*() { return of_this_thread(); }

 private:
  static EngineResults& of_this_thread() {
    thread_local EngineResults results;
    return results;
  }
};

EngineLease lease_from(const Napi::Value& value, const char* call) {
  EngineLease lease(thing_from<Engine>(value, "engine", call));
  if (!lease) check(Status::kEngineBusy, call);
  return lease;
}

SlideSpec slide_from(const Napi::Value& value) {
  const Napi::Object slide = object_from(value, "slide");
  const Napi::Value count = slide.Get("count");
  const Napi::Value every_ms = slide.Get("everyMs");
  const Napi::Value by_hand = slide.Get("byHand");
  if (!is_absent(count) + !is_absent(every_ms) + !is_absent(by_hand) != 1) {
    fail(Status::kInvalidArgument,
         "slide: expected exactly one of { count }, { everyMs } and { byHand: true }");
  }
  SlideSpec spec;
  if (!is_absent(count)) spec.count = integer_from(count, "slide.count", 1, kRingCapacityMax);
  if (!is_absent(every_ms)) spec.every_ms = positive_from(every_ms, "slide.everyMs");
  if (!is_absent(by_hand) && !boolean_from(by_hand, "slide.byHand")) {
    fail(Status::kInvalidArgument, "slide.byHand: expected true");
  }
  return spec;
}

RipsSpec rips_from(const Napi::Value& value, const WindowSpec& window) {
  const Napi::Object rips = object_from(value, "rips");
  const Napi::Value embedding = rips.Get("embedding");
  const Napi::Value weights = rips.Get("weights");
  RipsSpec spec;
  for (const uint32_t channel : uint32s_from(rips.Get("channels"), "rips.channels"))
    spec.channels.push_back(channel);
  if (!is_absent(embedding)) {
    const Napi::Object options = object_from(embedding, "rips.embedding");
    spec.dimension = integer_from(options.Get("dimension"), "rips.embedding.dimension", 1, kDimensionMax);
    spec.delay = integer_from(options.Get("delay"), "rips.embedding.delay", 1, kRingCapacityMax);
    spec.stride = integer_from(options.Get("stride"), "rips.embedding.stride", 1, kRingCapacityMax);
  }
  spec.metric.metric = metric_from(rips.Get("metric"), "rips.metric");
  for (const double weight : optional_doubles_from(weights, "rips.weights"))
    spec.metric.weights.push_back(weight);
  spec.max_dimension = static_cast<int>(integer_from(rips.Get("maxDimension"), "rips.maxDimension", 0, 2));
  spec.threshold = not_negative_from(rips.Get("threshold"), "rips.threshold");
  if (window.by_time())
    spec.points_max = integer_from(rips.Get("pointsMax"), "rips.pointsMax", 1, kRingCapacityMax);
  return spec;
}

FiltrationConfig filtration_from(const Napi::Object& options, const WindowSpec& window) {
  const Napi::Value value = options.Get("filtration");
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  FiltrationConfig config;
  if (name == "rips") {
    config.kind = FiltrationKind::kRips;
    config.rips = rips_from(options.Get("rips"), window);
    return config;
  }
  if (name != "sublevel" && name != "superlevel") {
    fail(Status::kInvalidArgument, "filtration: expected 'sublevel', 'superlevel' or 'rips'");
  }
  config.kind = series_filtration_from(value, "filtration");
  config.channel = integer_from(options.Get("channel"), "channel", 0, kDimensionMax);
  return config;
}

[[noreturn]] void explain_rips(const EngineConfig& config, const RingConfig& stream) {
  const RipsSpec& spec = config.filtration.rips;
  const size_t samples = config.window.by_time() ? spec.points_max : config.window.count;
  fail(Status::kInvalidArgument,
       "engineCreate: a Rips filtration needs channels from 0 to " + std::to_string(stream.dimension - 1) +
           " (" + std::to_string(spec.channels.size()) + " given), no weights or one a coordinate (" +
           std::to_string(spec.coordinates()) + "; " + std::to_string(spec.metric.weights.size()) +
           " given), finite and not negative, for the metric correlation at least 2 coordinates, and from 1 "
           "to " +
           std::to_string(rips::kRipsWindowMax - 1) + " cloud points in a window (" +
           std::to_string(spec.cloud_max(samples)) + " in its " + std::to_string(samples) + " points)");
}

[[noreturn]] void explain_refusal(const EngineConfig& config, const PointRing& ring) {
  const RingConfig& stream = ring.config();
  if (config.filtration.kind == FiltrationKind::kRips) {
    if (check_rips(config.filtration.rips, config.window, stream) != Status::kOk)
      explain_rips(config, stream);
  } else if (config.filtration.channel >= stream.dimension) {
    fail(Status::kInvalidArgument, "engineCreate: channel " + std::to_string(config.filtration.channel) +
                                       " of a stream with " + std::to_string(stream.dimension) + " channels");
  }
  const bool needs_time = config.window.by_time() || config.slide.every_ms > 0;
  if (needs_time && !(stream.timestamps && stream.timestamps_ordered)) {
    fail(Status::kInvalidArgument,
         "engineCreate: a window or slide by time needs a stream with ordered timestamps");
  }
  fail(Status::kInvalidArgument, "engineCreate: window and slide take " +
                                     std::to_string(config.window.count + config.slide.count) +
                                     " points, the stream holds " + std::to_string(stream.capacity) +
                                     "; create it with a larger capacity");
}

EngineResume resume_from(const Napi::Value& value) {
  const Napi::Object options = object_from(value, "resume");
  return {.first = integer_from(options.Get("first"), "resume.first"),
          .emitted = integer_from(options.Get("emitted"), "resume.emitted"),
          .sequence = integer_from(options.Get("sequence"), "resume.sequence"),
          .snapshot_due = boolean_from(options.Get("snapshotDue"), "resume.snapshotDue")};
}

[[noreturn]] void explain_resume(const EngineResume& resume, const PointRing& ring) {
  fail(Status::kInvalidArgument,
       "engineCreate: no engine can go on from points [" + std::to_string(resume.first) + ", " +
           std::to_string(resume.emitted) + ") at sequence " + std::to_string(resume.sequence) +
           " over a stream that begins with point " + std::to_string(ring.oldest()));
}

void check_correction(Status status, const EngineLease& lease, PointId id, const std::string& call) {
  if (status == Status::kInvalidArgument) {
    fail(status, call +
                     ": only an engine with slide { byHand: true } over a Rips cloud of samples, without an "
                     "embedding, takes corrections");
  }
  if (status == Status::kPointNotRetained) {
    const EngineState now = lease->state();
    fail(status, call + ": point " + std::to_string(id) + " is not among the points [" +
                     std::to_string(now.first) + ", " + std::to_string(now.next) + "), or was removed");
  }
  check(status, call);
}

Napi::Value to_results(Napi::Env env, const EngineResults& from) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("emissions", to_float64_array(env, from.emissions.numbers()));
  object.Set("changes", to_float64_array(env, from.changes.numbers()));
  object.Set("snapshots", to_float64_array(env, from.snapshots.numbers()));
  return object;
}

}  // namespace

Napi::Value engine_create(const Napi::CallbackInfo& info) {
  const auto ring = thing_from<PointRing>(info[0], "stream", "engineCreate");
  const Napi::Object options = object_from(info[1], "config");
  const WindowSpec window = window_from(options.Get("window"), "window");
  const Napi::Value phase = options.Get("snapshotPhase");
  const EngineConfig config{.filtration = filtration_from(options, window),
                            .window = window,
                            .slide = slide_from(options.Get("slide")),
                            .snapshot_every = integer_from(options.Get("snapshotEvery"), "snapshotEvery"),
                            .snapshot_phase = is_absent(phase) ? 0 : integer_from(phase, "snapshotPhase")};
  std::shared_ptr<Engine> engine;
  if (is_absent(info[2])) {
    const Status status = Engine::create(ring, config, engine);
    if (status == Status::kInvalidArgument) explain_refusal(config, *ring);
    check(status, "engineCreate");
  } else {
    const EngineResume resume = resume_from(info[2]);
    const Status status = Engine::resume(ring, config, resume, engine);
    if (status == Status::kInvalidArgument && Engine::create(ring, config, engine) == Status::kOk) {
      explain_resume(resume, *ring);
    }
    if (status == Status::kInvalidArgument) explain_refusal(config, *ring);
    check(status, "engineCreate");
  }
  return to_number(info.Env(), registry().add(std::move(engine)));
}

Napi::Value engine_advance(const Napi::CallbackInfo& info) {
  const PointId until = integer_from(info[1], "until");
  const bool discard = boolean_from(info[2], "discard");
  const EngineLease lease = lease_from(info[0], "engineAdvance");
  ThreadResults results;
  const Status status = lease->advance(until, discard ? nullptr : &*results);
  check_range(status, until, lease->state().next, lease->ring(), "engineAdvance");
  return to_results(info.Env(), *results);
}

Napi::Value engine_update(const Napi::CallbackInfo& info) {
  const PointId until = integer_from(info[1], "until");
  const PointId first = integer_from(info[2], "first");
  const EngineLease lease = lease_from(info[0], "engineUpdate");
  ThreadResults results;
  const Status status = lease->update(until, first, *results);
  if (status == Status::kInvalidArgument) {
    fail(status, "engineUpdate: the engine was not created with slide { byHand: true }");
  }
  check_range(status, until, lease->state().next, lease->ring(), "engineUpdate");
  return to_float64_array(info.Env(), (*results).changes.numbers());
}

Napi::Value engine_remove(const Napi::CallbackInfo& info) {
  const PointId id = integer_from(info[1], "point");
  const EngineLease lease = lease_from(info[0], "engineRemove");
  ThreadResults results;
  check_correction(lease->remove(id, *results), lease, id, "engineRemove");
  return to_float64_array(info.Env(), (*results).changes.numbers());
}

Napi::Value engine_move(const Napi::CallbackInfo& info) {
  const PointId id = integer_from(info[1], "point");
  const std::span<const double> values = doubles_from(info[2], "values");
  const EngineLease lease = lease_from(info[0], "engineMove");
  ThreadResults results;
  const Status status = lease->move(id, values, *results);
  if (status == Status::kWrongDimension) {
    fail(status, "engineMove: expected " + std::to_string(lease->ring().config().dimension) +
                     " values, got " + std::to_string(values.size()));
  }
  check_correction(status, lease, id, "engineMove");
  return to_float64_array(info.Env(), (*results).changes.numbers());
}

Napi::Value engine_request_snapshot(const Napi::CallbackInfo& info) {
  thing_from<Engine>(info[0], "engine", "engineRequestSnapshot")->request_snapshot();
  return info.Env().Undefined();
}

Napi::Value engine_diagram(const Napi::CallbackInfo& info) {
  const EngineLease lease = lease_from(info[0], "engineDiagram");
  ThreadResults results;
  check(lease->diagram(*results), "engineDiagram");
  return to_float64_array(info.Env(), (*results).snapshots.numbers());
}

Napi::Value engine_state(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const EngineState now = thing_from<Engine>(info[0], "engine", "engineState")->state();
  Napi::Object state = Napi::Object::New(env);
  state.Set("first", to_number(env, now.first));
  state.Set("next", to_number(env, now.next));
  state.Set("held", to_number(env, now.held));
  state.Set("emitted", to_number(env, now.emitted));
  state.Set("sequence", to_number(env, now.sequence));
  state.Set("pairs", to_number(env, now.pairs));
  state.Set("loops", to_number(env, now.loops));
  state.Set("voids", to_number(env, now.voids));
  state.Set("bytes", to_number(env, now.bytes));
  Napi::Object counters = Napi::Object::New(env);
  counters.Set("columns", to_number(env, now.counters.columns));
  counters.Set("pivots", to_number(env, now.counters.pivots));
  counters.Set("edits", to_number(env, now.counters.edits));
  counters.Set("arenaBytes", to_number(env, now.counters.arena_bytes));
  state.Set("counters", counters);
  state.Set("snapshotDue", Napi::Boolean::New(env, now.snapshot_due));
  return state;
}

Napi::Value engine_release(const Napi::CallbackInfo& info) {
  return release_from<Engine>(info, "engine", "engineRelease");
}

}  // namespace tda::binding
