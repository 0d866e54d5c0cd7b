#include "binding/convert.h"

#include <algorithm>
#include <cmath>

namespace tda::binding {

namespace {

template <class Number>
std::span<Number> numbers_from(const Napi::Value& value, const char* name, napi_typedarray_type wanted,
                               const char* wanted_name) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;
  const bool typed =
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, &buffer, nullptr) == napi_ok;
  if (!typed || type != wanted)
    fail(Status::kInvalidArgument, std::string(name) + ": expected a " + wanted_name);
  bool owned = false;
  if (napi_is_arraybuffer(value.Env(), buffer, &owned) != napi_ok || !owned) {
    fail(Status::kInvalidArgument,
         std::string(name) +
             ": the array lies in shared memory, which may change during the call; pass a copy");
  }
  if (length == 0) {
    bool detached = false;
    if (napi_is_detached_arraybuffer(value.Env(), buffer, &detached) != napi_ok || detached) {
      fail(Status::kInvalidArgument,
           std::string(name) + ": the array was transferred away; it has no numbers any more");
    }
  }
  return {static_cast<Number*>(data), length};
}

}  // namespace

uint64_t integer_from(const Napi::Value& value, const char* name, uint64_t least, uint64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most)) ||
      std::trunc(number) != number) {
    fail(Status::kInvalidArgument, std::string(name) + ": expected an integer from " + std::to_string(least) +
                                       " to " + std::to_string(most));
  }
  return static_cast<uint64_t>(number);
}

bool boolean_from(const Napi::Value& value, const char* name) {
  if (!value.IsBoolean()) fail(Status::kInvalidArgument, std::string(name) + ": expected true or false");
  return value.As<Napi::Boolean>().Value();
}

double positive_from(const Napi::Value& value, const char* name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number > 0) || !std::isfinite(number)) {
    fail(Status::kInvalidArgument, std::string(name) + ": expected a finite number above 0");
  }
  return number;
}

double not_negative_from(const Napi::Value& value, const char* name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= 0)) fail(Status::kInvalidArgument, std::string(name) + ": expected a number from 0 on");
  return number;
}

Napi::Object object_from(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) fail(Status::kInvalidArgument, std::string(name) + ": expected an object");
  return value.As<Napi::Object>();
}

bool is_absent(const Napi::Value& value) { return value.IsNull() || value.IsUndefined(); }

std::span<double> doubles_from(const Napi::Value& value, const char* name) {
  return numbers_from<double>(value, name, napi_float64_array, "Float64Array");
}
std::span<uint32_t> uint32s_from(const Napi::Value& value, const char* name) {
  return numbers_from<uint32_t>(value, name, napi_uint32_array, "Uint32Array");
}
std::span<int32_t> int32s_from(const Napi::Value& value, const char* name) {
  return numbers_from<int32_t>(value, name, napi_int32_array, "Int32Array");
}
std::span<uint8_t> bytes_from(const Napi::Value& value, const char* name) {
  return numbers_from<uint8_t>(value, name, napi_uint8_array, "Uint8Array");
}
std::span<double> optional_doubles_from(const Napi::Value& value, const char* name) {
  return is_absent(value) ? std::span<double>() : doubles_from(value, name);
}
std::span<uint32_t> optional_uint32s_from(const Napi::Value& value, const char* name) {
  return is_absent(value) ? std::span<uint32_t>() : uint32s_from(value, name);
}

WindowSpec window_from(const Napi::Value& value, const char* name) {
  const Napi::Object window = object_from(value, name);
  const Napi::Value count = window.Get("count");
  const Napi::Value span_ms = window.Get("spanMs");
  if (is_absent(count) == is_absent(span_ms)) {
    fail(Status::kInvalidArgument, std::string(name) + ": expected exactly one of { count } and { spanMs }");
  }
  WindowSpec spec;
  if (!is_absent(count)) spec.count = integer_from(count, "window.count", 1, kRingCapacityMax);
  if (!is_absent(span_ms)) spec.span_ms = positive_from(span_ms, "window.spanMs");
  return spec;
}

FiltrationKind series_filtration_from(const Napi::Value& value, const char* name) {
  const std::string kind = value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  if (kind == "sublevel") return FiltrationKind::kSublevel;
  if (kind == "superlevel") return FiltrationKind::kSuperlevel;
  fail(Status::kInvalidArgument, std::string(name) + ": expected 'sublevel' or 'superlevel'");
}

rips::Metric metric_from(const Napi::Value& value, const char* name) {
  const std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  if (const auto metric = rips::metric_of(text)) return *metric;
  fail(Status::kInvalidArgument,
       std::string(name) + ": expected 'euclidean', 'manhattan', 'chebyshev', 'cosine' or 'correlation'");
}

Napi::Float64Array to_float64_array(Napi::Env env, std::span<const double> numbers) {
  Napi::Float64Array array = Napi::Float64Array::New(env, numbers.size());
  std::copy_n(numbers.data(), numbers.size(), array.Data());
  return array;
}

void check_append(Status status, const PointRing& ring, const PointBatch& batch, const std::string& call) {
  if (status == Status::kOk) return;
  const RingConfig& config = ring.config();
  if (status == Status::kInvalidArgument) {
    fail(status, call + ": timestamps " + (config.timestamps ? "needed" : "not kept by this stream") +
                     ", offsets and indices " +
                     (config.log_positions ? "needed" : "not kept by this stream") +
                     ", one for each point, offsets integers up to 2^53; got " +
                     std::to_string(batch.values.size()) + " values of dimension " +
                     std::to_string(config.dimension) + ", " + std::to_string(batch.timestamps.size()) +
                     " timestamps, " + std::to_string(batch.offsets.size()) + " offsets, " +
                     std::to_string(batch.indices.size()) + " indices; nothing was applied");
  }
  if (status == Status::kWrongDimension) {
    fail(status, call + ": " + std::to_string(batch.values.size()) +
                     " values are no whole number of points of dimension " +
                     std::to_string(config.dimension) + "; nothing was applied");
  }
  if (status == Status::kCapacityExceeded) {
    fail(status,
         call + ": " + std::to_string(batch.values.size() / config.dimension) +
             " more points do not fit in a ring of " + std::to_string(config.capacity) +
             " whose points from " + std::to_string(ring.oldest_held()) + " to " +
             std::to_string(ring.next()) +
             " are still needed; nothing was applied. Advance the windows and engines or create it larger");
  }
  if (status == Status::kNonFinitePoint) {
    fail(status, call +
                     ": NaN, an infinity, or (with the metrics cosine and correlation) a point without a "
                     "direction; nothing was applied, leave that point out");
  }
  check(status, call);
}

void check_range(Status status, PointId until, PointId next, const PointRing& ring, const std::string& call) {
  if (status == Status::kPointNotRetained) {
    fail(status, call + ": cannot advance to " + std::to_string(until) + "; it stands at " +
                     std::to_string(next) + " and points up to " + std::to_string(ring.next()) +
                     " have arrived");
  }
  check(status, call);
}

}  // namespace tda::binding
