// The one place that builds JavaScript errors: every failed call throws a TdaError whose `code` is a Status.
#pragma once

#include <napi.h>

#include <string>

#include "native/base/assert.h"
#include "native/base/status.h"

namespace tda::binding {

// Thrown by the glue, turned into a TdaError where the call came in (see guarded()).
struct CallFailed {
  Status status;
  std::string message;
};

[[noreturn]] void fail(Status status, std::string message);
// Throws unless kOk: "<where>: <what the status means and what to do>".
void check(Status status, const std::string& where);

// What one JavaScript environment (the main thread or a worker) keeps: the class TdaError of lib/errors.ts.
struct EnvironmentData {
  Napi::FunctionReference error_class;
};

// useErrorClass(TdaError: new (code: string, message: string) => Error): void. Called once by lib/native.ts.
Napi::Value use_error_class(const Napi::CallbackInfo& info);

CallFailed to_failure(const AssertionFailed& failure);
Napi::Error to_error(Napi::Env env, const CallFailed& failure);

// Wraps a call so that nothing but a Napi::Error leaves it.
template <Napi::Value (*call)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return call(info);
  } catch (const CallFailed& failure) {
    throw to_error(info.Env(), failure);
  } catch (const AssertionFailed& failure) {
    throw to_error(info.Env(), to_failure(failure));
  } catch (const std::bad_alloc&) {
    throw to_error(info.Env(), {Status::kMemoryLimit, "the native core could not get memory for this call"});
  }
}

}  // namespace tda::binding
