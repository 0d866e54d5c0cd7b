#include "binding/kafka/batch.h"

namespace tda::kafka {

namespace {

void add_headers(Batch& batch, const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR || headers == nullptr)
    return;
  Batch::Headers found{static_cast<uint32_t>(batch.offsets.size()), {}};
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    found.pairs.emplace_back(
        name, value == nullptr ? std::string() : std::string(static_cast<const char*>(value), size));
  }
  if (!found.pairs.empty()) batch.headers.push_back(std::move(found));
}

int32_t append(std::vector<char>& bytes, const void* from, size_t size) {
  if (from == nullptr) return -1;
  const char* const begin = static_cast<const char*>(from);
  bytes.insert(bytes.end(), begin, begin + size);
  return static_cast<int32_t>(size);
}

void add(Batch& batch, const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    batch.end_partitions.push_back(message.partition);
    batch.end_offsets.push_back(static_cast<double>(message.offset));
    return;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const bool is_fatal = message.err == RD_KAFKA_RESP_ERR__FATAL;  // Told once: nothing may hide it.
    if (batch.error_code != 0 && !is_fatal) return;
    batch.error_code = message.err;
    batch.error = rd_kafka_message_errstr(&message);
    return;
  }
  add_headers(batch, message);
  batch.key_starts.push_back(static_cast<uint32_t>(batch.bytes.size()));
  batch.key_lengths.push_back(append(batch.bytes, message.key, message.key_len));
  batch.value_starts.push_back(static_cast<uint32_t>(batch.bytes.size()));
  batch.value_lengths.push_back(append(batch.bytes, message.payload, message.len));
  batch.partitions.push_back(message.partition);
  batch.offsets.push_back(static_cast<double>(message.offset));
  batch.timestamps.push_back(static_cast<double>(rd_kafka_message_timestamp(&message, nullptr)));
}

void reserve(Batch& batch, const std::vector<rd_kafka_message_t*>& messages, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) bytes += messages[i]->key_len + messages[i]->len;
  batch.bytes.reserve(bytes);
  batch.key_starts.reserve(count);
  batch.value_starts.reserve(count);
  batch.key_lengths.reserve(count);
  batch.value_lengths.reserve(count);
  batch.partitions.reserve(count);
  batch.offsets.reserve(count);
  batch.timestamps.reserve(count);
}

size_t consume(rd_kafka_queue_t* queue, rd_kafka_message_t** messages, size_t room, int wait_ms) {
  const ssize_t count = rd_kafka_consume_batch_queue(queue, wait_ms, messages, room);
  return count < 0 ? 0 : static_cast<size_t>(count);
}

}  // namespace

Batch take(Client& client, const TakeLimits& limits) {
  Batch batch;
  std::vector<rd_kafka_message_t*> messages(limits.messages_max);
  client.with_queue([&](rd_kafka_t*, rd_kafka_queue_t* queue) {
    size_t count = consume(queue, messages.data(), messages.size(), 0);
    if (count == 0) count = consume(queue, messages.data(), 1, limits.first_ms);
    if (count > 0 && count < messages.size()) {
      count += consume(queue, messages.data() + count, messages.size() - count, limits.linger_ms);
    }
    reserve(batch, messages, count);
    for (size_t i = 0; i < count; ++i) {
      add(batch, *messages[i]);
      rd_kafka_message_destroy(messages[i]);
    }
  });
  return batch;
}

}  // namespace tda::kafka
