// From JavaScript arguments to the core's types and back. Every function names the argument in its error.
#pragma once

#include <napi.h>

#include <span>
#include <string>

#include "binding/errors.h"
#include "native/engine/registry.h"

namespace tda::binding {

// An integer in [least, most]; INVALID_ARGUMENT otherwise.
uint64_t integer_from(const Napi::Value& value, const char* name, uint64_t least = 0,
                      uint64_t most = uint64_t{1} << 53);
bool boolean_from(const Napi::Value& value, const char* name);
double positive_from(const Napi::Value& value, const char* name);
double not_negative_from(const Napi::Value& value, const char* name);  // may be infinite
Napi::Object object_from(const Napi::Value& value, const char* name);
bool is_absent(const Napi::Value& value);  // null or undefined

// A view of a typed array's numbers, valid during the call. Refuses detached arrays, and arrays over shared
// memory, which another thread could change between check and use.
std::span<double> doubles_from(const Napi::Value& value, const char* name);
std::span<uint32_t> uint32s_from(const Napi::Value& value, const char* name);
std::span<int32_t> int32s_from(const Napi::Value& value, const char* name);
std::span<uint8_t> bytes_from(const Napi::Value& value, const char* name);
std::span<double> optional_doubles_from(const Napi::Value& value, const char* name);
std::span<uint32_t> optional_uint32s_from(const Napi::Value& value, const char* name);

WindowSpec window_from(const Napi::Value& value, const char* name);
// 'sublevel' or 'superlevel'.
FiltrationKind series_filtration_from(const Napi::Value& value, const char* name);
rips::Metric metric_from(const Napi::Value& value, const char* name);

Napi::Float64Array to_float64_array(Napi::Env env, std::span<const double> numbers);
inline Napi::Value to_number(Napi::Env env, uint64_t number) {
  return Napi::Number::New(env, static_cast<double>(number));
}

// The thing behind a handle; UNKNOWN_HANDLE otherwise.
template <class Thing>
std::shared_ptr<Thing> thing_from(const Napi::Value& value, const char* kind, const std::string& call) {
  std::shared_ptr<Thing> thing;
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number >= 1 && number < 9007199254740992.0) {
      const auto handle = static_cast<Handle>(number);
      if (static_cast<double>(handle) == number) thing = registry().find<Thing>(handle);
    }
  }
  if (thing == nullptr) {
    fail(Status::kUnknownHandle, call + ": not a handle of kind \"" + kind +
                                     "\"; it was released, never existed or names something else");
  }
  return thing;
}

// Releases the thing behind a handle: <name>Release(handle).
template <class Thing>
Napi::Value release_from(const Napi::CallbackInfo& info, const char* kind, const char* call) {
  thing_from<Thing>(info[0], kind, call);
  registry().release<Thing>(static_cast<Handle>(info[0].As<Napi::Number>().DoubleValue()));
  return info.Env().Undefined();
}

// Throw unless kOk, with the numbers that explain it.
void check_append(Status status, const PointRing& ring, const PointBatch& batch, const std::string& call);
void check_range(Status status, PointId until, PointId next, const PointRing& ring, const std::string& call);

}  // namespace tda::binding
