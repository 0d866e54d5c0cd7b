// Messages as columns: one block of bytes and flat arrays beside it, instead of an object a message.
//
//   bytes      key0 value0 key1 value1 ...
//   *_starts   where key i and value i begin
//   *_lengths  -1: absent (null, a tombstone)
//
// Cost: one copy of key and value and about 36 bytes of columns a message; 0.25 to 0.5 us with librdkafka's own part.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "binding/kafka/clients.h"

namespace tda::kafka {

struct Batch {
  struct Headers {
    uint32_t message;
    std::vector<std::pair<std::string, std::string>> pairs;
  };

  std::vector<char> bytes;
  std::vector<uint32_t> key_starts;
  std::vector<int32_t> key_lengths;
  std::vector<uint32_t> value_starts;
  std::vector<int32_t> value_lengths;
  std::vector<int32_t> partitions;
  std::vector<double> offsets;
  std::vector<double> timestamps;  // ms since the epoch; -1 where the log has none
  std::vector<Headers> headers;    // of the messages that have some, in order
  // Ends of partitions that were reached: the offset beyond the last record and what belongs to transactions.
  std::vector<int32_t> end_partitions;
  std::vector<double> end_offsets;
  // The first error the consumer reported between the messages, or a fatal one.
  int error_code = 0;
  std::string error;
};

struct TakeLimits {
  size_t messages_max;
  // How long to wait for a first message, and after it for a full batch.
  int first_ms;
  int linger_ms;
};

// Blocks as long as the limits say. An empty batch when nothing came or the client was closed.
Batch take(Client& client, const TakeLimits& limits);

}  // namespace tda::kafka
