#include "binding/errors.h"

#include <utility>

namespace tda::binding {

namespace {

const char* advice_of(Status status) {
  switch (status) {
    case Status::kOk: return "done";
    case Status::kInvalidArgument: return "an argument can never be right";
    case Status::kNonFinitePoint:
      return "NaN or an infinity among the numbers; nothing was applied, leave that point out";
    case Status::kWrongDimension: return "the values are not a whole number of points; nothing was applied";
    case Status::kTimestampBackwards:
      return "a timestamp lies before the newest one; nothing was applied, order the points or leave that "
             "one out";
    case Status::kCapacityExceeded:
      return "the ring is full of points a window still needs; advance its windows and engines first or "
             "create it larger";
    case Status::kPointNotRetained: return "points that have left the ring or have not arrived yet";
    case Status::kWindowEmpty: return "there is no point to remove";
    case Status::kEngineBusy: return "another thread is using it; try again when that call is done";
    case Status::kUnknownHandle: return "the handle was released, never existed or names something else";
    case Status::kDistanceOverflow:
      return "distances leave the range of the stored type; scale the coordinates down";
    case Status::kMemoryLimit:
      return "no memory for it; use a smaller window or capacity, then create it anew";
    case Status::kCancelled: return "cancelled by the caller";
    case Status::kInternal:
      return "an invariant of ours failed; release it, create it anew from its points, and report the case";
  }
  return "unknown status";
}

}  // namespace

void fail(Status status, std::string message) { throw CallFailed{status, std::move(message)}; }

void check(Status status, const std::string& where) {
  if (status != Status::kOk) fail(status, where + ": " + advice_of(status));
}

Napi::Value use_error_class(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) fail(Status::kInvalidArgument, "useErrorClass: expected a class");
  info.Env().GetInstanceData<EnvironmentData>()->error_class = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

CallFailed to_failure(const AssertionFailed& failure) {
  return {Status::kInternal, std::string("an invariant of the native core failed: ") + failure.condition +
                                 " (" + failure.file + ":" + std::to_string(failure.line) +
                                 "); please report it"};
}

Napi::Error to_error(Napi::Env env, const CallFailed& failure) {
  const std::string_view code = code_of(failure.status);
  const Napi::String js_code = Napi::String::New(env, code.data(), code.size());
  const auto* data = env.GetInstanceData<EnvironmentData>();
  if (data != nullptr && !data->error_class.IsEmpty()) {
    return Napi::Error(env, data->error_class.New({js_code, Napi::String::New(env, failure.message)}));
  }
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", js_code);
  return error;
}

}  // namespace tda::binding
