// Records into numbers.
#include "binding/calls.h"
#include "binding/convert.h"
#include "native/records/flat_json.h"

namespace tda::binding {

namespace {

std::vector<std::string> names_from(const Napi::Value& value) {
  if (!value.IsArray()) fail(Status::kInvalidArgument, "names: expected an array of texts");
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<std::string> names;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value name = array.Get(i);
    if (!name.IsString()) fail(Status::kInvalidArgument, "names: expected an array of texts");
    names.push_back(name.As<Napi::String>().Utf8Value());
  }
  if (names.empty() || names.size() > kFlatFieldsMax)
    fail(Status::kInvalidArgument, "names: expected 1 to " + std::to_string(kFlatFieldsMax));
  return names;
}

}  // namespace

Napi::Value flat_json(const Napi::CallbackInfo& info) {
  const std::span<const uint8_t> bytes = bytes_from(info[0], "bytes");
  const std::span<const uint32_t> starts = uint32s_from(info[1], "starts");
  const std::span<const int32_t> lengths = int32s_from(info[2], "lengths");
  const std::vector<std::string> names = names_from(info[3]);
  if (starts.size() != lengths.size()) fail(Status::kInvalidArgument, "flatJson: one length for each start");
  Napi::Float64Array numbers = Napi::Float64Array::New(info.Env(), starts.size() * names.size());
  Napi::Uint8Array taken = Napi::Uint8Array::New(info.Env(), starts.size());
  const std::span<double> all(numbers.Data(), numbers.ElementLength());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (size_t i = 0; i < starts.size(); ++i) {
    if (lengths[i] <= 0) continue;  // no value, or an empty one
    const auto length = static_cast<size_t>(lengths[i]);
    if (starts[i] > text.size() || length > text.size() - starts[i]) {
      fail(Status::kInvalidArgument, "flatJson: record " + std::to_string(i) + " lies beyond the bytes");
    }
    const std::span<double> row = all.subspan(i * names.size(), names.size());
    taken.Data()[i] = read_flat_json(text.substr(starts[i], length), names, row) ? 1 : 0;
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("numbers", numbers);
  result.Set("taken", taken);
  return result;
}

}  // namespace tda::binding
