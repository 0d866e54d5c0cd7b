#include "binding/kafka/clients.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace tda::kafka {

namespace {

constexpr const char* kPlugin = "streaming-tda";

class Clients {
 public:
  void add(rd_kafka_t* client) {
    const std::lock_guard lock(mutex_);
    all_.push_back({client, std::make_shared<Client>(client)});
  }
  void remove(const rd_kafka_t* client) {
    std::shared_ptr<Client> removed;
    {
      const std::lock_guard lock(mutex_);
      const auto found =
          std::find_if(all_.begin(), all_.end(), [=](const Entry& entry) { return entry.client == client; });
      if (found == all_.end()) return;
      removed = std::move(found->reader);
      all_.erase(found);
    }
    removed->close();  // May wait for a take: not under the list's mutex.
  }
  // A client gets its name after on_new, so names are asked for here. Listed clients are alive: on_destroy comes first.
  std::shared_ptr<Client> find(const std::string& name) {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : all_) {
      if (name == rd_kafka_name(entry.client)) return entry.reader;
    }
    return nullptr;
  }

 private:
  struct Entry {
    rd_kafka_t* client;
    std::shared_ptr<Client> reader;
  };
  std::mutex mutex_;
  std::vector<Entry> all_;
};

// Never destroyed: librdkafka's threads may end clients while the process is leaving.
Clients& clients() {
  static auto* const all = new Clients;
  return *all;
}

rd_kafka_resp_err_t on_destroy(rd_kafka_t* client, void*) {
  clients().remove(client);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void*, char*, size_t) {
  if (rd_kafka_type(client) != RD_KAFKA_CONSUMER) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto status = rd_kafka_interceptor_add_on_destroy(client, kPlugin, on_destroy, nullptr);
  if (status == RD_KAFKA_RESP_ERR_NO_ERROR) clients().add(client);
  return status;
}

const void* library_of(const void* address) {
  Dl_info info{};
  return dladdr(address, &info) == 0 ? nullptr : info.dli_fbase;
}

}  // namespace

std::shared_ptr<Client> find_client(const std::string& name) { return clients().find(name); }

}  // namespace tda::kafka

// Called by librdkafka when `plugin.library.paths` is set.
extern "C" __attribute__((visibility("default"))) rd_kafka_resp_err_t conf_init(rd_kafka_conf_t* conf, void**,
                                                                                char* error,
                                                                                size_t error_size) {
  using namespace tda::kafka;
  const void* const caller = library_of(__builtin_return_address(0));
  if (caller == nullptr || caller != library_of(reinterpret_cast<const void*>(&rd_kafka_version))) {
    std::snprintf(error, error_size, "%s: called by another copy of librdkafka than it was linked with",
                  kPlugin);
    return RD_KAFKA_RESP_ERR__INVALID_ARG;
  }
  // A copy of the configuration loads its plugins again, so there is nothing to do for copies.
  return rd_kafka_conf_interceptor_add_on_new(conf, kPlugin, on_new, nullptr);
}
