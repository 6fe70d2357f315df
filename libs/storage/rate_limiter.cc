#include "libs/storage/rate_limiter.h"

namespace cafe::storage {
namespace {

// Bounds what strangers can make us remember while the cache is down.
constexpr size_t kMaxLocalKeys = 100000;

}  // namespace

RateLimiter::RateLimiter(RateLimit limit, Cache* cache, Clock clock)
    : limit_(std::move(limit)), cache_(cache), clock_(std::move(clock)) {}

bool RateLimiter::allow(std::string_view key) {
  const int64_t now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_().time_since_epoch()).count();
  const int64_t window = now_ms / limit_.window.count();
  if (cache_ != nullptr) {
    std::string name = "rate:" + limit_.name + ":" + std::to_string(window) + ":";
    name.append(key);
    const absl::StatusOr<int64_t> calls = cache_->increment(name, 2 * limit_.window);
    if (calls.ok()) return *calls <= limit_.calls;
  }
  return allow_locally(key, window);
}

bool RateLimiter::allow_locally(std::string_view key, int64_t window) {
  std::lock_guard lock(mutex_);
  if (window != local_window_) {
    local_calls_.clear();
    local_window_ = window;
  }
  const auto known = local_calls_.find(std::string(key));
  if (known != local_calls_.end()) return ++known->second <= limit_.calls;
  // Too many keys to count: let them pass rather than stop everybody.
  if (local_calls_.size() >= kMaxLocalKeys) return true;
  local_calls_.emplace(key, 1);
  return limit_.calls >= 1;
}

}  // namespace cafe::storage
