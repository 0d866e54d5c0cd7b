// Updates as JSON.
#include "binding/calls.h"
#include "binding/convert.h"
#include "native/diagram/update_json.h"

namespace tda::binding {

namespace {

// One encoder a thread, because it keeps its memory; empty between calls, also after one that failed.
class ThreadJson {
 public:
  ~ThreadJson() { of_this_thread().clear(); }
  UpdateJson& operator*() { return of_this_thread(); }

 private:
  static UpdateJson& of_this_thread() {
    thread_local UpdateJson json;
    return json;
  }
};

constexpr uint64_t kPointsMax = 16;
constexpr uint64_t kPartitionMax = uint64_t{1} << 31;

}  // namespace

Napi::Value update_json(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object result = object_from(info[0], "result");
  const Napi::Object options = object_from(info[1], "context");
  const Napi::Object layout = object_from(options.Get("layout"), "context.layout");
  const Napi::Value names = options.Get("names");
  if (!names.IsString()) fail(Status::kInvalidArgument, "context.names: expected a text");
  const std::string names_text = names.As<Napi::String>().Utf8Value();
  const UpdateContext context{
      .names = names_text,
      .partition = integer_from(options.Get("partition"), "context.partition", 0, kPartitionMax),
      .birth_points = integer_from(layout.Get("birthPoints"), "layout.birthPoints", 1, kPointsMax),
      .death_points = integer_from(layout.Get("deathPoints"), "layout.deathPoints", 1, kPointsMax),
      .bytes_max = integer_from(options.Get("maxBytes"), "context.maxBytes", 1),
      .rebuilt = boolean_from(options.Get("rebuilt"), "context.rebuilt"),
      .event_time = boolean_from(options.Get("eventTime"), "context.eventTime")};
  const UpdateRows rows{.emissions = doubles_from(result.Get("emissions"), "result.emissions"),
                        .changes = doubles_from(result.Get("changes"), "result.changes"),
                        .snapshots = doubles_from(result.Get("snapshots"), "result.snapshots")};
  if (!are_consistent(rows, context)) {
    fail(Status::kInvalidArgument, "updateJson: the rows are not those of an advance with this layout");
  }
  ThreadJson json;
  (*json).add(rows, context);
  const std::string_view text = (*json).text();
  const std::span<const uint32_t> lengths = (*json).lengths();
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, text.size());
  std::copy_n(text.data(), text.size(), reinterpret_cast<char*>(bytes.Data()));
  Napi::Uint32Array bytes_of_each = Napi::Uint32Array::New(env, lengths.size());
  std::copy_n(lengths.data(), lengths.size(), bytes_of_each.Data());
  Napi::Object messages = Napi::Object::New(env);
  messages.Set("bytes", bytes);
  messages.Set("lengths", bytes_of_each);
  messages.Set("dueAt", to_float64_array(env, (*json).due_at()));
  return messages;
}

}  // namespace tda::binding
