// Batch persistence of whole clouds: create, run on any thread, watch, cancel.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "binding/calls.h"
#include "binding/convert.h"
#include "native/rips/computation.h"

namespace tda::binding {

namespace {

using rips::BatchInput;
using rips::Computation;
using rips::InputKind;

constexpr uint64_t kThreadsMax = 256;

template <class Number>
std::vector<Number> copy_of(std::span<const Number> numbers) {
  return {numbers.begin(), numbers.end()};
}

rips::MetricSpec metric_from(const Napi::Object& input) {
  const Napi::Value name = input.Get("metric");
  const std::string text = name.IsString() ? name.As<Napi::String>().Utf8Value() : std::string();
  const std::optional<rips::Metric> metric = rips::metric_of(text);
  if (!metric) {
    fail(Status::kInvalidArgument,
         "metric: expected 'euclidean', 'manhattan', 'chebyshev', 'cosine' or 'correlation'");
  }
  return {*metric, copy_of<double>(optional_doubles_from(input.Get("weights"), "weights"))};
}

BatchInput input_from(const Napi::Value& value) {
  const Napi::Object object = object_from(value, "input");
  const Napi::Value kind = object.Get("kind");
  const std::string name = kind.IsString() ? kind.As<Napi::String>().Utf8Value() : std::string();
  BatchInput input;
  input.numbers = copy_of<double>(doubles_from(object.Get("numbers"), "numbers"));
  if (name == "points") {
    input.kind = InputKind::kPoints;
    input.dimension = integer_from(object.Get("dimension"), "dimension", 1, kDimensionMax);
    input.metric = metric_from(object);
  } else if (name == "lower") {
    input.kind = InputKind::kLower;
  } else if (name == "full") {
    input.kind = InputKind::kFull;
  } else if (name == "sparse") {
    input.kind = InputKind::kSparse;
    input.points = integer_from(object.Get("points"), "points", 0, uint64_t{1} << 31);
    input.rows = copy_of<uint32_t>(uint32s_from(object.Get("rows"), "rows"));
    input.columns = copy_of<uint32_t>(uint32s_from(object.Get("columns"), "columns"));
    if (input.rows.size() != input.numbers.size() || input.columns.size() != input.numbers.size())
      fail(Status::kInvalidArgument, "rows, columns and numbers: expected arrays of one length");
  } else {
    fail(Status::kInvalidArgument, "kind: expected 'points', 'lower', 'full' or 'sparse'");
  }
  return input;
}

rips::BatchOptions options_from(const Napi::Value& value) {
  const Napi::Object object = object_from(value, "options");
  rips::BatchOptions options;
  options.max_dimension =
      static_cast<int>(integer_from(object.Get("maxDimension"), "maxDimension", 0, rips::kBatchDimensionMax));
  options.modulus =
      static_cast<uint32_t>(integer_from(object.Get("modulus"), "modulus", 2, rips::kBatchModulusMax));
  const Napi::Value threshold = object.Get("threshold");
  options.threshold = threshold.IsNumber() ? threshold.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(options.threshold >= 0))
    fail(Status::kInvalidArgument, "threshold: expected a number that is not negative, or Infinity");
  options.threads = static_cast<unsigned>(integer_from(object.Get("threads"), "threads", 1, kThreadsMax));
  options.representatives = boolean_from(object.Get("representatives"), "representatives");
  options.memory_max_bytes = integer_from(object.Get("memoryMaxBytes"), "memoryMaxBytes");
  return options;
}

std::string mebibytes(uint64_t bytes) {
  return std::to_string(bytes / (uint64_t{1} << 20) + (bytes % (uint64_t{1} << 20) > 0 ? 1 : 0)) + " MiB";
}

// A double as a person reads it.
std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", number);
  return text;
}

std::string place_text(const BatchInput& input, const rips::Distances::Place& at) {
  if (input.kind == InputKind::kPoints) return "point " + std::to_string(at.row);
  return "the distance of points " + std::to_string(at.row) + " and " + std::to_string(at.column);
}

// Why distances.h answered kInvalidArgument.
std::string refusal_text(const BatchInput& input, const rips::Distances::Place& at) {
  const size_t n = input.size();
  const std::string count = std::to_string(input.numbers.size());
  if (input.kind == InputKind::kPoints)
    return "weights: expected one for each coordinate, finite and not negative";
  if (input.kind == InputKind::kLower && n * (n - 1) / 2 != input.numbers.size())
    return count + " distances are no triangle of n (n - 1) / 2 of them; the diagonal is left out";
  if (input.kind == InputKind::kFull && n * n != input.numbers.size())
    return count + " distances are no square matrix";
  if (input.kind == InputKind::kSparse && (at.row >= n || at.column >= n))
    return place_text(input, at) + ": there are " + std::to_string(n) + " points, numbered from 0";
  if (at.row == at.column) return place_text(input, at) + ": a point is at distance 0 from itself";
  if (input.kind == InputKind::kFull) {
    const double there = input.numbers[at.row * n + at.column], back = input.numbers[at.column * n + at.row];
    if (there != back) {
      return place_text(input, at) + ": " + number_text(there) + " one way and " + number_text(back) +
             " the other; a distance matrix is symmetric";
    }
  }
  return place_text(input, at) + ": negative" +
         (input.kind == InputKind::kSparse ? ", or given twice with different numbers" : "");
}

[[noreturn]] void explain(Status status, const Computation& computation, const rips::Distances::Place& at) {
  const std::string call = "batch persistence: ";
  const BatchInput& input = computation.input();
  const rips::BatchOptions& options = computation.options();
  switch (status) {
    case Status::kMemoryLimit: {
      const bool before = computation.least_bytes() > options.memory_max_bytes;
      fail(status, call +
                       (before ? "needs at least " + mebibytes(computation.least_bytes()) + ", more than the "
                               : "reached the limit in dimension " +
                                     std::to_string(computation.progress().dimension.load()) + ", the ") +
                       mebibytes(options.memory_max_bytes) + " allowed (at most it can take " +
                       mebibytes(computation.most_bytes()) +
                       "); use fewer points, a smaller threshold or maximal dimension, or allow more");
    }
    case Status::kInvalidArgument:
      if (!computation.fits()) {
        fail(status,
             call + "the simplices of dimension " + std::to_string(options.max_dimension + 1) + " of " +
                 std::to_string(input.size()) +
                 " points are too many to be numbered; use fewer points or a smaller maximal dimension");
      }
      // Of accepted input, which is gone by now, only the modulus can be left to be wrong.
      if (input.size() == 0) fail(status, call + std::to_string(options.modulus) + " is no prime modulus");
      fail(status, call + refusal_text(input, at));
    case Status::kNonFinitePoint:
      if (input.kind == InputKind::kPoints) {
        fail(status, call + place_text(input, at) +
                         ": NaN or an infinity, or with metric cosine a zero vector, with metric correlation "
                         "a constant one, which have no direction; leave it out");
      }
      fail(status, call + place_text(input, at) + " is NaN");
    case Status::kDistanceOverflow:
      fail(status,
           call + place_text(input, at) + ": a distance beyond 3.4e38, the largest float; scale down");
    case Status::kWrongDimension:
      fail(status, call + std::to_string(input.numbers.size()) +
                       " numbers are no whole number of points of " + std::to_string(input.dimension) +
                       " coordinates");
    case Status::kEngineBusy: fail(status, call + "this computation runs or has run; create another");
    default: check(status, "batch persistence"); fail(Status::kInternal, call + "nothing to explain");
  }
}

Napi::Uint32Array to_uint32_array(Napi::Env env, std::span<const uint32_t> numbers) {
  Napi::Uint32Array array = Napi::Uint32Array::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

Napi::Value to_result(Napi::Env env, const rips::BatchResult& result) {
  constexpr size_t kStride = 8;
  Napi::Float64Array pairs = Napi::Float64Array::New(env, result.pairs.size() * kStride);
  double* row = pairs.Data();
  for (const rips::BatchPair& pair : result.pairs) {
    const uint64_t places[] = {pair.birth_begin, pair.death_begin, pair.cocycle_begin, pair.cocycle_end,
                               pair.cocycle_vertices_begin};
    *row++ = pair.dimension;
    *row++ = pair.birth;
    *row++ = pair.death;
    for (const uint64_t place : places) *row++ = static_cast<double>(place);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("pairs", pairs);
  object.Set("vertices", to_uint32_array(env, result.vertices));
  object.Set("coefficients", to_uint32_array(env, result.coefficients));
  object.Set("cocycleVertices", to_uint32_array(env, result.cocycle_vertices));
  object.Set("thresholdUsed", Napi::Number::New(env, result.threshold_used));
  return object;
}

}  // namespace

Napi::Value batch_create(const Napi::CallbackInfo& info) {
  auto computation = std::make_shared<Computation>(input_from(info[0]), options_from(info[1]));
  return to_number(info.Env(), registry().add(std::move(computation)));
}

Napi::Value batch_run(const Napi::CallbackInfo& info) {
  const auto computation = thing_from<Computation>(info[0], "batch", "batchRun");
  rips::BatchResult result;
  rips::Distances::Place refused;
  const Status status = computation->run(result, refused);
  if (status != Status::kOk) explain(status, *computation, refused);
  return to_result(info.Env(), result);
}

Napi::Value batch_state(const Napi::CallbackInfo& info) {
  const auto computation = thing_from<Computation>(info[0], "batch", "batchState");
  const rips::BatchProgress& progress = computation->progress();
  Napi::Object state = Napi::Object::New(info.Env());
  state.Set("dimension", Napi::Number::New(info.Env(), progress.dimension.load()));
  state.Set("columns", to_number(info.Env(), progress.columns.load()));
  state.Set("columnsDone", to_number(info.Env(), progress.columns_done.load()));
  state.Set("leastBytes", to_number(info.Env(), computation->least_bytes()));
  state.Set("mostBytes", to_number(info.Env(), computation->most_bytes()));
  return state;
}

Napi::Value batch_cancel(const Napi::CallbackInfo& info) {
  thing_from<Computation>(info[0], "batch", "batchCancel")->cancel();
  return info.Env().Undefined();
}

Napi::Value batch_release(const Napi::CallbackInfo& info) {
  thing_from<Computation>(info[0], "batch", "batchRelease")->cancel();
  return release_from<Computation>(info, "batch", "batchRelease");
}

}  // namespace tda::binding
