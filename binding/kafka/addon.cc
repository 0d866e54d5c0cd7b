// Optional addon beside node-rdkafka: takes a consumer's messages out of librdkafka in batches, as columns (batch.h), in
// a thread of libuv's pool. Everything else (group, assignment, commits, closing) stays node-rdkafka's; clients.h
// tells how both work on one client. lib/mesh/columnar-reader.ts is its typed face and the only file that loads it.
#include <napi.h>

#include <algorithm>

#include "binding/kafka/batch.h"

namespace tda::kafka {

namespace {

constexpr double kMessagesMax = 100000;
constexpr double kWaitMsMax = 1000;

template <class Array, class Number>
Array to_array(Napi::Env env, const std::vector<Number>& numbers) {
  Array array = Array::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

Napi::Value headers_of(Napi::Env env, const Batch& batch) {
  if (batch.headers.empty()) return env.Null();
  Napi::Array all = Napi::Array::New(env, batch.headers.size());
  for (uint32_t i = 0; i < batch.headers.size(); ++i) {
    const Batch::Headers& from = batch.headers[i];
    Napi::Array pairs = Napi::Array::New(env, from.pairs.size());
    for (uint32_t k = 0; k < from.pairs.size(); ++k) {
      Napi::Array pair = Napi::Array::New(env, 2);
      pair.Set(0u, from.pairs[k].first);
      pair.Set(1u, from.pairs[k].second);
      pairs.Set(k, pair);
    }
    Napi::Array entry = Napi::Array::New(env, 2);
    entry.Set(0u, Napi::Number::New(env, from.message));
    entry.Set(1u, pairs);
    all.Set(i, entry);
  }
  return all;
}

Napi::Object to_object(Napi::Env env, const Batch& batch) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("bytes", Napi::Buffer<char>::Copy(env, batch.bytes.data(), batch.bytes.size()));
  object.Set("keyStarts", to_array<Napi::Uint32Array>(env, batch.key_starts));
  object.Set("valueStarts", to_array<Napi::Uint32Array>(env, batch.value_starts));
  object.Set("keyLengths", to_array<Napi::Int32Array>(env, batch.key_lengths));
  object.Set("valueLengths", to_array<Napi::Int32Array>(env, batch.value_lengths));
  object.Set("partitions", to_array<Napi::Int32Array>(env, batch.partitions));
  object.Set("offsets", to_array<Napi::Float64Array>(env, batch.offsets));
  object.Set("timestamps", to_array<Napi::Float64Array>(env, batch.timestamps));
  object.Set("headers", headers_of(env, batch));
  object.Set("endPartitions", to_array<Napi::Int32Array>(env, batch.end_partitions));
  object.Set("endOffsets", to_array<Napi::Float64Array>(env, batch.end_offsets));
  object.Set("errorCode", Napi::Number::New(env, batch.error_code));
  object.Set("error", batch.error);
  return object;
}

class TakeWorker : public Napi::AsyncWorker {
 public:
  TakeWorker(Napi::Env env, std::shared_ptr<Client> client, const TakeLimits& limits)
      : AsyncWorker(env, "streaming-tda:take"),
        client_(std::move(client)),
        limits_(limits),
        deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    batch_ = take(*client_, limits_);
    client_.reset();
  }
  void OnOK() override { deferred_.Resolve(to_object(Env(), batch_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  std::shared_ptr<Client> client_;
  TakeLimits limits_;
  Napi::Promise::Deferred deferred_;
  Batch batch_;
};

double number_from(const Napi::CallbackInfo& info, size_t at, double least, double most) {
  const double number = info[at].IsNumber() ? info[at].As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= least && number <= most))
    throw Napi::RangeError::New(info.Env(), "take: argument " + std::to_string(at) + " is out of range");
  return number;
}

// One consumer's reader: new Reader(name), take(messagesMax, firstMs, lingerMs), close().
class Reader : public Napi::ObjectWrap<Reader> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Reader",
        {InstanceMethod<&Reader::take_batch>("take"), InstanceMethod<&Reader::close>("close")});
  }
  explicit Reader(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (info[0].IsString()) client_ = find_client(info[0].As<Napi::String>().Utf8Value());
    if (client_ == nullptr) throw Napi::Error::New(info.Env(), "no consumer of that name uses this plugin");
  }

 private:
  Napi::Value take_batch(const Napi::CallbackInfo& info) {
    const TakeLimits limits{.messages_max = static_cast<size_t>(number_from(info, 0, 1, kMessagesMax)),
                            .first_ms = static_cast<int>(number_from(info, 1, 0, kWaitMsMax)),
                            .linger_ms = static_cast<int>(number_from(info, 2, 0, kWaitMsMax))};
    if (client_ == nullptr) throw Napi::Error::New(info.Env(), "take: the reader is closed");
    auto* const worker = new TakeWorker(info.Env(), client_, limits);
    worker->Queue();
    return worker->promise();
  }
  // Callers wait for a take under way before: this would block for it.
  Napi::Value close(const Napi::CallbackInfo& info) {
    if (client_ != nullptr) client_->close();
    client_.reset();
    return info.Env().Undefined();
  }

  std::shared_ptr<Client> client_;
};

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("Reader", Reader::define(env));
  exports.Set("librdkafka", rd_kafka_version_str());
  return exports;
}

}  // namespace

NODE_API_MODULE(streaming_tda_kafka, initialise)

}  // namespace tda::kafka
