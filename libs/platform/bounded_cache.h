// What was found out once and never changes, in bounded memory.
//
//   BoundedCache<AccountId, std::shared_ptr<const Keys>> known(50'000);
//   if (auto keys = known.find(id)) return *keys;
//   known.insert(id, read_keys(id));
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace cafe::platform {

// Thread-safe. Keeps what was used of late: entries are of two generations, and when the younger
// one is full, what is left of the older one goes.
template <class Key, class Value>
class BoundedCache {
 public:
  // At most `most` entries, at least 2.
  explicit BoundedCache(size_t most) : half_(std::max<size_t>(1, most / 2)) {}

  std::optional<Value> find(const Key& key) {
    const std::lock_guard lock(mutex_);
    if (const auto young = young_.find(key); young != young_.end()) return young->second;
    const auto old = old_.find(key);
    if (old == old_.end()) return std::nullopt;
    Value value = std::move(old->second);
    old_.erase(old);
    add(key, value);
    return value;
  }

  void insert(const Key& key, Value value) {
    const std::lock_guard lock(mutex_);
    old_.erase(key);
    add(key, std::move(value));
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return young_.size() + old_.size();
  }

 private:
  void add(const Key& key, Value value) {
    if (young_.size() >= half_ && !young_.contains(key)) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_.insert_or_assign(key, std::move(value));
  }

  const size_t half_;
  mutable std::mutex mutex_;
  absl::flat_hash_map<Key, Value> young_;
  absl::flat_hash_map<Key, Value> old_;
};

}  // namespace cafe::platform
