// What may vanish at any moment without harm: a cache with expiry, counters, notifications. Redis
// is never needed: when it is down every call returns UNAVAILABLE, reason CACHE_DOWN, at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cafe::storage {

/// Keys and values are byte strings. Thread-safe. Never throws.
class Cache {
 public:
  virtual ~Cache() = default;

  virtual absl::Status set(std::string_view key, std::string_view value,
                           std::chrono::milliseconds ttl) = 0;
  /// All of them in one round trip.
  virtual absl::Status set_many(std::span<const std::pair<std::string, std::string>> items,
                                std::chrono::milliseconds ttl) = 0;
  /// nullopt: not there (never written, expired, evicted, or Redis was restarted).
  virtual absl::StatusOr<std::optional<std::string>> get(std::string_view key) = 0;
  /// One answer for each key, in order.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> get_many(
      std::span<const std::string> keys) = 0;
  /// Adds one and returns the new value; the first makes the key expire after ttl.
  virtual absl::StatusOr<int64_t> increment(std::string_view key,
                                            std::chrono::milliseconds ttl) = 0;
  /// Sends to whoever listens now.
  virtual absl::Status publish(std::string_view channel, std::string_view message) = 0;
};

struct RedisOptions {
  /// "host:port", or the path of a unix socket (starts with '/').
  std::string address{};
  std::string password{};
  int pool_size = 8;
  std::chrono::milliseconds connect_timeout{200};
  std::chrono::milliseconds command_timeout{200};
  /// After a failure nothing is attempted for this long.
  std::chrono::milliseconds retry_after{1000};
};

/// RedisOptions::address of a service's --redis-url: "redis://host:port" (database 0 only) or the path of a unix socket.
/// INVALID_ARGUMENT BAD_REDIS_URL.
absl::StatusOr<std::string> redis_address(const std::string& url);

/// Redis through hiredis. The constructor does not connect, so a service starts without Redis.
class RedisCache : public Cache {
 public:
  using SteadyClock = std::function<std::chrono::steady_clock::time_point()>;
  explicit RedisCache(RedisOptions options, SteadyClock clock = std::chrono::steady_clock::now);
  ~RedisCache() override;

  absl::Status set(std::string_view key, std::string_view value,
                   std::chrono::milliseconds ttl) override;
  absl::Status set_many(std::span<const std::pair<std::string, std::string>> items,
                        std::chrono::milliseconds ttl) override;
  absl::StatusOr<std::optional<std::string>> get(std::string_view key) override;
  absl::StatusOr<std::vector<std::optional<std::string>>> get_many(
      std::span<const std::string> keys) override;
  absl::StatusOr<int64_t> increment(std::string_view key, std::chrono::milliseconds ttl) override;
  absl::Status publish(std::string_view channel, std::string_view message) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A cache in memory with a clock of the test's, which can be made to fail as Redis does.
class FakeCache : public Cache {
 public:
  using Clock = std::function<std::chrono::system_clock::time_point()>;
  explicit FakeCache(Clock clock) : clock_(std::move(clock)) {}

  void set_down(bool down);
  /// Forgets everything, as a restart does.
  void clear();
  /// (channel, message) of every publish.
  std::vector<std::pair<std::string, std::string>> published() const;

  absl::Status set(std::string_view key, std::string_view value,
                   std::chrono::milliseconds ttl) override;
  absl::Status set_many(std::span<const std::pair<std::string, std::string>> items,
                        std::chrono::milliseconds ttl) override;
  absl::StatusOr<std::optional<std::string>> get(std::string_view key) override;
  absl::StatusOr<std::vector<std::optional<std::string>>> get_many(
      std::span<const std::string> keys) override;
  absl::StatusOr<int64_t> increment(std::string_view key, std::chrono::milliseconds ttl) override;
  absl::Status publish(std::string_view channel, std::string_view message) override;

 private:
  struct Item {
    std::string value;
    std::chrono::system_clock::time_point expires;
  };
  absl::Status check_up() const;
  std::optional<std::string> find(const std::string& key) const;

  const Clock clock_;
  mutable std::mutex mutex_;
  bool down_ = false;
  std::map<std::string, Item> items_;
  std::vector<std::pair<std::string, std::string>> published_;
};

}  // namespace cafe::storage
