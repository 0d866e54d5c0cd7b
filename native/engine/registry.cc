#include "native/engine/registry.h"

namespace tda {

Handle Registry::add(Entry entry) {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.emplace(next_, std::move(entry));
  return next_++;
}

size_t Registry::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_.size();
}

Registry& registry() {
  static Registry* const instance = new Registry;
  return *instance;
}

}  // namespace tda
