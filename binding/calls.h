// The calls of the addon, as lib/native.ts types and describes them.
#pragma once

#include <napi.h>

namespace tda::binding {

Napi::Value stream_create(const Napi::CallbackInfo& info);
Napi::Value stream_append(const Napi::CallbackInfo& info);
Napi::Value stream_refusals(const Napi::CallbackInfo& info);
Napi::Value stream_read(const Napi::CallbackInfo& info);
Napi::Value stream_state(const Napi::CallbackInfo& info);
Napi::Value stream_release(const Napi::CallbackInfo& info);

Napi::Value window_create(const Napi::CallbackInfo& info);
Napi::Value window_advance(const Napi::CallbackInfo& info);
Napi::Value window_push(const Napi::CallbackInfo& info);
Napi::Value window_push_one(const Napi::CallbackInfo& info);
Napi::Value window_release(const Napi::CallbackInfo& info);

Napi::Value engine_create(const Napi::CallbackInfo& info);
Napi::Value engine_advance(const Napi::CallbackInfo& info);
Napi::Value engine_update(const Napi::CallbackInfo& info);
Napi::Value engine_remove(const Napi::CallbackInfo& info);
Napi::Value engine_move(const Napi::CallbackInfo& info);
Napi::Value engine_request_snapshot(const Napi::CallbackInfo& info);
Napi::Value engine_diagram(const Napi::CallbackInfo& info);
Napi::Value engine_state(const Napi::CallbackInfo& info);
Napi::Value engine_release(const Napi::CallbackInfo& info);

Napi::Value flat_json(const Napi::CallbackInfo& info);

Napi::Value update_json(const Napi::CallbackInfo& info);

Napi::Value batch_create(const Napi::CallbackInfo& info);
Napi::Value batch_run(const Napi::CallbackInfo& info);
Napi::Value batch_state(const Napi::CallbackInfo& info);
Napi::Value batch_cancel(const Napi::CallbackInfo& info);
Napi::Value batch_release(const Napi::CallbackInfo& info);

Napi::Value series_batch_diagram(const Napi::CallbackInfo& info);
Napi::Value embedding_delay(const Napi::CallbackInfo& info);
Napi::Value embedding_dimension(const Napi::CallbackInfo& info);
Napi::Value rips_predict_bytes(const Napi::CallbackInfo& info);
Napi::Value kernel_target(const Napi::CallbackInfo& info);
Napi::Value live_handles(const Napi::CallbackInfo& info);

}  // namespace tda::binding
