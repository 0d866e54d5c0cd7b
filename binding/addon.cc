// The addon: parse, call, wrap. Handles live in process-wide state (native/engine/registry.h), so every
// environment that loads the addon, the main thread or a worker, sees the same streams, windows and engines.
// What an environment owns itself is only its error class; calls are synchronous on the thread that makes
// them, and a worker that is terminated ends after the call under way.
#include <napi.h>

#include "binding/calls.h"
#include "binding/errors.h"

namespace tda::binding {

namespace {

template <Napi::Value (*call)(const Napi::CallbackInfo&)>
void add(Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<call>>(exports.Env(), name));
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new EnvironmentData);
  add<use_error_class>(exports, "useErrorClass");
  add<stream_create>(exports, "streamCreate");
  add<stream_append>(exports, "streamAppend");
  add<stream_refusals>(exports, "streamRefusals");
  add<stream_read>(exports, "streamRead");
  add<stream_state>(exports, "streamState");
  add<stream_release>(exports, "streamRelease");
  add<window_create>(exports, "windowCreate");
  add<window_advance>(exports, "windowAdvance");
  add<window_push>(exports, "windowPush");
  add<window_push_one>(exports, "windowPushOne");
  add<window_release>(exports, "windowRelease");
  add<engine_create>(exports, "engineCreate");
  add<engine_advance>(exports, "engineAdvance");
  add<engine_update>(exports, "engineUpdate");
  add<engine_remove>(exports, "engineRemove");
  add<engine_move>(exports, "engineMove");
  add<engine_request_snapshot>(exports, "engineRequestSnapshot");
  add<engine_diagram>(exports, "engineDiagram");
  add<engine_state>(exports, "engineState");
  add<engine_release>(exports, "engineRelease");
  add<flat_json>(exports, "flatJson");
  add<update_json>(exports, "updateJson");
  add<batch_create>(exports, "batchCreate");
  add<batch_run>(exports, "batchRun");
  add<batch_state>(exports, "batchState");
  add<batch_cancel>(exports, "batchCancel");
  add<batch_release>(exports, "batchRelease");
  add<series_batch_diagram>(exports, "seriesBatchDiagram");
  add<embedding_delay>(exports, "embeddingDelay");
  add<embedding_dimension>(exports, "embeddingDimension");
  add<rips_predict_bytes>(exports, "ripsPredictBytes");
  add<kernel_target>(exports, "kernelTarget");
  add<live_handles>(exports, "liveHandles");
  return exports;
}

}  // namespace

NODE_API_MODULE(streaming_tda, initialise)

}  // namespace tda::binding
