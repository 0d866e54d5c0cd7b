// The consumers of this process, as librdkafka sees them: rd_kafka_t by name.
//
// node-rdkafka makes the consumer, joins the group, assigns, commits and closes; it does not hand its rd_kafka_t out.
// librdkafka does, by its public plugin interface: a consumer configured with `plugin.library.paths` = this addon calls
// conf_init() below, which asks to be told of the new client (on_new) and of its end (on_destroy). So two owners of one
// client never meet by accident:
//
//   conf_init -> on_new            node-rdkafka configures and creates the client; it is listed
//   open(name)                     the reader takes the consumer's queue
//   take ... take                  messages leave by the queue; callbacks (rebalances) are served as in any poll
//   close, or on_destroy           the queue is given back, then librdkafka goes on destroying
//
//   (R1) The queue is used only under mutex_, and never after close(): on_destroy waits for a take under way, which
//        is bounded by its own waits, so a client is not destroyed under a reader.
//   (R2) A plugin call by another copy of librdkafka than the one linked is refused: its rd_kafka_t would be a stranger's.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <string>

namespace tda::kafka {

class Client {
 public:
  explicit Client(rd_kafka_t* client) : client_(client) {}
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Calls use(queue), or does nothing and answers false once closed. Serialises.
  template <class Use>
  bool with_queue(Use use) {
    const std::lock_guard lock(mutex_);
    if (client_ == nullptr) return false;
    if (queue_ == nullptr) queue_ = rd_kafka_queue_get_consumer(client_);
    if (queue_ == nullptr) return false;
    use(client_, queue_);
    return true;
  }
  // Waits for a use under way.
  void close() {
    const std::lock_guard lock(mutex_);
    if (queue_ != nullptr) rd_kafka_queue_destroy(queue_);
    queue_ = nullptr;
    client_ = nullptr;
  }

 private:
  std::mutex mutex_;
  rd_kafka_t* client_;
  rd_kafka_queue_t* queue_ = nullptr;
};

// The consumer of that name (rd_kafka_name), or null: it ended, or its configuration did not name this plugin.
std::shared_ptr<Client> find_client(const std::string& name);

}  // namespace tda::kafka
