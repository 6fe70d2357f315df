// So many calls of one key in each window of time, shared by all instances of a service through the
// cache. When the cache is down each instance counts for itself: the limit grows with the
// instances, but the service goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libs/storage/redis.h"

namespace cafe::storage {

struct RateLimit {
  std::string name{};  ///< keeps the limits of different calls apart
  int64_t calls = 0;
  std::chrono::milliseconds window{60000};
};

/// Fixed windows of wall-clock time. Thread-safe.
class RateLimiter {
 public:
  using Clock = std::function<std::chrono::system_clock::time_point()>;
  /// `cache` may be null (count locally only) and must outlive the limiter.
  RateLimiter(RateLimit limit, Cache* cache, Clock clock);

  /// Counts one call. False: the key has used up its window; answer RESOURCE_EXHAUSTED, reason
  /// RATE_LIMITED.
  bool allow(std::string_view key);

 private:
  bool allow_locally(std::string_view key, int64_t window);

  const RateLimit limit_;
  Cache* const cache_;
  const Clock clock_;
  std::mutex mutex_;
  int64_t local_window_ = -1;
  std::unordered_map<std::string, int64_t> local_calls_;
};

}  // namespace cafe::storage
