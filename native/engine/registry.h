// All streams, windows and engines of the process behind integer handles, so that any thread can use them.
//
//   (H1) A handle is given once and never again; it names one kind of thing.
//   (H2) What a handle names lives until it is released and the last user let go: a call under way keeps it.
//   (H3) An engine keeps its ring alive, not the handle of its stream.
// Cost: one mutex and one hash lookup a call.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <variant>

#include "native/engine/engine.h"

namespace tda {

using Handle = uint64_t;

class Registry {
 public:
  using Entry =
      std::variant<std::shared_ptr<PointRing>, std::shared_ptr<SlidingWindow>, std::shared_ptr<Engine>>;

  // May throw std::bad_alloc.
  Handle add(Entry entry);
  // Null when the handle is unknown or names another kind of thing.
  template <class Thing>
  std::shared_ptr<Thing> find(Handle handle) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = entries_.find(handle);
    if (found == entries_.end()) return nullptr;
    const auto* thing = std::get_if<std::shared_ptr<Thing>>(&found->second);
    return thing == nullptr ? nullptr : *thing;
  }
  // False when there is no such handle of that kind. Memory is freed after the last user let go.
  template <class Thing>
  bool release(Handle handle) {
    Entry last;  // destroyed after the lock is given back
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = entries_.find(handle);
    if (found == entries_.end() || !std::holds_alternative<std::shared_ptr<Thing>>(found->second))
      return false;
    last = std::move(found->second);
    entries_.erase(found);
    return true;
  }
  size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<Handle, Entry> entries_;
  Handle next_ = 1;
};

// The one registry of this process. Never destroyed, because threads may outlive static destruction.
Registry& registry();

}  // namespace tda
